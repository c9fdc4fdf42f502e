/**
 * When a channel that waits for its camera need not wait any longer: as soon as the capture daemon that writes its ring has written again.
 *
 * Belongs here: that one judgement, over counters that the supervisor samples anyway. Does not belong here: deciding that a channel starves
 * (the stream daemon reads the ring and knows) and starting it again (transition.ts).
 */

/** A ring's writer as it is now: what it counts rises with every packet. */
export type Source = { readonly ringPath: string; readonly generation: number; readonly packets: number };
/** A channel that waits. */
export type Waiting = { readonly id: string; readonly ringPath: string };

export class Starvation {
  /** The writer as it was when each waiting channel was first seen waiting. */
  #since = new Map<string, Source | null>();

  /** The ids whose camera is back. Called with everything that waits, every time. */
  look(waiting: readonly Waiting[], sources: readonly Source[]): string[] {
    const since = new Map<string, Source | null>();
    const back: string[] = [];
    for (const { id, ringPath } of waiting) {
      const now = sources.find((source) => source.ringPath === ringPath) ?? null;
      const then = this.#since.has(id) ? (this.#since.get(id) ?? null) : now;
      since.set(id, then);
      if (now === null) continue;
      // A new writer counts from zero.
      const before = then?.generation === now.generation ? then.packets : 0;
      if (now.packets > before) back.push(id);
    }
    this.#since = since;
    return back;
  }
}
