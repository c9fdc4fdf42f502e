/**
 * An input that comes faster than life (a file, an MP4 over HTTP, the segments of HLS), given out at its own pace, and over and over when it ends.
 *
 * Packets become due by their decoding timestamps, counted from a moment on the monotonic clock. Timestamps go on over the loop point as if the
 * clip were endless: each round continues where the picture of the one before ended. Does not belong here: what is in the packets.
 */
import { AVERROR_EOF, AVSEEK_FLAG_BACKWARD } from 'node-av/constants';
import type { CodecParameters, Packet } from 'node-av/lib';
import { monotonicUs } from '../../../runtime/clock.ts';
import { Sleeper } from '../after.ts';
import type { AvInput } from './av-input.ts';
import type { InputFailure, InputStream, PacketInput } from './packet-input.ts';
import { fromMicroseconds, microsecondsOf } from './ticks.ts';

export type PacedInputOptions = {
  readonly openRound: () => AvInput;
  /** Whether the input comes faster than life. A live stream has a pace of its own. */
  readonly isPaced: (formatName: string) => boolean;
  /** Whether the end is the end, or the beginning of the next round. */
  readonly loops: (formatName: string) => boolean;
  /** Formats that show what they hold only when read ahead. */
  readonly needsProbe: (input: AvInput) => boolean;
  /** Where to be at this moment, in microseconds from the clip's start: asked at the start and after each round. Absent = at the start. */
  readonly positionUs?: () => number;
};

/**
 * Being late by more than this (a suspended machine) is not caught up with: the pace begins anew. A jump into a clip is late by as much as the
 * keyframe lies before the wanted position, and that has to be caught up with.
 */
const LATE_US = 3_000_000;
/** A leap of the timestamps that no camera means as a pause. */
const LEAP_US = 10_000_000;
/** How far a looped clip may be from where it should be before it is set right. */
const OFF_POSITION_US = 500_000;

export class PacedInput implements PacketInput {
  readonly #options: PacedInputOptions;
  readonly #sleeper = new Sleeper();
  #round: AvInput;
  #selected: readonly number[] = [];
  #paced = false;
  #looped = false;
  /** Added to the timestamps of this round. */
  #offsetUs = 0;
  /** Where the picture of this round began and ends so far, by the clip's own timestamps. */
  #roundStartUs: number | undefined;
  #roundEndUs: number | undefined;
  /** End of the last round on the endless timeline, until this round's picture begins. */
  #continueAtUs: number | undefined;
  /** A jump into the clip whose first picture has not come yet. */
  #entry: { readonly positionUs: number; readonly atUs: number } | undefined;
  /** When the endless timeline's zero was, or would have been; monotonic. */
  #zeroUs: number | undefined;
  /** When the packet was due: a viewer's latency counts from there, and a clip's timestamps stand where its clock says. */
  #dueUs = 0;
  #closing: Promise<void> | undefined;

  constructor(options: PacedInputOptions) {
    this.#options = options;
    this.#round = options.openRound();
  }

  get packet(): Packet {
    return this.#round.packet;
  }

  formatName(): string {
    return this.#round.formatName();
  }

  streams(): readonly InputStream[] {
    return this.#round.streams();
  }

  parametersOf(index: number): CodecParameters {
    return this.#round.parametersOf(index);
  }

  select(indices: readonly number[]): void {
    this.#selected = indices;
    this.#round.select(indices);
  }

  async open(): Promise<InputFailure | undefined> {
    const failure = await this.#openRound();
    if (failure) return failure;
    this.#paced = this.#options.isPaced(this.formatName());
    this.#looped = this.#options.loops(this.formatName());
    return this.#enter(this.#options.positionUs?.() ?? 0);
  }

