/**
 * The life of a daemon as one table: a pure `transition(service, event)` that says what the daemon is now and what is to be done.
 *
 * Belongs here: states, events, what each event means in each state, and the respawn decision. Does not belong here: anything with an
 * effect (daemon.ts carries the effects out), clocks and random numbers (they come in with the event), and the wish of several daemons
 * at once (slot.ts). Desired and actual are two fields: a command changes what is wanted, only facts change what is.
 *
 *   stopped -> queued -> spawning -> initialising -> ready <-> degraded
 *                           |             |            |
 *                           +-------------+------------+--> draining -> stopping -> killing --> (exit) --> stopped
 *                           |                                                                    |
 *                           +---- exit nobody asked for ----> backoff | held | failed -----------+--> queued
 */
import { afterFailure, NO_FAILURES, type Tally } from './backoff.ts';

/**
 * - `stopped`       no process, and none is wanted
 * - `queued`        no process; one is wanted now, and its turn to be started has not come (brake.ts)
 * - `spawning`      a process exists and has not said hello
 * - `initialising`  it said hello and is getting ready
 * - `ready`         it says that it does its work
 * - `degraded`      it works, and says that it does not work well
 * - `draining`      it finishes what is under way and takes nothing new
 * - `stopping`      it was asked to end
 * - `killing`       SIGKILL was sent; the kernel has not confirmed its end
 * - `backoff`       no process; the next try is due after a delay, or when the camera is back
 * - `held`          no process; it failed too often, one try a minute
 * - `failed`        no process; its configuration cannot work, no try until it changes or somebody asks
 */
export const ACTUALS = [
  'stopped',
  'queued',
  'spawning',
  'initialising',
  'ready',
  'degraded',
  'draining',
  'stopping',
  'killing',
  'backoff',
  'held',
  'failed',
] as const;
export type Actual = (typeof ACTUALS)[number];

/** Why a process ended or was made to end; the contract's `reason`. */
export const REASONS = ['crash', 'hang', 'memory', 'starved', 'operator', 'config', 'deploy'] as const;
export type Reason = (typeof REASONS)[number];

/** What an exit says by itself. `killed` = by us; `crash` = another signal, or a code that only a crash gives. */
export type Outcome = 'done' | 'recycled' | 'starved' | 'temporary' | 'config' | 'killed' | 'crash';

/** Since when the work is not being done, and why. */
export type Outage = { readonly sinceMs: number; readonly reason: Reason; readonly planned: boolean };

export type Service = {
  readonly actual: Actual;
  readonly desired: 'up' | 'down';
  /**
   * Set while a process is being ended from outside: the reason it will be said to have ended for. What was planned is no failure: no back-off
   * follows, and nothing is counted.
   */
  readonly ending: { readonly reason: Reason; readonly planned: boolean } | null;
  /** The process was there before this supervisor, and has not said hello to it. */
  readonly adopting: boolean;
  /** No process because there are no packets: waits for the camera, at most for the delay. */
  readonly starved: boolean;
  readonly readySinceMs: number | null;
  /** Null = the work has never begun, or it is being done. */
  readonly outage: Outage | null;
  readonly tally: Tally;
};

export const STOPPED: Service = {
  actual: 'stopped',
  desired: 'down',
  ending: null,
  adopting: false,
  starved: false,
  readySinceMs: null,
  outage: null,
  tally: NO_FAILURES,
};

/** What can happen to a service, and what is known about it when it does. Commands first, then facts. */
type Occurrences = {
  start: unknown;
  /** Its turn to be started has come. */
  turn: unknown;
  stop: { readonly reason: Reason };
  /** Finish what is under way, then stop. */
  drain: { readonly reason: Reason };
  /** Stop, then start again. */
  recycle: { readonly reason: Reason };
  /** SIGKILL; then start again, if it is wanted. */
  kill: { readonly reason: Reason };
  /** There is a process of an earlier supervisor. */
  adopt: unknown;
  hello: unknown;
  /** It said hello in a protocol that is not ours. */
  refused: unknown;
  ready: unknown;
  degraded: unknown;
  recovered: unknown;
  /** It has input, and has given no output for too long. */
  stalled: unknown;
  /** No heartbeat for the watchdog's time; `sinceMs` = the last one. */
  hung: { readonly sinceMs: number };
  /** `capMs` = the longest wait between two tries of its kind. */
  exited: { readonly outcome: Exclude<Outcome, 'killed'>; readonly random: number; readonly capMs: number };
  /** The timer that the current state armed. */
  timeout: unknown;
  /** The camera is back. */
  wake: unknown;
  /** The predecessor, in whose place it starts, does not serve any more. */
  alone: { readonly outage: Outage };
};
export type EventType = keyof Occurrences;
export type ServiceEvent = {
  [T in EventType]: { readonly type: T; readonly atMs: number } & Occurrences[T];
}[EventType];

