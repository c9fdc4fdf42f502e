/**
 * Gives the pictures of a camera their decoding timestamps, and the first ones their presentation timestamps, which FFmpeg withholds.
 *
 * RTP carries when a picture is shown, not when it is decoded. Pictures come in decoding order, so the decoding timestamps are the presentation
 * timestamps in ascending order, moved ahead by as many pictures as the stream reorders: none in most cameras, two or three with B-frames.
 *
 *   comes:  I0 P4 B2 b1 b3 P8    pts 0 4 2 1 3 8     two pictures are held back at most: depth 2
 *                                dts -2 -1 0 1 2 3
 *
 * The depth is seen in the first pictures; when it turns out deeper later, one picture is shown late once. FFmpeg's parser loses the timestamp of
 * the very first picture of an RTSP connection, which is the keyframe that everything hangs on: it is reckoned back from those that follow.
 * Invariants: dts increases, pts >= dts. Does not belong here: clocks, and what is in the pictures.
 */

/** `Held` is whatever the caller wants back with the timestamps. */
export type Timed<Held> = { readonly held: Held; readonly pts: number; readonly dts: number };

type Waiting<Held> = { readonly held: Held; readonly pts: number | undefined };

/** With so many pictures after the first the usual depths are plain to see. */
const LOOK_AHEAD = 3;
const DEEPEST = 16;
/** Going back by more than any reordering does: the camera has set its clock. What that means is for the timeline to say. */
const LEAP_SECONDS = 2;
/** When nothing says how long a picture lasts. */
const FALLBACK_FPS = 25;

export class DecodeOrder<Held> {
  readonly #timescale: number;
  #depth = 0;
  #waiting: Waiting<Held>[] | undefined = [];
  /** The highest presentation timestamps so far, descending. */
  #highest: number[] = [];
  #frameTicks: number;
  #lastPts = 0;
  #lastDts = Number.NEGATIVE_INFINITY;

  /** `fps` as announced; 0 = it is not. */
  constructor(timescale: number, fps: number) {
    this.#timescale = timescale;
    this.#frameTicks = fps > 0 ? timescale / fps : 0;
  }

  /** Takes the next picture in decoding order and returns those whose timestamps are settled: none at first, then one for one. */
  push(held: Held, pts: number | undefined, durationTicks: number): readonly Timed<Held>[] {
    if (durationTicks > 0) this.#frameTicks = durationTicks;
    if (!this.#waiting) return [this.#place(held, pts)];
    this.#waiting.push({ held, pts });
    return this.#isSettled(this.#waiting) ? this.#settle(this.#waiting) : [];
  }

  /** Whether enough pictures have come to know the order. Two that follow each other at the expected distance are enough. */
  #isSettled(waiting: readonly Waiting<Held>[]): boolean {
    if (waiting.length > LOOK_AHEAD) return true;
    const [first, second] = waiting.map(({ pts }) => pts).filter((pts) => pts !== undefined);
    if (first === undefined || second === undefined || this.#frameTicks === 0) return false;
    return Math.abs(second - first - this.#frameTicks) < this.#frameTicks / 4;
  }

  #settle(waiting: readonly Waiting<Held>[]): readonly Timed<Held>[] {
    this.#waiting = undefined;
    const known = waiting.map(({ pts }) => pts).filter((pts) => pts !== undefined);
    const ascending = known.toSorted((a, b) => a - b);
    this.#frameTicks ||= smallestStep(ascending) ?? this.#timescale / FALLBACK_FPS;
    // Those without a timestamp come first (the parser loses only the first), so they precede the earliest that is known.
    const missing = waiting.findIndex(({ pts }) => pts !== undefined);
    const before = missing === -1 ? waiting.length : missing;
    const firstPts = (ascending[0] ?? 0) - before * this.#frameTicks;
    const all = waiting.map(({ held, pts }, i) => ({ held, pts: i < before ? firstPts + i * this.#frameTicks : pts }));
    this.#depth = Math.min(DEEPEST, depthOf(all.map(({ pts }) => pts).filter((pts) => pts !== undefined)));
    this.#lastPts = firstPts;
    this.#beginAnew(firstPts);
    return all.map(({ held, pts }) => this.#place(held, pts));
  }

  #place(held: Held, said: number | undefined): Timed<Held> {
    const pts = Math.round(said ?? this.#lastPts + this.#frameTicks);
    if (this.#lastPts - pts > this.#timescale * LEAP_SECONDS) this.#beginAnew(pts);
    this.#lastPts = pts;
    const ahead = this.#highest.filter((earlier) => earlier > pts).length;
    this.#depth = Math.min(DEEPEST, Math.max(this.#depth, ahead));
    this.#highest.splice(ahead, 0, pts);
    this.#highest.length = Math.min(this.#highest.length, DEEPEST + 1);
    const dts = Math.max(this.#highest[this.#depth] ?? pts, this.#lastDts + 1);
    this.#lastDts = dts;
    return { held, pts: Math.max(pts, dts), dts };
  }

  /** As if an even stream had come before the first picture. */
  #beginAnew(firstPts: number): void {
    this.#highest = Array.from({ length: DEEPEST }, (_, i) => Math.round(firstPts - (i + 1) * this.#frameTicks));
    this.#lastDts = Number.NEGATIVE_INFINITY;
  }
}

function smallestStep(ascending: readonly number[]): number | undefined {
  const steps = ascending.slice(1).map((pts, i) => pts - (ascending[i] ?? pts));
  const positive = steps.filter((step) => step > 0);
  return positive.length > 0 ? Math.min(...positive) : undefined;
}

/** How many earlier pictures are at most shown after a later one. */
function depthOf(inDecodingOrder: readonly number[]): number {
  return inDecodingOrder.reduce(
    (deepest, pts, i) => Math.max(deepest, inDecodingOrder.slice(0, i).filter((earlier) => earlier > pts).length),
    0,
  );
}
