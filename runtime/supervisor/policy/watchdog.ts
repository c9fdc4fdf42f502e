/**
 * Who hangs: a judgement over heartbeats, without clocks, pages or processes.
 *
 * Belongs here: how long a beat may stay away, and when our own absence is to blame. Does not belong here: reading beats (status-page.ts),
 * the tick (supervisor.ts) and what happens to a daemon that hangs (transition.ts).
 *
 * Only the change of a beat counts, seen on our own clock: clocks of two processes are never compared. Time in which we did not look is
 * nobody's fault: after a suspend, or when the machine has no processor to give, every daemon gets that time back.
 */

/** How often `look` is called. */
export const LOOK_MS = 100;
/** A pass that comes later than this many periods was not late because of a daemon. */
const LATE_PASSES = 2;

/** One daemon's beat as it is now. */
export type Beat = { readonly key: string; readonly beat: number; readonly limitMs: number };
export type Verdict = {
  /** No beat for its limit; `sinceMs` = when the last one was seen. */
  readonly hung: readonly { readonly key: string; readonly sinceMs: number; readonly limitMs: number }[];
  /** No beat for half of its limit, those that hang among them. */
  readonly late: readonly string[];
  /** We were away for so long; nobody is blamed for that time. */
  readonly selfStalledMs: number;
  /** False = we have only just come back, and this pass judges nobody. */
  readonly judged: boolean;
};

type Watch = { readonly beat: number; readonly seenMs: number };

export class Watchdog {
  #watches = new Map<string, Watch>();
  #lastMs: number | null = null;
  #skipped = false;

  /** One pass. Whoever is not in `beats` is forgotten. */
  look(atMs: number, beats: readonly Beat[]): Verdict {
    const gapMs = this.#lastMs === null ? LOOK_MS : atMs - this.#lastMs;
    const selfStalledMs = gapMs > LOOK_MS * (1 + LATE_PASSES) ? gapMs - LOOK_MS : 0;
    this.#lastMs = atMs;
    // Never two in a row: a supervisor that is late with every pass would find no hang at all.
    const judged = selfStalledMs === 0 || this.#skipped;
    this.#skipped = !judged;

    const watches = new Map<string, Watch>();
    const hung: { key: string; sinceMs: number; limitMs: number }[] = [];
    const late: string[] = [];
    for (const { key, beat, limitMs } of beats) {
      const before = this.#watches.get(key);
      const seenMs = before?.beat === beat ? before.seenMs + selfStalledMs : atMs;
      watches.set(key, { beat, seenMs });
      if (!judged) continue;
      if (atMs - seenMs >= limitMs) hung.push({ key, sinceMs: seenMs, limitMs });
      if (atMs - seenMs >= limitMs / 2) late.push(key);
    }
    this.#watches = watches;
    return { hung, late, selfStalledMs, judged };
  }
}