/** What is to be done about it; data, carried out elsewhere. Entering a state cancels the timer of the one before. */
export type Effect =
  | { readonly type: 'queue' }
  | { readonly type: 'spawn' }
  | { readonly type: 'configure' }
  | { readonly type: 'askToDrain' }
  | { readonly type: 'askToStop' }
  | { readonly type: 'kill' }
  | { readonly type: 'timer'; readonly delayMs: number }
  | { readonly type: 'report'; readonly report: Report };

/** What the world is told. */
export type Report =
  | { readonly type: 'ready' }
  | { readonly type: 'adopted' }
  | { readonly type: 'respawned' | 'recycled'; readonly reason: Reason; readonly recoveryMs: number }
  | { readonly type: 'hung' }
  | { readonly type: 'stalled' }
  | { readonly type: 'exited'; readonly reason: Reason; readonly outcome: Outcome }
  | { readonly type: 'starved' }
  | { readonly type: 'held' }
  | { readonly type: 'stuck' };

export type Step = { readonly service: Service; readonly effects: readonly Effect[] };

/** How long each state may last before `timeout`. Those of backoff and held come from backoff.ts. */
export const LIMIT_MS = {
  /** From the spawn to hello; a cold start takes 60 to 160 ms. */
  spawning: 10_000,
  /** From the supervisor's start to the hello of a daemon that was there before. */
  adopting: 5_000,
  /** From hello to ready. */
  initialising: 15_000,
  draining: 10_000,
  stopping: 5_000,
  /** SIGKILL waits for the kernel alone; asked again after this. */
  killing: 5_000,
  /** A starved channel is tried this often when nobody says that its camera is back. */
  starved: 30_000,
} as const;

/** True while a process exists. */
export function hasProcess(service: Service): boolean {
  return PROCESS_STATES.has(service.actual);
}

type Rule<T extends EventType> = (service: Service, event: Extract<ServiceEvent, { type: T }>) => Step;
type Row = { readonly [T in EventType]: Rule<T> };

const none: readonly Effect[] = [];
const ignore = (service: Service): Step => ({ service, effects: none });
const wantUp = (service: Service): Step => ({ service: { ...service, desired: 'up' }, effects: none });
const wantDown = (service: Service): Step => ({ service: { ...service, desired: 'down' }, effects: none });
const report = (report: Report): Effect => ({ type: 'report', report });
const timer = (delayMs: number): Effect => ({ type: 'timer', delayMs });

/** A process is wanted now: it stands in line for its start. */
function queue(service: Service): Step {
  return {
    service: {
      ...service,
      actual: 'queued',
      desired: 'up',
      ending: null,
      adopting: false,
      starved: false,
      readySinceMs: null,
    },
    effects: [{ type: 'queue' }],
  };
}

/** Somebody wants it now: the past does not delay it. */
function queueAfresh(service: Service): Step {
  return queue({ ...service, tally: NO_FAILURES });
}

const turn: Rule<'turn'> = (service) => ({
  service: { ...service, actual: 'spawning' },
  effects: [{ type: 'spawn' }, timer(LIMIT_MS.spawning)],
});

const rest = (): Step => ({ service: STOPPED, effects: none });

function askToStop(service: Service, reason: Reason, planned: boolean): Step {
  return {
    service: { ...service, actual: 'stopping', ending: { reason, planned } },
    effects: [{ type: 'askToStop' }, timer(LIMIT_MS.stopping)],
  };
}

/** A process that is being ended already keeps the reason that it is ended for. */
function kill(service: Service, reason: Reason, planned: boolean): Step {
  return {
    service: { ...service, actual: 'killing', ending: service.ending ?? { reason, planned } },
    effects: [{ type: 'kill' }, timer(LIMIT_MS.killing)],
  };
}

/** From now on nobody serves, unless nobody did already. */
const unserved = (service: Service, sinceMs: number, reason: Reason, planned: boolean): Service => ({
  ...service,
  outage: service.outage ?? { sinceMs, reason, planned },
});

