/**
 * The way of the sound to AAC access units: carried as it is (aac-lane.ts) or transcoded (av/aac-transcoder.ts).
 *
 * Belongs here: what both have in common, which is a clock that counts samples. Does not belong here: the picture, which no failure of a
 * lane may stop or delay.
 */
import { BulkheadError } from '../../../runtime/errors.ts';
import type { SourceAudio } from '../media-source.ts';

/** 7.1: what players of AAC know. More is a mistake in a header, or an installation that no camera is. */
const MOST_CHANNELS = 8;

/** Throws `unsupported` for sound of more channels than can be carried. */
export function requireFewChannels(channels: number): void {
  if (channels <= MOST_CHANNELS) return;
  throw new BulkheadError('unsupported', `it has ${channels} channels, and at most ${MOST_CHANNELS} can be carried`);
}

/** What came in one packet; undefined = the source does not say when it was recorded. */
export type Sound = { readonly bytes: Uint8Array; readonly ptsUs: number | undefined };

/** One AAC access unit; pts and duration in samples. */
export type LaneFrame = { readonly pts: number; readonly duration: number; readonly bytes: Uint8Array };

export type AudioLane = {
  /** Undefined until enough sound has come to tell. Its timescale is its sample rate. */
  readonly track: () => SourceAudio | undefined;
  /** What a packet gives. Rejects when it cannot be carried; the next one may be. */
  readonly take: (sound: Sound) => Promise<readonly LaneFrame[]>;
  readonly close: () => void;
};

/** Deviations up to this are rounding on the way (RTP to NTP and back), not silence. */
const ROUNDING_SECONDS = 0.005;
/** Going back by more than this is another clock, not an overlap. */
const OVERLAP_SECONDS = 1;

/** Puts frames of sound end to end: sample-exact as long as the source's timestamps agree to within rounding. */
export class SampleClock {
  readonly #tolerance: number;
  readonly #overlap: number;
  #next: number | undefined;

  constructor(sampleRate: number) {
    this.#tolerance = sampleRate * ROUNDING_SECONDS;
    this.#overlap = sampleRate * OVERLAP_SECONDS;
  }

  /**
   * `pts` as the source says, in samples; undefined = it does not. Undefined = the frame has no place: there is nothing to go by yet, or it
   * repeats what is there already (the start of a looped clip's sound overlaps its end).
   */
  place(pts: number | undefined, samples: number): number | undefined {
    const next = this.#next;
    if (next !== undefined && pts !== undefined && pts < next - this.#tolerance && pts > next - this.#overlap) {
      return undefined;
    }
    const follows = next !== undefined && (pts === undefined || Math.abs(pts - next) <= this.#tolerance);
    const placed = follows ? next : pts === undefined ? undefined : Math.round(pts);
    if (placed !== undefined) this.#next = placed + samples;
    return placed;
  }
}
