/**
 * The life of a daemon as one table: a pure `transition(service, event)` that says what the daemon is now and what is to be done.
 *
 * Belongs here: what each event means in each state, and the respawn decision. Does not belong here: what the words mean (service.ts), anything
 * with an effect (daemon.ts carries the effects out), clocks and random numbers (they come in with the event), and the wish of several daemons at
 * once (slot.ts).
 *
 *   stopped -> queued -> spawning -> initialising -> ready <-> degraded
 *                           |             |            |
 *                           +-------------+------------+--> draining -> stopping -> killing --> (exit) --> stopped
 *                           |                                                                    |
 *                           +---- exit nobody asked for ----> backoff | held | failed -----------+--> queued
 */
import { afterFailure, NO_FAILURES } from './policy/backoff.ts';
import {
  LIMIT_MS,
  STOPPED,
  type Actual,
  type Effect,
  type EventType,
  type Outcome,
  type Reason,
  type Report,
  type Service,
  type ServiceEvent,
  type Step,
} from './service.ts';

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

/** What becomes of a service when `event` happens, and what is to be done. */
export function transition(service: Service, event: ServiceEvent): Step {
  // The compiler cannot see that the row's rule and the event are of one type; the table's type guarantees it.
  const rule = TABLE[service.actual][event.type] as Rule<EventType>;
  return rule(service, event);
}
