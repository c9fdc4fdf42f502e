/**
 * One FFmpeg input context, used in the only way that does not hang, leak or crash. Each rule below was paid for with a run that did.
 *
 * - `allocContext` comes before `openInput`: without it `interrupt` is ignored, and a silent camera holds the process for ever.
 * - Every wait has a timer of ours that interrupts; FFmpeg's own `timeout` stands behind it. An interrupted context is dead and is only freed.
 * - Nothing is freed while a call is pending on it: the pending call is ended first, and if it will not end, the context is left to it.
 * - `freeContext` is the goodbye: it sends TEARDOWN, which has left when it returns; it waits for no answer. `closeInput` interrupts first, and
 *   a context that was interrupted sends none: the camera would keep the session until its own timeout, and cameras have few of them.
 * - One packet, used again and again; `unref` after every use.
 * - Every pending call holds a thread of libuv's pool (4): one camera a process leaves three, which is enough for name look-ups and a left-over
 *   open. A process that opens more than one input needs UV_THREADPOOL_SIZE.
 *
 * Does not belong here: which address, which tracks, what a failure means.
 */
import {
  AVDISCARD_ALL,
  AVERROR_EXIT,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  type AVSeekFlag,
} from 'node-av/constants';
import { CodecParameters, Dictionary, FormatContext, Packet, avGetCodecName, type Stream } from 'node-av/lib';
import { monotonicUs } from '../../../runtime/clock.ts';
import { after } from '../after.ts';
import './ffmpeg-log.ts'; // silent from the first call on: FFmpeg's own log names URLs
import type { InputFailure, InputStream, PacketInput } from './packet-input.ts';

export type AvInputOptions = {
  /** Called when dialling, so that a URL with credentials lives no longer than the call. */
  readonly url: () => string;
  readonly options: Readonly<Record<string, string>>;
  readonly openLimitMs: number;
  /** Longest wait for a packet; a function because some formats need more patience, which is known once it is open. */
  readonly readLimitMs: (formatName: string) => number;
};

/** An interrupted call that does not come back within this is left alone (a name look-up inside the C library cannot be interrupted). */
const ABANDON_AFTER_MS = 1000;
/** A healthy camera delivers within this, which lets a pending read end by itself and the goodbye be said. */
const CLOSE_GRACE_MS = 400;
const CLOSED: InputFailure = { code: AVERROR_EXIT, timedOut: false, afterMs: 0 };

export class AvInput implements PacketInput {
  readonly packet: Packet;
  readonly #options: AvInputOptions;
  readonly #context = new FormatContext();
  #pending: Promise<number> | undefined;
  #native: readonly Stream[] = [];
  #streams: readonly InputStream[] = [];
  #formatName = '';
  #interrupted = false;
  /** The limit that a call ran into. */
  #expiredMs: number | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: AvInputOptions) {
    this.#options = options;
    this.#context.allocContext();
    this.packet = new Packet();
    this.packet.alloc();
  }

  async open(): Promise<InputFailure | undefined> {
    const { url, options, openLimitMs } = this.#options;
    const failure = await this.#limited(openLimitMs, () =>
      this.#context.openInput(url(), null, Dictionary.fromObject({ ...options })),
    );
    return failure ?? this.#look();
  }

  /** Lets FFmpeg read (and decode) ahead to find out what the header did not say. Only for formats without a header, and for local files. */
  async probe(): Promise<InputFailure | undefined> {
    const failure = await this.#limited(this.#options.openLimitMs, () => this.#context.findStreamInfo(null));
    return failure ?? this.#look();
  }

  /** Moves to the keyframe at or before a position of the stream, in its ticks. */
  seek(index: number, ticks: bigint, flags: AVSeekFlag): Promise<InputFailure | undefined> {
    return this.#limited(this.#options.openLimitMs, () => this.#context.seekFrame(index, ticks, flags));
  }

  formatName(): string {
    return this.#formatName;
  }

  streams(): readonly InputStream[] {
    return this.#streams;
  }

  parametersOf(index: number): CodecParameters {
    const copy = new CodecParameters();
    copy.alloc();
    this.#native[index]?.codecpar.copy(copy);
    return copy;
  }

  select(indices: readonly number[]): void {
    for (const stream of this.#native) if (!indices.includes(stream.index)) stream.discard = AVDISCARD_ALL;
  }

  async read(): Promise<InputFailure | undefined> {
    this.packet.unref();
    return this.#limited(this.#options.readLimitMs(this.#formatName), () => this.#context.readFrame(this.packet));
  }

  captureUs(): number {
    return monotonicUs();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Takes down what the header says. A close that came in between has freed it already. */
  #look(): InputFailure | undefined {
    if (this.#closing) return CLOSED;
    this.#native = this.#context.streams;
    this.#streams = this.#native.map(describe);
    this.#formatName = this.#context.iformat?.name ?? '';
    return undefined;
  }

  /** One native call with an end: interrupted at the limit, abandoned a second later. */
  async #limited(limitMs: number, call: () => Promise<number>): Promise<InputFailure | undefined> {
    if (this.#closing) return CLOSED;
    const startedMs = performance.now();
    const pending = call().finally(() => (this.#pending = undefined));
    this.#pending = pending;
    let giveUp = nothing;
    let timer = setTimeout(() => {
      this.#expiredMs = limitMs;
      this.#interrupt();
      timer = setTimeout(() => giveUp(), ABANDON_AFTER_MS);
    }, limitMs);
    // Not Promise.race: with a promise that outlives the call it would collect a reaction a packet.
    const code = await new Promise<number>((resolve, reject) => {
      giveUp = () => resolve(AVERROR_EXIT);
      pending.then(resolve, reject);
    }).finally(() => clearTimeout(timer));
    if (code >= 0) return undefined;
    // An interrupted read may still give a packet that the parser had kept: it is the next one that fails.
    const timedOut = this.#expiredMs !== undefined;
    return { code, timedOut, afterMs: this.#expiredMs ?? performance.now() - startedMs };
  }

  #interrupt(): void {
    this.#interrupted = true;
    this.#context.interrupt();
  }

  async #close(): Promise<void> {
    // How a call ends that nobody waits for any more is of no interest, and its rejection must not end the process.
    const pending = this.#pending?.then(nothing, nothing);
    if (pending) {
      // A pending open has nothing to say goodbye to; a pending read of a healthy camera ends by itself in a moment.
      if (this.#native.length > 0 && !this.#interrupted) await Promise.race([pending, after(CLOSE_GRACE_MS)]);
      if (this.#pending) this.#interrupt();
      await Promise.race([pending, after(ABANDON_AFTER_MS)]);
    }
    const free = (): void => {
      this.#native = [];
      this.#context.freeContext();
      this.packet.free();
    };
    if (pending && this.#pending) void pending.then(free);
    else free();
  }
}

const nothing = (): void => {};

function describe(stream: Stream): InputStream {
  const { codecType, codecId, extradata } = stream.codecpar;
  const { num, den } = stream.avgFrameRate;
  const { timeBase } = stream;
  return {
    index: stream.index,
    kind: codecType === AVMEDIA_TYPE_VIDEO ? 'video' : codecType === AVMEDIA_TYPE_AUDIO ? 'audio' : 'other',
    codecId,
    codecName: avGetCodecName(codecId) ?? 'unknown',
    timeBase: { num: timeBase.num, den: timeBase.den },
    extradata: extradata ? new Uint8Array(extradata) : undefined,
    fps: den > 0 ? num / den : 0,
  };
}
