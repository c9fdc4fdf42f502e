/**
 * Random numbers that can be had again: the same seed gives the same faults in the same order.
 *
 * mulberry32 (Tommy Ettinger, public domain): small, and good enough to choose victims. Does not belong here: what is chosen.
 */
export type Random = {
  /** Uniform in [0, 1). */
  readonly next: () => number;
  readonly pick: <T>(from: readonly T[]) => T;
};

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, pick: (from) => from[Math.floor(next() * from.length)]! };
}
