import { array, assert, constant, constantFrom, oneof, property } from 'fast-check';
import {
  hasProcess,
  LIMIT_MS,
  STOPPED,
  type Actual,
  type Effect,
  type EventType,
  type Service,
  type ServiceEvent,
} from '../../runtime/supervisor/service.ts';
import { TABLE, transition } from '../../runtime/supervisor/transition.ts';

type Exit = Extract<ServiceEvent, { type: 'exited' }>['outcome'];

const EVENTS: { readonly [T in EventType]: Extract<ServiceEvent, { type: T }> } = {
  start: { type: 'start', atMs: 5000 },
  turn: { type: 'turn', atMs: 5000 },
  stop: { type: 'stop', atMs: 5000, reason: 'deploy' },
  drain: { type: 'drain', atMs: 5000, reason: 'operator' },
  recycle: { type: 'recycle', atMs: 5000, reason: 'config' },
  kill: { type: 'kill', atMs: 5000, reason: 'operator' },
  adopt: { type: 'adopt', atMs: 5000 },
  hello: { type: 'hello', atMs: 5000 },
  refused: { type: 'refused', atMs: 5000 },
  ready: { type: 'ready', atMs: 5000 },
  degraded: { type: 'degraded', atMs: 5000 },
  recovered: { type: 'recovered', atMs: 5000 },
  stalled: { type: 'stalled', atMs: 5000 },
  hung: { type: 'hung', atMs: 5000, sinceMs: 4000 },
  exited: { type: 'exited', atMs: 5000, outcome: 'crash', random: 0.5, capMs: 30_000 },
  timeout: { type: 'timeout', atMs: 5000 },
  wake: { type: 'wake', atMs: 5000 },
  alone: { type: 'alone', atMs: 5000, outage: { sinceMs: 3000, reason: 'hang', planned: false } },
};
const STATES = Object.keys(TABLE) as Actual[];

/** A service as it typically is in a state: wanted, ready for a second where it is ready at all. */
function typical(actual: Actual): Service {
  if (actual === 'stopped') return STOPPED;
  const ready = actual === 'ready' || actual === 'degraded' || actual === 'draining';
  const ending = actual === 'draining' || actual === 'stopping' || actual === 'killing';
  return {
    ...STOPPED,
    actual,
    desired: ending ? 'down' : 'up',
    ending: ending ? { reason: 'operator', planned: true } : null,
    readySinceMs: ready ? 4000 : null,
  };
}

/** The next state, `*` for a change of what is wanted alone, `~` when from now on nobody serves, and the effects by their names. */
function cell(service: Service, event: ServiceEvent): string {
  const { service: next, effects } = transition(service, event);
  const wanted = next.actual === service.actual && next.desired !== service.desired ? '*' : '';
  const done = effects.map((effect) => (effect.type === 'report' ? `!${effect.report.type}` : effect.type));
  const moved = next.actual === service.actual ? '-' : next.actual;
  const unserved = service.outage === null && next.outage !== null ? '~' : '';
  return [moved + wanted + unserved, ...done].join(' ');
}