const stop: Rule<'stop'> = (service, event) => askToStop({ ...service, desired: 'down' }, event.reason, true);
const recycle: Rule<'recycle'> = (service, event) =>
  askToStop({ ...unserved(service, event.atMs, event.reason, true), desired: 'up' }, event.reason, true);
/** Too much memory is a failure like any other: were it not counted, a daemon that leaks fast would be respawned without end. */
const killFor: Rule<'kill'> = (service, event) => {
  const planned = event.reason !== 'memory';
  return kill(unserved(service, event.atMs, event.reason, planned), event.reason, planned);
};
const drain: Rule<'drain'> = (service, event) => ({
  service: { ...service, actual: 'draining', desired: 'down', ending: { reason: event.reason, planned: true } },
  effects: [{ type: 'askToDrain' }, timer(LIMIT_MS.draining)],
});
/** What has not begun need not be finished. */
const drainBeforeReady: Rule<'drain'> = (service, event) =>
  askToStop({ ...service, desired: 'down' }, event.reason, true);

/** It did not do in time what this state is for. */
const overdue: Rule<'timeout'> = (service) => kill(service, 'hang', false);

const stalled: Rule<'stalled'> = (service) => ({
  service: { ...service, actual: 'degraded' },
  effects: [report({ type: 'stalled' })],
});

const hung: Rule<'hung'> = (service, event) => {
  const { service: killed, effects } = kill(unserved(service, event.sinceMs, 'hang', false), 'hang', false);
  return { service: killed, effects: [report({ type: 'hung' }), ...effects] };
};

const alone: Rule<'alone'> = (service, { outage }) => ({
  service: { ...service, outage: service.outage ?? outage },
  effects: none,
});

const hello: Rule<'hello'> = (service) => ({
  service: { ...service, actual: 'initialising' },
  effects: [{ type: 'configure' }, timer(LIMIT_MS.initialising)],
});
const helloAgain =
  (...effects: readonly Effect[]) =>
  (service: Service): Step => ({ service, effects });

/** Another protocol: it is asked to end by signal, which every version understands, and a new one of ours takes its place. */
const refused: Rule<'refused'> = (service) =>
  service.adopting ? askToStop(service, 'deploy', true) : askToStop(service, 'crash', false);

const ready: Rule<'ready'> = (service, event) => {
  const { outage } = service;
  const recovered = (): Report => {
    const recoveryMs = outage === null ? 0 : event.atMs - outage.sinceMs;
    return { type: outage?.planned === true ? 'recycled' : 'respawned', reason: outage?.reason ?? 'crash', recoveryMs };
  };
  return {
    service: { ...service, actual: 'ready', adopting: false, readySinceMs: event.atMs, outage: null },
    effects: [
      report({ type: service.adopting ? 'adopted' : 'ready' }),
      // An earlier supervisor may have told of an outage and not of its end.
      ...(outage === null ? none : [report(recovered())]),
    ],
  };
};

/** Why it ended: what we did to it, or else what its exit says. */
function reasonOf(service: Service, outcome: Outcome): Reason {
  if (service.ending !== null) return service.ending.reason;
  if (outcome === 'starved') return 'starved';
  return outcome === 'config' ? 'config' : 'crash';
}

const exited: Rule<'exited'> = (service, event) => {
  const reason = reasonOf(service, event.outcome);
  const outcome = service.actual === 'killing' && event.outcome === 'crash' ? 'killed' : event.outcome;
  const told = report({ type: 'exited', reason, outcome });
  const planned = service.ending?.planned ?? false;
  const ended: Service = { ...service, ending: null, adopting: false, readySinceMs: null };
  const gone = unserved(ended, event.atMs, reason, planned);
  const after = (step: Step): Step => ({ service: step.service, effects: [told, ...step.effects] });

  if (service.desired === 'down') return after(rest());
  if (planned) return after(queue(gone));
  if (service.ending === null && event.outcome === 'config') {
    return after({ service: { ...gone, actual: 'failed' }, effects: none });
  }
  if (service.ending === null && event.outcome === 'starved') {
    return after({
      service: { ...gone, actual: 'backoff', starved: true },
      effects: [report({ type: 'starved' }), timer(LIMIT_MS.starved)],
    });
  }

  const failure = {
    atMs: event.atMs,
    healthyForMs: service.readySinceMs === null ? 0 : event.atMs - service.readySinceMs,
    counted: event.outcome !== 'temporary',
    random: event.random,
  };
  const { tally, delayMs } = afterFailure(service.tally, failure, event.capMs);
  if (tally.held) {
    const alarm = service.tally.held ? none : [report({ type: 'held' })];
    return after({ service: { ...gone, actual: 'held', tally }, effects: [...alarm, timer(delayMs)] });
  }
  if (delayMs === 0) return after(queue({ ...gone, tally }));
  return after({ service: { ...gone, actual: 'backoff', tally }, effects: [timer(delayMs)] });
};

