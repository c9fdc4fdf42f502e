/**
 * One viewer: from nothing, through the current GOP, to the live edge; and back to the next keyframe when it is too slow.
 *
 *   waiting --start--> catchingUp --at the edge--> live --queue full--> skipping --keyframe and room--> live
 *
 * While it catches up it reads the ring with a cursor of its own, in small portions, as fast as it takes them: a slow viewer holds back
 * nothing but itself and costs one portion. At the edge it lives on the fragments that all viewers share. Does not belong here: who may be a
 * viewer (audience.ts), bytes on a socket (sink.ts), what is sent at which time (catch-up.ts, placer.ts).
 */
import { writeFragment } from '../../runtime/media/fmp4/fragment.ts';
import type { RingReader, RingRecord } from '../../runtime/ring/reader.ts';
import type { CatchUpPlan } from './catch-up.ts';
import { type Format, formatInit } from './format.ts';
import { Placer } from './placer.ts';
import { PORTION_BYTES, type Scratch } from './scratch.ts';
import type { Goodbye, Sink } from './sink.ts';

/** A fragment for everybody who is at the live edge. */
export type SharedFragment = {
  readonly bytes: Uint8Array;
  /** Viewers can begin here. */
  readonly key: boolean;
};

/** What a viewer needs of the channel while it catches up. */
export type Source = {
  /** Everything that a viewer can begin with now; `undefined` while there is nothing. */
  readonly begin: () => { format: Format; plan: CatchUpPlan } | undefined;
  /** What all who catch up read with, each from where it stands: they take turns, and a cursor has a buffer as large as the largest picture. */
  readonly cursor: () => RingReader | undefined;
  /** Memory for a portion, shared in the same way. */
  readonly scratch: Scratch;
  /** The last record that was shared: behind it begins the live edge. */
  readonly lastSeq: () => number;
  /** Where the newest GOP begins. */
  readonly keySeq: () => number | undefined;
};

type CatchUp = {
  readonly plan: CatchUpPlan;
  readonly placer: Placer;
  readonly startedMs: number;
  /** Number of the record that is to be read next. */
  next: number;
  /** Lead samples that were sent so far. */
  sent: number;
};

/** Who is still catching up after this time is slower than the stream, and goes on at a newer GOP as soon as there is one. */
const PATIENCE_MS = 2000;

export class Viewer {
  readonly #sink: Sink;
  readonly #source: Source;
  #state: 'waiting' | 'catchingUp' | 'live' | 'skipping' | 'gone' = 'waiting';
  #catchUp: CatchUp | undefined;
  #skipped = 0;

  constructor(sink: Sink, source: Source) {
    this.#sink = sink;
    this.#source = source;
  }

  get waiting(): boolean {
    return this.#state === 'waiting';
  }

  /** Wants the shared fragments, or to know of them. */
  get atEdge(): boolean {
    return this.#state === 'live' || this.#state === 'skipping';
  }

  /** Fragments that were left out because the viewer was too slow. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Begins: description, then everything from the newest keyframe. While there is nothing it goes on waiting. */
  start(): void {
    if (!this.waiting) return;
    const format = this.#beginCatchUp();
    if (!format) return;
    const startSeconds = this.#sink.fromZero ? this.#catchUp?.plan.startSeconds : undefined;
    this.#sink.begin(format.mime, formatInit(format, startSeconds));
    this.#pump();
  }