// Every cell of the table. A dash: the state stays. A star: what is wanted changes. A tilde: from now on nobody serves. Then
// what is done; `!` = the world is told.
const TO_STOP = 'stopping askToStop timer';
const TO_RECYCLE = 'stopping~ askToStop timer';
const TO_KILL = 'killing~ kill timer';
const OVERDUE = 'killing kill timer';
const TO_QUEUE = 'queued queue';
const EXPECTED: Record<Actual, Record<EventType, string>> = {
  stopped: {
    start: TO_QUEUE,
    turn: '-',
    stop: '-',
    drain: '-',
    recycle: TO_QUEUE,
    kill: '-',
    adopt: 'spawning timer',
    hello: '-',
    refused: '-',
    ready: '-',
    degraded: '-',
    recovered: '-',
    stalled: '-',
    hung: '-',
    exited: '-',
    timeout: '-',
    wake: '-',
    alone: '-',
  },
  queued: {
    start: '-',
    turn: 'spawning spawn timer',
    stop: 'stopped',
    drain: 'stopped',
    recycle: '- queue',
    kill: '- queue',
    adopt: '-',
    hello: '-',
    refused: '-',
    ready: '-',
    degraded: '-',
    recovered: '-',
    stalled: '-',
    hung: '-',
    exited: '-',
    timeout: '-',
    wake: '-',
    alone: '-~',
  },
  spawning: {
    start: '-',
    turn: '-',
    stop: TO_STOP,
    drain: TO_STOP,
    recycle: TO_RECYCLE,
    kill: TO_KILL,
    adopt: '-',
    hello: 'initialising configure timer',
    refused: TO_STOP,
    ready: '-',
    degraded: '-',
    recovered: '-',
    stalled: '-',
    hung: '-',
    exited: 'backoff~ !exited timer',
    timeout: OVERDUE,
    wake: '-',
    alone: '-~',
  },
  initialising: {
    start: '- configure',
    turn: '-',
    stop: TO_STOP,
    drain: TO_STOP,
    recycle: TO_RECYCLE,
    kill: TO_KILL,
    adopt: '-',
    hello: '- configure',
    refused: TO_STOP,
    ready: 'ready !ready',
    degraded: '-',
    recovered: '-',
    stalled: '-',
    hung: '-',
    exited: 'backoff~ !exited timer',
    timeout: OVERDUE,
    wake: '-',
    alone: '-~',
  },
  ready: {
    start: '-',
    turn: '-',
    stop: TO_STOP,
    drain: 'draining askToDrain timer',
    recycle: TO_RECYCLE,
    kill: TO_KILL,
    adopt: '-',
    hello: '-',
    refused: TO_STOP,
    ready: '-',
    degraded: 'degraded',
    recovered: '-',
    stalled: 'degraded !stalled',
    hung: 'killing~ !hung kill timer',
    exited: 'backoff~ !exited timer',
    timeout: '-',
    wake: '-',
    alone: '-',
  },
  degraded: {
    start: '-',
    turn: '-',
    stop: TO_STOP,
    drain: 'draining askToDrain timer',
    recycle: TO_RECYCLE,
    kill: TO_KILL,
    adopt: '-',
    hello: '-',
    refused: TO_STOP,
    ready: '-',
    degraded: '-',
    recovered: 'ready',
    stalled: '- !stalled',
    hung: 'killing~ !hung kill timer',
    exited: 'backoff~ !exited timer',
    timeout: '-',
    wake: '-',
    alone: '-',
  },
  draining: {
    start: '-*',
    turn: '-',
    stop: TO_STOP,
    drain: '-',
    recycle: '-*',
    kill: TO_KILL,
    adopt: '-',
    hello: '- askToDrain',
    refused: '-',
    ready: '-',
    degraded: '-',
    recovered: '-',
    stalled: '-',
    hung: 'killing~ !hung kill timer',
    exited: 'stopped !exited',
    timeout: TO_STOP,
    wake: '-',
    alone: '-~',
  },
  stopping: {
    start: '-*',
    turn: '-',
    stop: '-',
    drain: '-',
    recycle: '-*',
    kill: TO_KILL,
    adopt: '-',
    hello: '- askToStop',
    refused: '-',
    ready: '-',
    degraded: '-',
    recovered: '-',
    stalled: '-',
    hung: '-',
    exited: 'stopped !exited',
    timeout: OVERDUE,
    wake: '-',
    alone: '-~',
  },
  killing: {
    start: '-*',
    turn: '-',
    stop: '-',
    drain: '-',
    recycle: '-*',
    kill: '-~ kill timer',
    adopt: '-',
    hello: '-',
    refused: '-',
    ready: '-',
    degraded: '-',
    recovered: '-',
    stalled: '-',
    hung: '-',
    exited: 'stopped !exited',
    timeout: '- !stuck kill timer',
    wake: '-',
    alone: '-~',
  },
  backoff: {
    start: '-',
    turn: '-',
    stop: 'stopped',
    drain: 'stopped',
    recycle: TO_QUEUE,
    kill: TO_QUEUE,
    adopt: '-',
    hello: '-',
    refused: '-',
    ready: '-',
    degraded: '-',
    recovered: '-',
    stalled: '-',
    hung: '-',
    exited: '-',
    timeout: TO_QUEUE,
    wake: '-',
    alone: '-~',
  },
  held: {
    start: '-',
    turn: '-',
    stop: 'stopped',
    drain: 'stopped',
    recycle: TO_QUEUE,
    kill: TO_QUEUE,
    adopt: '-',
    hello: '-',
    refused: '-',
    ready: '-',
    degraded: '-',
    recovered: '-',
    stalled: '-',
    hung: '-',
    exited: '-',
    timeout: TO_QUEUE,
    wake: '-',
    alone: '-~',
  },
  failed: {
    start: '-',
    turn: '-',
    stop: 'stopped',
    drain: 'stopped',
    recycle: TO_QUEUE,
    kill: TO_QUEUE,
    adopt: '-',
    hello: '-',
    refused: '-',
    ready: '-',
    degraded: '-',
    recovered: '-',
    stalled: '-',
    hung: '-',
    exited: '-',
    timeout: '-',
    wake: '-',
    alone: '-~',
  },
};

