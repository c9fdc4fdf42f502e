/**
 * Which daemon that has too much memory is replaced now, and which waits for a better moment. Pure, on times that are handed in.
 *
 * Belongs here: quiet times, one at a time, the count that becomes an alarm. Does not belong here: whether memory is too much (memory.ts) and the
 * replacing (slot.ts). What is at the hard limit does not wait and is only counted here.
 */
import type { MemoryPolicy } from './memory-policy.ts';

/** A daemon that ought to be replaced when there is a good moment. */
export type Candidate = {
  readonly id: string;
  readonly channel: string;
  /** Since it is ready. */
  readonly ageMs: number;
  /** Nobody, or hardly anybody, would notice. */
  readonly quiet: boolean;
  /** Every other daemon of the channel is where it should be, and nothing is being replaced there. */
  readonly peersSettled: boolean;
};

export class Recycling {
  readonly #policy: MemoryPolicy;
  /** Since when each candidate has been one. */
  #wantedMs = new Map<string, number>();
  readonly #lastMs = new Map<string, number>();
  #lastOfAllMs = -Infinity;
  readonly #recycledMs = new Map<string, number[]>();
  readonly #alarmedMs = new Map<string, number>();

  constructor(policy: MemoryPolicy) {
    this.#policy = policy;
  }

  /** Who is replaced now, if anybody: the one that has waited longest. Called with every candidate, every time. */
  next(atMs: number, candidates: readonly Candidate[]): string | null {
    this.#wantedMs = new Map(candidates.map(({ id }) => [id, this.#wantedMs.get(id) ?? atMs]));
    const may = candidates.filter((candidate) => this.#may(atMs, candidate));
    const [first] = may.toSorted((a, b) => this.#wantedMs.get(a.id)! - this.#wantedMs.get(b.id)!);
    return first?.id ?? null;
  }

  /** It is replaced, for whatever verdict; true = it has been too often, and an alarm is due. */
  recycled(atMs: number, id: string, channel: string): boolean {
    const { leakRecycles, leakWindowMs } = this.#policy;
    this.#lastMs.set(channel, atMs);
    this.#lastOfAllMs = atMs;
    const times = [...(this.#recycledMs.get(id) ?? []), atMs].filter((time) => atMs - time < leakWindowMs);
    // The list is bounded: an alarm needs no more.
    this.#recycledMs.set(id, times.slice(-(leakRecycles + 1)));
    if (times.length <= leakRecycles) return false;
    if (atMs - (this.#alarmedMs.get(id) ?? -Infinity) < leakWindowMs) return false;
    this.#alarmedMs.set(id, atMs);
    return true;
  }

  #may(atMs: number, { id, channel, ageMs, quiet, peersSettled }: Candidate): boolean {
    const { leastAgeMs, apartMs, apartFromAllMs, patienceMs } = this.#policy;
    if (ageMs < leastAgeMs || !peersSettled) return false;
    if (atMs - (this.#lastMs.get(channel) ?? -Infinity) < apartMs) return false;
    if (atMs - this.#lastOfAllMs < apartFromAllMs) return false;
    return quiet || atMs - this.#wantedMs.get(id)! >= patienceMs;
  }
}
