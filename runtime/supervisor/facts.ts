/**
 * What is known about one daemon: what its process has said of itself, and how the one before it ended.
 *
 * Belongs here: keeping that, and which of it is news. Does not belong here: what becomes of the daemon (transition.ts), and what the world is told
 * (reports.ts).
 */
import type { BulkheadError, ErrorKind } from '../errors.ts';
import type { DaemonMessage } from '../message/schema.ts';
import type { CameraStatus, LastError, LastExit, Media } from './view.ts';

type CameraMessage = Extract<DaemonMessage, { type: 'camera' }>;

export class Facts {
  media: Media = null;
  camera: CameraStatus | null = null;
  /** Why it does not work well, in its own words. */
  degraded: string | null = null;
  /** It has input and gives no output. */
  stalled = false;
  lastError: LastError | null = null;
  lastExit: LastExit | null = null;
  /** When its process was started; null without one. */
  startedMs: number | null = null;
  readonly #wallMs: () => number;

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  /** What is known of the predecessor holds until this one says otherwise. */
  inherit(previous: Facts): void {
    this.lastExit ??= previous.lastExit;
    this.media ??= previous.media;
  }

  /** There is a process, ours or one of an earlier supervisor. */
  begin(startedMs: number): void {
    this.startedMs = startedMs;
  }

  /** The process is gone, and with it what was true of it alone. */
  end(): void {
    this.startedMs = null;
    this.camera = null;
    this.degraded = null;
    this.stalled = false;
  }

  error(error: Pick<BulkheadError, 'kind' | 'message'>): void {
    this.note(error.kind, error.message);
  }

  note(kind: ErrorKind, message: string): void {
    this.lastError = { kind, message, time: Math.round(this.#wallMs()) };
  }

  exit(exit: Omit<LastExit, 'time'>): void {
    this.lastExit = { ...exit, time: Math.round(this.#wallMs()) };
  }

  /** Takes what capture says of its camera; true when the world should have heard of it, now or before. */
  hearCamera({ state, errorKind, message, retryMs }: CameraMessage): boolean {
    this.camera = { state, errorKind, message, retryMs };
    return state !== 'connecting';
  }
}