describe.each(STATES)('%s', (state) => {
  test.each(Object.values(EVENTS).map((event) => [event.type, event] as const))('%s', (type, event) => {
    expect(cell(typical(state), event)).toBe(EXPECTED[state][type]);
  });
});

/** Sends events one after another; the last step. Nobody else is being started: a turn comes at once. */
function run(from: Service, ...events: ServiceEvent[]): { service: Service; effects: readonly Effect[] } {
  let step = { service: from, effects: [] as readonly Effect[] };
  for (const event of events) {
    step = transition(step.service, event);
    if (step.service.actual !== 'queued') continue;
    const next = transition(step.service, { type: 'turn', atMs: event.atMs });
    step = { service: next.service, effects: [...step.effects, ...next.effects] };
  }
  return step;
}

const exit = (outcome: Exit, atMs = 5000): ServiceEvent => ({
  type: 'exited',
  atMs,
  outcome,
  random: 0.5,
  capMs: 30_000,
});
const reports = ({ effects }: { effects: readonly Effect[] }) =>
  effects.flatMap((effect) => (effect.type === 'report' ? [effect.report] : []));

test('a daemon that was well for ten seconds is respawned in the same step as it dies', () => {
  const step = run({ ...typical('ready'), readySinceMs: 0 }, exit('crash', 10_000));
  expect(step.service.actual).toBe('spawning');
  expect(step.effects).toContainEqual({ type: 'spawn' });
});

test.each(['done', 'recycled'] as const)('an exit "%s" that nobody asked for is a failure', (outcome) => {
  expect(run(typical('ready'), exit(outcome)).service).toMatchObject({
    actual: 'backoff',
    outage: { reason: 'crash' },
  });
});

test('a configuration error is not tried again until somebody asks or it changes', () => {
  const failed = run(typical('initialising'), exit('config'));
  expect(failed.service.actual).toBe('failed');
  expect(reports(failed)).toEqual([{ type: 'exited', reason: 'config', outcome: 'config' }]);
  expect(run(failed.service, EVENTS.start, EVENTS.timeout, EVENTS.wake).service.actual).toBe('failed');
  expect(run(failed.service, EVENTS.recycle).service.actual).toBe('spawning');
});

test('a starved channel waits for its camera, and half a minute at most', () => {
  const starved = run(typical('ready'), exit('starved'));
  expect(starved.service).toMatchObject({ actual: 'backoff', starved: true });
  expect(starved.effects).toContainEqual({ type: 'timer', delayMs: LIMIT_MS.starved });
  expect(reports(starved).map(({ type }) => type)).toEqual(['exited', 'starved']);
  expect(run(starved.service, EVENTS.wake).service).toMatchObject({ actual: 'spawning', starved: false });
  expect(run(starved.service, EVENTS.timeout).service).toMatchObject({ actual: 'spawning', starved: false });
});

test('starving is not failing: nothing is counted', () => {
  expect(run(typical('ready'), exit('starved')).service.tally).toEqual(STOPPED.tally);
});

test('eleven crashes in a row are held, and the alarm is raised once', () => {
  let service: Service = typical('spawning');
  const told: string[] = [];
  for (let i = 0; i < 13; i++) {
    const step = run(service, exit('crash', i * 1000));
    told.push(...reports(step).map(({ type }) => type));
    service = run(step.service, EVENTS.timeout).service;
  }
  expect(told.filter((type) => type === 'held')).toHaveLength(1);
});