/** No process, none due: facts about processes come too late to matter. */
const AT_REST = {
  start: wantUp,
  turn: ignore,
  stop: rest,
  drain: rest,
  recycle: queueAfresh,
  kill: queueAfresh,
  adopt: ignore,
  hello: ignore,
  refused: ignore,
  ready: ignore,
  degraded: ignore,
  recovered: ignore,
  stalled: ignore,
  hung: ignore,
  exited: ignore,
  timeout: ignore,
  wake: ignore,
  alone,
} satisfies Row;

/** A process that nobody is ending. */
const ALIVE = {
  ...AT_REST,
  stop,
  drain,
  recycle,
  kill: killFor,
  exited,
} satisfies Row;

/** A process on its way out: what is wanted changes, what happens to it does not. */
const LEAVING = {
  ...AT_REST,
  stop: wantDown,
  drain: wantDown,
  recycle: wantUp,
  kill: killFor,
  exited,
} satisfies Row;

/** The whole behaviour: what each event does in each state. */
export const TABLE = {
  stopped: {
    ...AT_REST,
    start: queue,
    kill: ignore,
    alone: ignore,
    adopt: (service) => ({
      service: { ...service, actual: 'spawning', adopting: true },
      effects: [timer(LIMIT_MS.adopting)],
    }),
  },
  queued: { ...AT_REST, turn },
  spawning: { ...ALIVE, drain: drainBeforeReady, hello, refused, timeout: overdue },
  initialising: {
    ...ALIVE,
    drain: drainBeforeReady,
    // Declared again, or dialled again, before it is known whether it has its configuration: a second one changes nothing.
    start: (service) => ({ service: { ...service, desired: 'up' }, effects: [{ type: 'configure' }] }),
    hello: helloAgain({ type: 'configure' }),
    refused,
    ready,
    timeout: overdue,
  },
  ready: {
    ...ALIVE,
    alone: ignore,
    refused,
    degraded: (service) => ({ service: { ...service, actual: 'degraded' }, effects: none }),
    stalled,
    hung,
  },
  degraded: {
    ...ALIVE,
    alone: ignore,
    refused,
    recovered: (service) => ({ service: { ...service, actual: 'ready' }, effects: none }),
    stalled,
    hung,
  },
  draining: {
    ...LEAVING,
    stop,
    hello: helloAgain({ type: 'askToDrain' }),
    hung,
    timeout: (service) => askToStop(service, service.ending?.reason ?? 'operator', true),
  },
  stopping: { ...LEAVING, hello: helloAgain({ type: 'askToStop' }), timeout: overdue },
  killing: {
    ...LEAVING,
    timeout: (service) => ({
      service,
      effects: [report({ type: 'stuck' }), { type: 'kill' }, timer(LIMIT_MS.killing)],
    }),
  },
  backoff: { ...AT_REST, timeout: queue, wake: (service) => (service.starved ? queue(service) : ignore(service)) },
  held: { ...AT_REST, timeout: queue },
  failed: AT_REST,
} satisfies Record<Actual, Row>;

/** On the way to ready: these are what a machine can have too many of at once. */
export const STARTING: ReadonlySet<Actual> = new Set(['queued', 'spawning', 'initialising']);

const PROCESS_STATES: ReadonlySet<Actual> = new Set([
  'spawning',
  'initialising',
  'ready',
  'degraded',
  'draining',
  'stopping',
  'killing',
]);

/** What becomes of a service when `event` happens, and what is to be done. */
export function transition(service: Service, event: ServiceEvent): Step {
  // The compiler cannot see that the row's rule and the event are of one type; the table's type guarantees it.
  const rule = TABLE[service.actual][event.type] as Rule<EventType>;
  return rule(service, event);
}
