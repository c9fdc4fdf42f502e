/**
 * Hostile input for parsers: pure noise, and real input with noise in it (which gets much further).
 */
import * as fc from 'fast-check';
import { BulkheadError } from '../../runtime/errors.ts';

export const noise = fc.uint8Array({ maxLength: 300 });

/** Copies of `good` that are cut short and have some bytes overwritten. */
export function damaged(good: Uint8Array): fc.Arbitrary<Uint8Array> {
  const flip = fc.tuple(fc.nat({ max: Math.max(0, good.length - 1) }), fc.nat({ max: 255 }));
  return fc.tuple(fc.array(flip, { maxLength: 8 }), fc.nat({ max: good.length })).map(([flips, length]) => {
    const copy = good.slice(0, length);
    for (const [at, value] of flips) if (at < copy.length) copy[at] = value;
    return copy;
  });
}

/** Holds when `parse` gives a result or throws `corrupt`, whatever the bytes. Returns how often it gave a result. */
export function expectResultOrCorrupt(input: fc.Arbitrary<Uint8Array>, parse: (bytes: Uint8Array) => unknown): void {
  fc.assert(
    fc.property(input, (bytes) => {
      try {
        parse(bytes);
      } catch (error) {
        if (!(error instanceof BulkheadError) || error.kind !== 'corrupt') throw error;
      }
    }),
    { numRuns: 500 },
  );
}