test('a planned end is followed by the next start at once, and is not counted', () => {
  const recycled = run(typical('ready'), EVENTS.recycle, exit('done'));
  expect(recycled.service).toMatchObject({ actual: 'spawning', tally: STOPPED.tally });
  const killed = run(typical('ready'), EVENTS.kill, exit('crash'));
  expect(killed.service).toMatchObject({ actual: 'spawning', tally: STOPPED.tally });
});

test('killing for memory is counted: a daemon that leaks fast must not be respawned without end', () => {
  const killed = run(typical('ready'), { type: 'kill', atMs: 5000, reason: 'memory' }, exit('crash'));
  expect(killed.service.actual).toBe('backoff');
  expect(reports(killed)).toEqual([{ type: 'exited', reason: 'memory', outcome: 'killed' }]);
});

test('the reason of an exit is what was done to the process, not how it went down', () => {
  const hung = run(typical('ready'), EVENTS.hung, exit('crash'));
  expect(reports(hung)).toEqual([{ type: 'exited', reason: 'hang', outcome: 'killed' }]);
  const overdue = run(typical('ready'), EVENTS.stop, EVENTS.timeout, exit('crash'));
  expect(reports(overdue)).toEqual([{ type: 'exited', reason: 'deploy', outcome: 'killed' }]);
});

test('a recovery is measured from the last beat of a daemon that hung, or from the end of one that died', () => {
  const back = (service: Service): Service => run(service, EVENTS.timeout, EVENTS.hello).service;
  const ready = { type: 'ready', atMs: 7000 } as const;
  const hung = run(typical('ready'), EVENTS.hung, exit('crash')).service;
  expect(reports(run(back(hung), ready))).toContainEqual({ type: 'respawned', reason: 'hang', recoveryMs: 3000 });
  const died = run(typical('ready'), exit('crash')).service;
  expect(reports(run(back(died), ready))).toContainEqual({ type: 'respawned', reason: 'crash', recoveryMs: 2000 });
});

test('a restart is measured from the order to ready, and an exit that we brought about is no crash', () => {
  const killed = run(typical('ready'), EVENTS.kill, exit('crash', 5100));
  expect(reports(killed)).toEqual([{ type: 'exited', reason: 'operator', outcome: 'killed' }]);
  const back = run(killed.service, EVENTS.hello, { type: 'ready', atMs: 5400 });
  expect(reports(back)).toContainEqual({ type: 'recycled', reason: 'operator', recoveryMs: 400 });
  const asked = run(typical('ready'), EVENTS.recycle, exit('done', 5200), EVENTS.hello, { type: 'ready', atMs: 5500 });
  expect(reports(asked)).toContainEqual({ type: 'recycled', reason: 'config', recoveryMs: 500 });
});

test('a daemon that was stopped while it stood in line leaves it without a word', () => {
  const step = transition({ ...typical('queued'), desired: 'up' }, EVENTS.stop);
  expect(step).toEqual({ service: STOPPED, effects: [] });
});

test('only an exit that we brought about is one that we brought about', () => {
  expect(reports(run(typical('ready'), exit('crash')))).toEqual([
    { type: 'exited', reason: 'crash', outcome: 'crash' },
  ]);
});

test('an outage begins once: what happens while nobody serves does not make it shorter', () => {
  const since = (service: Service): number | undefined => service.outage?.sinceMs;
  const dead = run(typical('ready'), exit('crash', 1000)).service;
  expect(since(run(dead, EVENTS.alone).service)).toBe(1000);
  expect(since(run(dead, EVENTS.timeout, EVENTS.kill, exit('crash', 7000)).service)).toBe(1000);
});

test('no kind waits longer than its cap between two tries', () => {
  let service: Service = typical('spawning');
  for (let i = 0; i < 9; i++) {
    const step = run(service, { type: 'exited', atMs: i, outcome: 'temporary', random: 0.5, capMs: 5_000 });
    for (const effect of step.effects) if (effect.type === 'timer') expect(effect.delayMs).toBeLessThanOrEqual(5_000);
    service = run(step.service, EVENTS.timeout).service;
  }
});

