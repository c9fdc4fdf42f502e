/**
 * Tells the supervisor how the camera is, and the log when that is news. The supervisor makes the events `camera.online` and `camera.offline` of it,
 * because only it knows what the daemon before this one has told.
 *
 * Belongs here: what is said, to whom, how often. Does not belong here: finding it out.
 */
import type { BulkheadError } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { describeTable, type MediaDescription, type StreamTable } from '../../runtime/media/track.ts';
import type { DaemonReport } from '../../runtime/message/schema.ts';

export type CameraReportOptions = {
  readonly log: Logger;
  readonly send: (message: DaemonReport) => void;
  /** Marks the daemon's last error; null = it is over. */
  readonly setError: (error: BulkheadError | null) => void;
  readonly place: string;
};

type State = 'unknown' | 'online' | 'offline';

export class CameraReport {
  readonly #options: CameraReportOptions;
  #state: State = 'unknown';
  #lastError: BulkheadError | undefined;
  #media: MediaDescription | undefined;
  #leftOut = '';

  constructor(options: CameraReportOptions) {
    this.#options = options;
  }

  /** While the camera is away the reason stays on view. */
  connecting(): void {
    this.#camera('connecting', this.#lastError, null);
  }

  /** The first record of a connection is in the ring. */
  online(): void {
    const { log, place, setError } = this.#options;
    this.#lastError = undefined;
    setError(null);
    this.#camera('online', undefined, null);
    if (this.#state === 'online') return;
    this.#state = 'online';
    log.info({ place }, 'the camera is online');
  }

  /** A connection, or the attempt at one, has ended. */
  offline(error: BulkheadError, retryMs: number): void {
    const { log, place, setError } = this.#options;
    const isNews = this.#state !== 'offline' || this.#lastError?.message !== error.message;
    this.#lastError = error;
    this.#state = 'offline';
    setError(error);
    this.#camera('offline', error, retryMs);
    // The same sentence every 30 s for a weekend would bury everything else.
    if (isNews) log.warn({ place, kind: error.kind, retryMs }, error.message);
    else log.debug({ place, kind: error.kind, retryMs }, error.message);
  }

  /** What the stream is, as the ring's table has it. */
  table(table: StreamTable): void {
    this.#say({ ...describeTable(table), fps: describeTable(table).fps || (this.#media?.fps ?? null) });
    const sentences = table.leftOut.join(' ');
    if (sentences !== this.#leftOut && sentences !== '')
      this.#event('camera.limited', { message: sentences.slice(0, 500) });
    this.#leftOut = sentences;
  }

  /** The measured frame rate, which beats the announced one. */
  fps(fps: number): void {
    if (this.#media) this.#say({ ...this.#media, fps });
  }

  #say(media: MediaDescription): void {
    if (JSON.stringify(media) === JSON.stringify(this.#media)) return;
    this.#media = media;
    this.#options.log.info({ media }, 'the stream is described');
    this.#options.send({ type: 'media', media: { ...media, leftOut: [...media.leftOut] } });
  }

  #camera(state: 'connecting' | 'online' | 'offline', error: BulkheadError | undefined, retryMs: number | null): void {
    this.#options.send({
      type: 'camera',
      state,
      errorKind: error?.kind ?? null,
      message: error?.message.slice(0, 500) ?? null,
      retryMs,
    });
  }

  #event(event: string, detail: Record<string, string>): void {
    // Reasons are for what the supervisor does to daemons; why a camera is away stands in the detail.
    this.#options.send({ type: 'event', event, reason: null, detail });
  }
}
