/**
 * Whether a process has too much memory: a judgement over readings of its private memory, without clocks, pages or processes.
 *
 * Belongs here: the baseline, the limits, the slope. Does not belong here: reading memory (usage.ts; private memory, never RSS, which counts every
 * mapped ring again), the figures (memory-policy.ts), and when to do something about it (recycling.ts).
 *
 *   soft   above max(1.5 x baseline, baseline + 96 MiB) without a break for 5 min
 *   slope  a steady growth that would reach the hard limit within 6 h
 *   hard   above max(the kind's floor, 3 x baseline), twice running
 *   kill   above 1.5 x hard: faster than a successor can be started
 */
import type { MemoryPolicy } from './memory-policy.ts';
import { median, theilSen, type Point } from './median.ts';

export type MemoryVerdict = 'well' | 'soft' | 'slope' | 'hard' | 'kill';

/** What the limits of one process are made of, besides its baseline. */
export type MemoryBounds = {
  /** The kind's. */
  readonly floorBytes: number;
  readonly machineBytes: number;
  /** A hard limit that somebody has set; it counts as it is. */
  readonly limitBytes?: number | undefined;
  /** Nobody of us saw it begin: what it has may be what it has leaked. */
  readonly adopted: boolean;
};

export function hardLimitBytes(baselineBytes: number, bounds: MemoryBounds, policy: MemoryPolicy): number {
  if (bounds.limitBytes !== undefined) return bounds.limitBytes;
  const wanted = Math.max(bounds.floorBytes, policy.hardFactor * baselineBytes);
  // Below what it has needed from the beginning it would be replaced for ever.
  return Math.max(Math.min(wanted, policy.machineShare * bounds.machineBytes), policy.softFactor * baselineBytes);
}

export function softLimitBytes(baselineBytes: number, hardBytes: number, policy: MemoryPolicy): number {
  const wanted = Math.max(policy.softFactor * baselineBytes, baselineBytes + policy.softMarginBytes);
  return Math.min(wanted, hardBytes);
}

/** Watches one process from the moment it is ready. */
export class MemoryWatch {
  readonly #policy: MemoryPolicy;
  readonly #sinceMs: number;
  #lowestBytes = Infinity;
  /** Readings of the time that the baseline is learnt from; null once it is. */
  #learning: number[] | null = [];
  #baselineBytes: number | null = null;
  #readingsAboveHard = 0;
  #aboveSoftSinceMs: number | null = null;
  /** The minima of the windows that are over: x in ms, y in bytes. */
  #minima: Point[] = [];
  #window: { readonly startMs: number; readonly lowest: Point } | null = null;

  constructor(policy: MemoryPolicy, sinceMs: number) {
    this.#policy = policy;
    this.#sinceMs = sinceMs;
  }

  /** What this process needs when nothing is wrong: the best that is known so far. */
  get baselineBytes(): number {
    return this.#baselineBytes ?? this.#lowestBytes;
  }

  /** Takes a reading. */
  look(atMs: number, bytes: number, bounds: MemoryBounds): MemoryVerdict {
    this.#learn(atMs, bytes);
    this.#keepMinimum(atMs, bytes);
    const baseline = bounds.adopted ? Math.min(this.baselineBytes, this.#usualBytes(bounds)) : this.baselineBytes;
    const hard = hardLimitBytes(baseline, bounds, this.#policy);
    const soft = softLimitBytes(baseline, hard, this.#policy);
    this.#readingsAboveHard = bytes > hard ? this.#readingsAboveHard + 1 : 0;
    this.#aboveSoftSinceMs = bytes > soft ? (this.#aboveSoftSinceMs ?? atMs) : null;

    if (bytes > hard * this.#policy.killFactor) return 'kill';
    if (this.#readingsAboveHard >= this.#policy.hardReadings) return 'hard';
    const isSoft = this.#aboveSoftSinceMs !== null && atMs - this.#aboveSoftSinceMs >= this.#policy.softSustainedMs;
    if (isSoft) return 'soft';
    return this.#climbsTo(hard, atMs) ? 'slope' : 'well';
  }

  /** The most that a baseline may be of which we have seen no beginning: the hard limit is the floor of the kind then. */
  #usualBytes({ floorBytes }: MemoryBounds): number {
    return floorBytes / this.#policy.hardFactor;
  }

  #learn(atMs: number, bytes: number): void {
    // Not the first readings' median: a leak that is fast from the start would take its own growth for what it needs.
    this.#lowestBytes = Math.min(this.#lowestBytes, bytes);
    if (this.#learning === null) return;
    const ageMs = atMs - this.#sinceMs;
    if (ageMs >= this.#policy.baselineFromMs) this.#learning.push(bytes);
    if (ageMs < this.#policy.baselineToMs) return;
    this.#baselineBytes = median(this.#learning);
    this.#learning = null;
  }

  #keepMinimum(atMs: number, bytes: number): void {
    const now = { x: atMs, y: bytes };
    const { windowMs, mostWindows } = this.#policy;
    if (this.#window !== null && atMs - this.#window.startMs >= windowMs) {
      this.#minima = [...this.#minima, this.#window.lowest].slice(-mostWindows);
      this.#window = null;
    }
    if (this.#window === null) this.#window = { startMs: atMs, lowest: now };
    else if (bytes < this.#window.lowest.y) this.#window = { ...this.#window, lowest: now };
  }

  #climbsTo(hardBytes: number, atMs: number): boolean {
    const first = this.#minima[0];
    if (first === undefined || this.#minima.length < this.#policy.leastWindows) return false;
    const line = theilSen(this.#minima);
    if (line === null || line.slope <= 0) return false;
    const nowBytes = line.at(atMs);
    const grown = nowBytes > line.at(first.x) * (1 + this.#policy.growth);
    return grown && (hardBytes - nowBytes) / line.slope <= this.#policy.horizonMs;
  }
}