test('a successor whose predecessor died while it started tells how long nobody served', () => {
  const step = run(STOPPED, EVENTS.start, EVENTS.alone, EVENTS.hello, { type: 'ready', atMs: 6000 });
  expect(reports(step)).toEqual([{ type: 'ready' }, { type: 'respawned', reason: 'hang', recoveryMs: 3000 }]);
});

test('what was planned is told as recycled, what was not as respawned', () => {
  const planned = run(typical('ready'), EVENTS.recycle, exit('done'), EVENTS.hello, EVENTS.ready);
  expect(reports(planned).map(({ type }) => type)).toEqual(['ready', 'recycled']);
  const first = run(STOPPED, EVENTS.start, EVENTS.hello, EVENTS.ready);
  expect(reports(first).map(({ type }) => type)).toEqual(['ready']);
});

test('a daemon that is wanted again while it stops comes back when it has stopped', () => {
  const wanted = run(typical('ready'), EVENTS.stop, EVENTS.start);
  expect(wanted.service).toMatchObject({ actual: 'stopping', desired: 'up' });
  expect(run(wanted.service, exit('done')).service.actual).toBe('spawning');
});

test('an adopted daemon is told as adopted, and one that was never declared is not brought back', () => {
  const adopted = run(STOPPED, EVENTS.adopt, EVENTS.hello, EVENTS.ready);
  expect(adopted.service).toMatchObject({ actual: 'ready', desired: 'down' });
  expect(reports(adopted)).toEqual([{ type: 'adopted' }]);
  expect(run(adopted.service, exit('crash')).service.actual).toBe('stopped');
  expect(run(adopted.service, EVENTS.start, exit('crash')).service.actual).toBe('backoff');
});

test('a daemon of another version that was adopted is replaced, one that we spawned ourselves has failed', () => {
  const adopted = run(STOPPED, EVENTS.adopt, EVENTS.start, EVENTS.refused, exit('done'));
  expect(adopted.service.actual).toBe('spawning');
  const spawned = run(STOPPED, EVENTS.start, EVENTS.refused, exit('done'));
  expect(spawned.service.actual).toBe('backoff');
});

describe('whatever happens in whatever order', () => {
  const anyEvent = oneof(
    ...Object.values(EVENTS).map((event) => constant<ServiceEvent>(event)),
    constantFrom<Exit>('done', 'recycled', 'starved', 'temporary', 'config').map((outcome) => exit(outcome)),
  );
  const history = array(anyEvent, { maxLength: 60 });

  test('there is never a second process, and every process that is started is also seen to end', () => {
    assert(
      property(history, (events) => {
        let service = STOPPED;
        let processes = 0;
        for (const event of events) {
          // The world sends an exit only for a process that is there.
          if (event.type === 'exited' && processes === 0) continue;
          if (event.type === 'exited') processes -= 1;
          const before = service;
          const step = transition(service, event);
          service = step.service;
          processes += step.effects.filter(({ type }) => type === 'spawn').length;
          if (event.type === 'adopt' && before.actual === 'stopped') processes += 1;
          expect(processes).toBe(hasProcess(service) ? 1 : 0);
        }
      }),
    );
  });

  test('a process that is not at its work, and a daemon that waits, always has a timer', () => {
    // Whoever stands in line is called.
    const settled = new Set<Actual>(['stopped', 'queued', 'failed', 'ready', 'degraded']);
    assert(
      property(history, (events) => {
        let service = STOPPED;
        for (const event of events) {
          const before = service.actual;
          const { service: next, effects } = transition(service, event);
          service = next;
          if (next.actual === before || settled.has(next.actual)) continue;
          expect(effects.filter(({ type }) => type === 'timer')).toHaveLength(1);
        }
      }),
    );
  });

  test('what is not wanted ends: stop, time and the exit of the process lead to stopped', () => {
    assert(
      property(history, (events) => {
        const before = run(STOPPED, ...events).service;
        const last = run(before, EVENTS.stop, EVENTS.timeout, EVENTS.timeout, exit('crash')).service;
        expect(last.actual).toBe('stopped');
      }),
    );
  });
});