  /** What it was getting is over; it waits for a new beginning, or is sent away if it cannot be told of one. */
  reset(): void {
    if (this.#state === 'gone' || this.waiting) return;
    if (!this.#sink.canRestart) {
      this.leave('format');
      return;
    }
    this.#catchUp = undefined;
    this.#state = 'waiting';
  }

  /** Offers a fragment at the live edge. `limitBytes` = the most that may wait for this viewer. */
  offer(fragment: SharedFragment, limitBytes: number): void {
    if (this.#state === 'live' && this.#sink.queuedBytes() > limitBytes) this.#state = 'skipping';
    if (this.#state === 'skipping' && fragment.key && this.#sink.queuedBytes() <= limitBytes / 2) this.#state = 'live';
    if (this.#state === 'live') this.#sink.send(fragment.bytes);
    else if (this.#state === 'skipping') this.#skipped++;
  }

  /** Something was missed by everybody at the edge: nothing more before the next keyframe. */
  miss(): void {
    if (this.#state === 'live') this.#state = 'skipping';
  }

  /** Sends it away. */
  leave(why: Goodbye): void {
    if (this.#state === 'gone') return;
    this.gone();
    this.#sink.close(why);
  }

  /** The other side has closed. */
  gone(): void {
    this.#catchUp = undefined;
    this.#state = 'gone';
  }

  #beginCatchUp(): Format | undefined {
    this.#catchUp = undefined;
    const begun = this.#source.begin();
    this.#state = begun ? 'catchingUp' : 'waiting';
    if (!begun) return undefined;
    const { format, plan } = begun;
    const placer = new Placer(format, plan.chainEnd);
    this.#catchUp = { plan, placer, startedMs: performance.now(), next: plan.fromSeq, sent: 0 };
    return format;
  }

  /** Sends one portion, and the next when there is room. */
  #pump(): void {
    const { scratch } = this.#source;
    for (let sentBytes = 0; sentBytes < PORTION_BYTES;) {
      const now = this.#catchUp;
      const cursor = this.#source.cursor();
      if (!now || !cursor) break;
      if (now.next > this.#source.lastSeq()) {
        this.#catchUp = undefined;
        this.#state = 'live';
      } else if (this.#isLate(now)) this.#jump(now);
      else sentBytes += this.#sendNext(now, cursor);
    }
    // What the kernel has taken is free to be written over.
    scratch.settle(this.#sink.queuedBytes() === 0);
    const now = this.#catchUp;
    if (!now) return;
    this.#sink.whenRoom(() => {
      // Meanwhile it may have begun anew, with a pump of its own.
      if (this.#catchUp === now) this.#pump();
    });
  }

  #isLate(now: CatchUp): boolean {
    const keySeq = this.#source.keySeq();
    return keySeq !== undefined && keySeq > now.next && performance.now() - now.startedMs > PATIENCE_MS;
  }

  /**
   * Goes on at the newest GOP, without beginning anew: players take a keyframe after a gap. Where there is none beyond what could not be read,
   * at the next one to come: the newest GOP may be the very one that the ring has overwritten.
   */
  #jump(now: CatchUp): void {
    this.#beginCatchUp();
    if (!this.#catchUp || this.#catchUp.next <= now.next) {
      this.#catchUp = undefined;
      this.#state = 'skipping';
    }
    this.#skipped += Math.max(0, (this.#catchUp?.next ?? this.#source.lastSeq() + 1) - now.next);
  }

  /** Reads one record and sends it if it is wanted. Returns the bytes sent. */
  #sendNext(now: CatchUp, cursor: RingReader): number {
    if (cursor.next !== now.next) cursor.seek(now.next);
    const result = cursor.read();
    if (result.type === 'gap') {
      this.#jump(now);
      return 0;
    }
    now.next++;
    if (result.type === 'empty') return 0;
    const { record } = result;
    const sample = this.#placeInCatchUp(now, record);
    if (!sample) return 0;
    const fragment = writeFragment(record.seq, sample, record.payload, this.#source.scratch.take);
    this.#sink.send(fragment);
    return fragment.length;
  }

  #placeInCatchUp(now: CatchUp, record: RingRecord): ReturnType<Placer['place']> {
    const { format } = now.placer;
    if (record.tableVersion !== format.tableVersion) return undefined;
    if (record.track === format.lead.id) {
      const squeezed = now.plan.squeezed[now.sent++];
      return squeezed ? { track: record.track, sync: now.sent === 1, ...squeezed } : now.placer.place(record);
    }
    const { sound } = format;
    if (!sound || record.track !== sound.id) return undefined;
    const endSeconds = (record.pts + record.duration) / sound.timescale;
    return endSeconds > now.plan.soundAfterSeconds ? now.placer.place(record) : undefined;
  }
}
