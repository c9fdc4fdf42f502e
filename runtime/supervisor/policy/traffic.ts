/**
 * When a channel can be disturbed with the least harm: nobody watches, or it is the hour of the day in which the fewest watch.
 *
 * Pure, on times that are handed in. Belongs here: learning the hours. Does not belong here: what is done in a quiet time (recycling.ts). Hours are
 * of UTC: what repeats every day repeats in it as well.
 */

const HOUR_MS = 3_600_000;
const HOURS = 24;
/** An hour counts as known when it has been watched for this long. */
const LEARNT_MS = HOUR_MS / 2;
/** What an hour was like yesterday counts half of what it is like today. */
const FADING = 0.5;

type Hour = { day: number; viewerMs: number; watchedMs: number };

/** The traffic of one channel. */
export class Traffic {
  readonly #hours: Hour[] = Array.from({ length: HOURS }, () => ({ day: 0, viewerMs: 0, watchedMs: 0 }));

  /** There have been so many viewers for this long, up to now. */
  count(wallMs: number, viewers: number, forMs: number): void {
    const hour = this.#hours[hourOf(wallMs)]!;
    const day = Math.floor(wallMs / (HOURS * HOUR_MS));
    if (hour.day !== day) {
      hour.day = day;
      hour.viewerMs *= FADING;
      hour.watchedMs *= FADING;
    }
    hour.viewerMs += viewers * forMs;
    hour.watchedMs += forMs;
  }

  isQuiet(wallMs: number, viewers: number): boolean {
    if (viewers === 0) return true;
    // Which hour is the quietest shows when all are known.
    if (this.#hours.some(({ watchedMs }) => watchedMs < LEARNT_MS)) return false;
    const viewersAt = this.#hours.map(({ viewerMs, watchedMs }) => viewerMs / watchedMs);
    return viewersAt[hourOf(wallMs)]! <= Math.min(...viewersAt);
  }
}

function hourOf(wallMs: number): number {
  return Math.floor(wallMs / HOUR_MS) % HOURS;
}
