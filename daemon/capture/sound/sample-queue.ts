/**
 * Decoded samples on their way to the encoder: any number goes in, blocks of a fixed size come out, each with the time of its first sample.
 *
 * Belongs here: where in time a sample stands, and what a hole or a leap in the source's timestamps does. Times are in samples.
 */

export type Block = { readonly pts: number; readonly planes: readonly Float32Array[] };

/** Deviations below this are the source's jitter; its sample clock is the better clock. */
const JITTER_SECONDS = 0.06;
/** Holes up to this are filled with silence; a greater leap begins anew. */
const LONGEST_SILENCE_SECONDS = 2;
/** Samples that repeat what is there already are dropped, up to this; a greater leap back begins anew. */
const LONGEST_OVERLAP_SECONDS = 1;

export class SampleQueue {
  readonly #blockSamples: number;
  readonly #jitter: number;
  readonly #longestSilence: number;
  readonly #longestOverlap: number;
  /** Samples still to be dropped. */
  #overlap = 0;
  #planes: Float32Array[];
  #length = 0;
  /** Time of the first sample in the queue; undefined = none has a time yet. */
  #start: number | undefined;

  constructor(channels: number, sampleRate: number, blockSamples: number) {
    this.#blockSamples = blockSamples;
    this.#jitter = sampleRate * JITTER_SECONDS;
    this.#longestSilence = sampleRate * LONGEST_SILENCE_SECONDS;
    this.#longestOverlap = sampleRate * LONGEST_OVERLAP_SECONDS;
    this.#planes = Array.from({ length: channels }, () => new Float32Array(blockSamples * 4));
  }

  /** The source says that the samples pushed next begin at `pts`. */
  expect(pts: number): void {
    const expected = this.#start === undefined ? undefined : this.#start + this.#length - this.#overlap;
    const gap = expected === undefined ? Number.POSITIVE_INFINITY : pts - expected;
    if (Math.abs(gap) <= this.#jitter) return;
    if (gap > this.#longestSilence || gap < -this.#longestOverlap) {
      this.#length = 0;
      this.#overlap = 0;
      this.#start = Math.round(pts);
    } else if (gap < 0) {
      this.#overlap += Math.round(-gap);
    } else {
      const samples = Math.round(gap);
      for (const plane of this.room(samples)) plane.fill(0);
      this.push(samples);
    }
  }

  /** Room for `samples` at the end, one plane a channel; `push` then says how many were really written. */
  room(samples: number): readonly Float32Array[] {
    const needed = this.#length + samples;
    if (needed > (this.#planes[0]?.length ?? 0)) {
      this.#planes = this.#planes.map((plane) => {
        const larger = new Float32Array(needed * 2);
        larger.set(plane.subarray(0, this.#length));
        return larger;
      });
    }
    return this.#planes.map((plane) => plane.subarray(this.#length, needed));
  }

  push(samples: number): void {
    this.#start ??= 0;
    const dropped = Math.min(samples, this.#overlap);
    if (dropped > 0) {
      const end = this.#length + samples;
      for (const plane of this.#planes) plane.copyWithin(this.#length, this.#length + dropped, end);
      this.#overlap -= dropped;
    }
    this.#length += samples - dropped;
  }

  /** The next block, or undefined. */
  shift(): Block | undefined {
    if (this.#length < this.#blockSamples || this.#start === undefined) return undefined;
    const pts = this.#start;
    const planes = this.#planes.map((plane) => plane.slice(0, this.#blockSamples));
    for (const plane of this.#planes) plane.copyWithin(0, this.#blockSamples, this.#length);
    this.#length -= this.#blockSamples;
    this.#start = pts + this.#blockSamples;
    return { pts, planes };
  }
}
