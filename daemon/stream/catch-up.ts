/**
 * Plans how a new viewer catches up with the live edge from the newest keyframe, however long ago that was.
 *
 * A decoder needs every picture since the keyframe, but nobody wants to watch them in fast-forward. So all up to a *cut* are squeezed into
 * single ticks right before it, in their order: decoded at once, gone in a blink. From the cut on everything stands at its true time, and
 * the first shared fragment joins without a seam.
 *
 *   keyframe                              cut            live
 *      |  picture picture picture ...      |  picture      |
 *   true time:  0 s        4 s       8 s   9.96 s
 *   sent as:                         ||||||9.96 s
 *
 * Pictures may be out of order (B-frames): the cut is the latest place that no picture is shown across, by what is there and, since pts >= dts,
 * by whatever is still to come. Sound begins at the cut; where it arrives later than the picture, the cut goes back to where there is sound.
 *
 * Belongs here: that arithmetic. Does not belong here: reading and sending (viewer.ts).
 */
import type { ChainPlace } from '../../runtime/media/fmp4/sample-chain.ts';
import type { Format } from './format.ts';
import type { GopEntry } from './gop.ts';

export type CatchUpPlan = {
  /** Records from here on are to be read. */
  readonly fromSeq: number;
  /** Places of the first lead-track samples, in decode order; the samples after these stand at their true time. */
  readonly squeezed: readonly ChainPlace[];
  /** Where the lead track's chain goes on after those; `undefined` = it begins. */
  readonly chainEnd: number | undefined;
  /** Sound that ends at or before this time (seconds) is left out. */
  readonly soundAfterSeconds: number;
  /** When presentation begins, in seconds. */
  readonly startSeconds: number;
};

/** Sound that lags more than this is not waited for. */
const MOST_SOUND_LAG_SECONDS = 2;

/** `entries` is a GOP, its keyframe first. */
export function planCatchUp(entries: readonly GopEntry[], format: Format): CatchUpPlan | undefined {
  const [key] = entries;
  if (!key) return undefined;
  const { id, timescale } = format.lead;
  const pictures = entries.filter((entry) => entry.track === id);
  const cut = findCut(pictures, newestSoundSeconds(entries, format) * timescale);
  const squeezed = squeeze(pictures.slice(0, cut), format.nominal);
  const cutPts = least(pictures.slice(cut).map(({ pts }) => pts));
  const [first] = squeezed;
  const startPts = first ? least(squeezed.map((place) => place.decodeTime + place.compositionOffset)) : cutPts;
  return {
    fromSeq: key.seq,
    squeezed,
    chainEnd: pictures[cut - 1]?.dts,
    soundAfterSeconds: cutPts / timescale,
    startSeconds: startPts / timescale,
  };
}

/** The least of many: a GOP may have more pictures than a call may have arguments. */
function least(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
}

/** End of the newest sound, or infinity when no sound is to be waited for. */
function newestSoundSeconds(entries: readonly GopEntry[], format: Format): number {
  const { sound, lead } = format;
  const last = sound && lead !== sound ? entries.findLast((entry) => entry.track === sound.id) : undefined;
  const lastPicture = entries.findLast((entry) => entry.track === lead.id);
  if (!sound || !last || !lastPicture) return Number.POSITIVE_INFINITY;
  const seconds = (last.pts + last.duration) / sound.timescale;
  return lastPicture.pts / lead.timescale - seconds > MOST_SOUND_LAG_SECONDS ? Number.POSITIVE_INFINITY : seconds;
}

/**
 * The largest cut with: everything before it is shown before everything from it on, is shown before anything that is still to come
 * (max pts before <= newest dts), and the cut is not shown after `latestPts`.
 */
function findCut(pictures: readonly GopEntry[], latestPts: number): number {
  const newestDts = pictures.at(-1)?.dts ?? 0;
  // latestBefore[i] = the largest pts of pictures 0 to i - 1
  const latestBefore: number[] = [];
  let latest = Number.NEGATIVE_INFINITY;
  for (const { pts } of pictures) {
    latestBefore.push(latest);
    latest = Math.max(latest, pts);
  }
  let earliestAfter = Number.POSITIVE_INFINITY;
  for (let cut = pictures.length - 1; cut > 0; cut--) {
    const before = latestBefore[cut] ?? 0;
    earliestAfter = Math.min(earliestAfter, pictures[cut]?.pts ?? 0);
    if (before < earliestAfter && before <= newestDts && earliestAfter <= latestPts) return cut;
  }
  return 0;
}

/**
 * One tick a sample, ending where the last of them is due, shown in their own order. Each still says its usual duration: programs such as
 * ffprobe take the frame rate from the first fragments, and a player never minds that the next sample comes earlier.
 */
function squeeze(pictures: readonly GopEntry[], nominal: number): ChainPlace[] {
  const end = pictures.at(-1)?.dts ?? 0;
  const start = Math.max(0, end - pictures.length);
  const order = pictures.map((_, i) => i).toSorted((a, b) => (pictures[a]?.pts ?? 0) - (pictures[b]?.pts ?? 0));
  const rank: number[] = [];
  for (const [position, i] of order.entries()) rank[i] = position;
  const reorder = rank.reduce((most, position, i) => Math.max(most, i - position), 0);
  return pictures.map((_, i) => ({
    decodeTime: start + i,
    duration: nominal,
    compositionOffset: (rank[i] ?? i) + reorder - i,
  }));
}