  async read(): Promise<InputFailure | undefined> {
    for (;;) {
      const failure = await this.#round.read();
      if (failure) {
        // A clip without length would go round and round in no time.
        const hasLength = (this.#roundEndUs ?? 0) > (this.#roundStartUs ?? 0);
        if (failure.code !== AVERROR_EOF || !this.#looped || !hasLength || this.#closing) return failure;
        const unopened = await this.#nextRound();
        if (unopened) return unopened;
        continue;
      }
      if (!this.#continueTimeline()) continue;
      await this.#untilDue();
      return undefined;
    }
  }

  captureUs(): number {
    return this.#paced ? this.#dueUs : this.#round.captureUs();
  }

  close(): Promise<void> {
    this.#sleeper.close();
    this.#closing ??= this.#round.close();
    return this.#closing;
  }

  async #openRound(): Promise<InputFailure | undefined> {
    const failure = await this.#round.open();
    if (failure) return failure;
    return this.#options.needsProbe(this.#round) ? this.#round.probe() : undefined;
  }

  /** Starts the next round where the clip should be now, which is its beginning unless a clock says otherwise. */
  async #nextRound(): Promise<InputFailure | undefined> {
    const endUs = this.#roundEndUs ?? 0;
    this.#continueAtUs = endUs + this.#offsetUs;
    this.#roundStartUs = undefined;
    this.#roundEndUs = undefined;
    await this.#round.close();
    this.#round = this.#options.openRound();
    // A close that came meanwhile has closed the old round only.
    if (this.#closing) {
      await this.#round.close();
      return { code: AVERROR_EOF, timedOut: false, afterMs: 0 };
    }
    const failure = await this.#openRound();
    if (failure) return failure;
    this.#round.select(this.#selected);
    const wantedUs = this.#options.positionUs?.() ?? 0;
    const isNearLoopPoint = wantedUs < OFF_POSITION_US || endUs - wantedUs < OFF_POSITION_US;
    return isNearLoopPoint ? undefined : this.#enter(wantedUs);
  }

  /** Goes to the keyframe at or before a position; what lies between is due at once, which brings a viewer to the right moment. */
  async #enter(positionUs: number): Promise<InputFailure | undefined> {
    const video = this.streams().find((stream) => stream.kind === 'video');
    if (positionUs <= 0 || !video) return undefined;
    this.#entry = { positionUs, atUs: monotonicUs() };
    return this.#round.seek(video.index, fromMicroseconds(video.timeBase, positionUs), AVSEEK_FLAG_BACKWARD);
  }

  /** Shifts the packet's timestamps onto the endless timeline. False = it has no place there. */
  #continueTimeline(): boolean {
    const { packet } = this;
    const stream = this.streams()[packet.streamIndex];
    if (!stream) return false;
    const dtsUs = microsecondsOf(stream.timeBase, packet.dts) ?? microsecondsOf(stream.timeBase, packet.pts);
    if (stream.kind === 'video' && dtsUs !== undefined) {
      this.#roundStartUs ??= dtsUs;
      const durationUs = microsecondsOf(stream.timeBase, packet.duration) ?? 0;
      this.#roundEndUs = Math.max(this.#roundEndUs ?? dtsUs, dtsUs + durationUs);
      if (this.#continueAtUs !== undefined) {
        this.#offsetUs = this.#continueAtUs - this.#roundStartUs;
        this.#continueAtUs = undefined;
      }
      if (this.#entry) {
        this.#zeroUs = this.#entry.atUs - this.#entry.positionUs - this.#offsetUs;
        this.#entry = undefined;
      }
    }
    // The picture decides where a round begins: sound that comes before it would have to wait for that.
    if (this.#continueAtUs !== undefined || this.#entry) return false;
    if (this.#offsetUs !== 0) {
      const offset = fromMicroseconds(stream.timeBase, this.#offsetUs);
      if (microsecondsOf(stream.timeBase, packet.pts) !== undefined) packet.pts += offset;
      if (microsecondsOf(stream.timeBase, packet.dts) !== undefined) packet.dts += offset;
    }
    return true;
  }

  async #untilDue(): Promise<void> {
    const { packet } = this;
    const stream = this.streams()[packet.streamIndex];
    if (!this.#paced || !stream) return;
    const dtsUs = microsecondsOf(stream.timeBase, packet.dts) ?? microsecondsOf(stream.timeBase, packet.pts);
    if (dtsUs === undefined) return;
    const nowUs = monotonicUs();
    this.#zeroUs ??= nowUs - dtsUs;
    const waitUs = this.#zeroUs + dtsUs - nowUs;
    if (waitUs < -LATE_US || waitUs > LEAP_US) this.#zeroUs = nowUs - dtsUs;
    else await this.#sleeper.sleep(waitUs / 1000);
    this.#dueUs = this.#zeroUs + dtsUs;
  }
}
