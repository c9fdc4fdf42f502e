/**
 * What the supervisor tells the rest of the runtime about its daemons: views of how they are, events of what happened.
 *
 * Types only. Does not belong here: how they come about.
 */
import type { ErrorKind } from '../errors.ts';
import type { DaemonConfig, DaemonKind } from '../message/config.ts';
import type { DaemonMessage } from '../message/schema.ts';
import type { Actual, Outcome, Reason } from './service.ts';

/** What should run. Equal specs are told by a hash over the configuration, secrets included. */
export type Spec = {
  /** Names the daemon for ever, e.g. `stream:front-door`. */
  readonly id: string;
  readonly channel: string;
  readonly config: DaemonConfig;
  /** No heartbeat for this long = it hangs. Not part of the hash: it is the supervisor's business alone. */
  readonly watchdogMs?: number;
  /** More private memory than this and it is replaced at once, instead of what the policy works out. Not part of the hash either. */
  readonly memoryLimitBytes?: number;
};

export type Media = Extract<DaemonMessage, { type: 'media' }>['media'];
export type CameraStatus = Omit<Extract<DaemonMessage, { type: 'camera' }>, 'type'>;

export type LastExit = {
  readonly reason: Reason;
  readonly outcome: Outcome;
  readonly code: number | null;
  readonly signal: string | null;
  /** Milliseconds since 1970. */
  readonly time: number;
};

export type LastError = { readonly kind: ErrorKind; readonly message: string; readonly time: number };

/** A daemon as it is now. */
export type DaemonView = {
  readonly id: string;
  readonly kind: DaemonKind;
  readonly channel: string;
  readonly pid: number | null;
  readonly generation: number;
  readonly state: Exclude<Actual, 'queued'>;
  /** It ended because there are no packets, and waits for the camera. */
  readonly starved: boolean;
  /** The operator has stopped it; it stays down until somebody starts it or its spec changes. */
  readonly stopped: boolean;
  /** Processes started after the first one, for whatever reason, also by supervisors before this one. */
  readonly restarts: number;
  readonly lastExit: LastExit | null;
  /** Since the process was started; null without one. */
  readonly uptimeMs: number | null;
  readonly beatAgeMs: number | null;
  readonly loopLagMs: number | null;
  readonly privateBytes: number | null;
  /** Of one core, over the last sampling period. */
  readonly cpuPercent: number | null;
  /** Processor time of the process since its start. */
  readonly cpuMs: number | null;
  readonly recordsIn: number | null;
  readonly recordsOut: number | null;
  readonly laps: number | null;
  readonly media: Media;
  readonly camera: CameraStatus | null;
  readonly viewers: number;
  /** Why it does not work well, in its own words. */
  readonly degraded: string | null;
  readonly lastError: LastError | null;
};

export type EventDetail = Readonly<Record<string, string | number | boolean | null>>;

/** Something that happened; the contract's event. */
export type BulkheadEvent = {
  /** Rises with every event, also over restarts of the supervisor. */
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly type: string;
  readonly channel: string;
  /** Whom it is about. Of events of the supervisor itself the kind and the id are `supervisor`, and the channel is empty. */
  readonly daemon: {
    readonly kind: DaemonKind | 'supervisor';
    readonly id: string;
    readonly pid: number | null;
    readonly generation: number;
  };
  readonly reason: Reason | null;
  readonly detail: EventDetail;
};
