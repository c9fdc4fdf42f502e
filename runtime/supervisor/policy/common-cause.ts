/**
 * Whether many daemons in trouble are one trouble: most of them late, or most of them dead, at the same time. Pure, on times that are handed in.
 *
 * Belongs here: when it is one incident, and how carefully those that are late are killed then. Does not belong here: who is late (watchdog.ts) and
 * who is started first (brake.ts). docs/decisions/0010 says why.
 *
 * One daemon that does not beat hangs. Most of them not beating is a machine that has no time for them, and killing them makes it worse: so they get
 * longer, those that beat again are forgiven, and the rest is killed one after another.
 */

export const COMMON_CAUSE = {
  /** Fewer than this are a coincidence. */
  least: 3,
  /** More than this part of all. */
  share: 0.5,
  /** Deaths count together that lie within this time. */
  windowMs: 5_000,
  /** So long after the last death it is told: then it is known how many there were. */
  settleMs: 500,
  /** What a late daemon gets on top of its watchdog's time. */
  graceMs: 3_000,
  /** Between two kills. */
  staggerMs: 250,
  /** An incident is over when there was no trouble for this long; what comes then is another one. */
  overMs: 10_000,
} as const;

export type Hung = { readonly key: string; readonly sinceMs: number; readonly limitMs: number };
export type Incident = { readonly cause: 'hang' | 'crash'; readonly ids: readonly string[] };

export type Watched = {
  /** How many could be late. */
  readonly beating: number;
  /** Ids of those whose beat is overdue, and those that have missed it for so long that they hang. */
  readonly late: readonly string[];
  readonly hung: readonly Hung[];
  /** How many are wanted. */
  readonly wanted: number;
};

export class CommonCause {
  /** Until when a trouble of the same kind is still the same incident. */
  readonly #untilMs = { hang: -Infinity, crash: -Infinity };
  #careful = false;
  #lastKillMs = -Infinity;
  #deaths: { readonly id: string; readonly atMs: number }[] = [];

  /** A process ended that nobody had asked to. */
  died(atMs: number, id: string): void {
    this.#deaths = [...this.#deaths.filter((death) => death.id !== id), { id, atMs }];
  }

  /** One pass: who is to be killed now, and what is to be told. */
  look(atMs: number, watched: Watched): { readonly kill: readonly Hung[]; readonly incidents: readonly Incident[] } {
    const hangs = this.#lookAtLate(atMs, watched);
    const deaths = this.#lookAtDeaths(atMs, watched.wanted);
    return { kill: this.#choose(atMs, watched.hung), incidents: [hangs, deaths].filter((one) => one !== null) };
  }

  #lookAtLate(atMs: number, { late, beating }: Watched): Incident | null {
    if (late.length === 0) this.#careful = false;
    if (!isMost(late.length, beating)) return null;
    this.#careful = true;
    return this.#begins('hang', atMs) ? { cause: 'hang', ids: late } : null;
  }

  #lookAtDeaths(atMs: number, wanted: number): Incident | null {
    const last = Math.max(...this.#deaths.map((death) => death.atMs));
    if (atMs - last < COMMON_CAUSE.settleMs) return null;
    this.#deaths = this.#deaths.filter((death) => atMs - death.atMs < COMMON_CAUSE.windowMs);
    if (!isMost(this.#deaths.length, wanted)) return null;
    const ids = this.#deaths.map(({ id }) => id);
    return this.#begins('crash', atMs) ? { cause: 'crash', ids } : null;
  }

  /** False while it is still the one that has been told. */
  #begins(cause: Incident['cause'], atMs: number): boolean {
    const begins = atMs >= this.#untilMs[cause];
    this.#untilMs[cause] = atMs + COMMON_CAUSE.overMs;
    return begins;
  }

  #choose(atMs: number, hung: readonly Hung[]): readonly Hung[] {
    if (!this.#careful) return hung;
    if (atMs - this.#lastKillMs < COMMON_CAUSE.staggerMs) return [];
    const due = hung.filter(({ sinceMs, limitMs }) => atMs - sinceMs >= limitMs + COMMON_CAUSE.graceMs);
    const first = due.toSorted((a, b) => a.sinceMs - b.sinceMs).slice(0, 1);
    if (first.length > 0) this.#lastKillMs = atMs;
    return first;
  }
}

function isMost(count: number, all: number): boolean {
  return count >= COMMON_CAUSE.least && count > COMMON_CAUSE.share * all;
}
