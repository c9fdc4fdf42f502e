/**
 * The words of supervision: what a daemon can be, what can happen to it, what is done about it and what is told.
 *
 * Belongs here: states, events, effects and reports, each with its meaning. Does not belong here: what follows from what (transition.ts) and
 * anything with an effect (daemon.ts). Desired and actual are two fields: a command changes what is wanted, only facts change what is.
 */
import { NO_FAILURES, type Tally } from './policy/backoff.ts';

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

/** True while a process exists. */
export function hasProcess(service: Service): boolean {
  return PROCESS_STATES.has(service.actual);
}
