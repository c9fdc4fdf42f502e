/**
 * Dials the camera, reads it until it ends, waits, dials again: for as long as the daemon lives.
 *
 * Belongs here: the order of things over many connections. Does not belong here: how long to wait (reconnect.ts), what a packet becomes
 * (packet-writer.ts), and who is told what (camera-report.ts). A camera that is away is the ordinary case here and ends nothing.
 */
import type { Clock } from '../../runtime/clock.ts';
import { toBulkheadError, type BulkheadError } from '../../runtime/errors.ts';
import { Sleeper } from './after.ts';
import { cameraError } from './camera-error.ts';
import type { CameraReport } from './camera-report.ts';
import type { MediaSource } from './media-source.ts';
import type { PacketWriter } from './packet-writer.ts';
import { INITIAL, afterFailure, firstWaitMs, type ReconnectState } from './reconnect.ts';

export type CaptureLoopOptions = {
  readonly makeSource: () => MediaSource;
  readonly place: string;
  readonly writer: PacketWriter;
  readonly report: CameraReport;
  readonly clock: Clock;
  readonly generation: number;
  /** After so much sound without a picture the connection counts as dead: sound alone would keep it, and its channel, alive for ever. */
  readonly pictureLimitMs: number;
  /** In [0, 1): the jitter. */
  readonly random: () => number;
};

/** Longer than any keyframe interval in use (10 s with "smart" codecs): after this the camera is asked for a new session. */
const KEYFRAME_LIMIT_MS = 30_000;
/** Its place in a source's list of tracks (media-source.ts). */
const VIDEO = 0;

export class CaptureLoop {
  readonly #options: CaptureLoopOptions;
  readonly #sleeper = new Sleeper();
  #source: MediaSource | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: CaptureLoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Says goodbye to the camera. Calling it again waits for the same end. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#sleeper.close();
    await this.#source?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { report, generation, random } = this.#options;
    let state: ReconnectState = INITIAL;
    await this.#sleeper.sleep(firstWaitMs(generation, random()));
    while (!this.#stopped) {
      report.connecting();
      const { error, packetsForMs } = await this.#connection();
      if (this.#stopped) return;
      const next = afterFailure(state, packetsForMs, random());
      state = next.state;
      report.offline(error, next.waitMs);
      await this.#sleeper.sleep(next.waitMs);
    }
  }

  /** One connection from dialling to its end, whatever ends it. */
  async #connection(): Promise<{ error: BulkheadError; packetsForMs: number }> {
    const { clock, makeSource, place } = this.#options;
    let firstRecordMs: number | undefined;
    let error: BulkheadError;
    const source = makeSource();
    this.#source = source;
    try {
      await this.#read(source, () => (firstRecordMs ??= clock.nowMs()));
      error = cameraError({ type: 'closed' }, place);
    } catch (thrown) {
      error = toBulkheadError(thrown, `reading ${place}`);
    } finally {
      this.#source = undefined;
      await source.close();
    }
    return { error, packetsForMs: firstRecordMs === undefined ? 0 : clock.nowMs() - firstRecordMs };
  }

  async #read(source: MediaSource, onRecord: () => void): Promise<void> {
    const { clock, writer, report, place, pictureLimitMs } = this.#options;
    writer.begin(await source.open());
    const startedMs = clock.nowMs();
    let online = false;
    /** Since when there has been sound and no picture; silence is the source's own business. */
    let picturelessMs: number | undefined;
    for (;;) {
      const read = await source.read();
      if (read.type === 'end' || this.#stopped) return;
      if (read.packets.some(({ track }) => track === VIDEO)) picturelessMs = undefined;
      else if (read.packets.length > 0) picturelessMs ??= clock.nowMs();
      if (online && picturelessMs !== undefined && clock.nowMs() - picturelessMs > pictureLimitMs) {
        throw cameraError({ type: 'pictureless', limitMs: pictureLimitMs }, place);
      }
      let written = 0;
      for (const packet of read.packets) written += writer.write(packet);
      if (written > 0) {
        onRecord();
        if (!online) report.online();
        online = true;
      } else if (!online && clock.nowMs() - startedMs > KEYFRAME_LIMIT_MS) {
        throw cameraError({ type: 'noKeyframe', limitMs: KEYFRAME_LIMIT_MS }, place);
      }
    }
  }
}
