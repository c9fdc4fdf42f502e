/**
 * Where in the buffer to play: close to the newest frame, never behind a gap, never beyond the end. A pure policy; player.ts applies it to the
 * video element a few times a second.
 */

/** Seconds from start to end of a buffered range, as `TimeRanges` gives them. */
export type Range = readonly [startS: number, endS: number];

export type Action =
  | { readonly type: 'stay' }
  | { readonly type: 'seek'; readonly toS: number }
  | { readonly type: 'rate'; readonly rate: number };

/** Never aim closer to the newest frame than this: frames come in steps. */
export const MIN_TARGET_S = 0.12;
export const MAX_TARGET_S = 1;
/** Further behind than this is not caught up by playing faster. */
const SEEK_BEHIND_S = 1.5;
/** A difference that nobody sees is not worth a change of speed. */
const TOLERANCE_S = 0.08;

/**
 * What to do at `currentS` with these buffered ranges, when `targetS` behind the end of the last one is wanted.
 * Slightly behind plays up to 10 % faster, slightly ahead up to 5 % slower; anything else is a seek.
 */
export function followLiveEdge(
  currentS: number,
  ranges: readonly Range[],
  targetS: number,
  currentRate: number,
): Action {
  const last = ranges.at(-1);
  if (!last) return { type: 'stay' };
  const [startS, endS] = last;
  const aimS = Math.max(startS, endS - targetS);
  if (currentS < startS || currentS > endS || endS - currentS > SEEK_BEHIND_S + targetS) {
    return Math.abs(aimS - currentS) < 0.001 ? { type: 'stay' } : { type: 'seek', toS: aimS };
  }
  const rate = rateFor(endS - currentS - targetS);
  return rate === currentRate ? { type: 'stay' } : { type: 'rate', rate };
}

function rateFor(behindS: number): number {
  if (behindS > TOLERANCE_S * 3) return 1.1;
  if (behindS > TOLERANCE_S) return 1.04;
  if (behindS < -TOLERANCE_S) return 0.95;
  return 1;
}

/** After a stall aim further back; after a calm time come closer again. */
export function adaptTarget(targetS: number, event: 'stalled' | 'calm', frameS: number): number {
  const lowest = Math.max(MIN_TARGET_S, 3 * frameS);
  const next = event === 'stalled' ? targetS * 1.5 : targetS * 0.9;
  return Math.min(MAX_TARGET_S, Math.max(lowest, next));
}
