/**
 * A mapped ring as typed arrays: what the steps of the protocol work on.
 *
 * Belongs here: the views, and control words as numbers. Does not belong here: an order of accesses, or a decision. Views are made once
 * for each mapping; sequence numbers and positions stay below 2^53, so a control word fits a number.
 */
import type { Geometry } from './layout.ts';

export type RingMemory = Geometry & {
  readonly bytes: Uint8Array;
  /** Slots and banks; index = offset / 4. */
  readonly u32: Uint32Array;
  /** Control words; index = offset / 8. */
  readonly i64: BigInt64Array;
};

/** The views of a mapping (or, in a test, of any buffer that begins with a ring's header). */
export function viewRing(buffer: ArrayBuffer, geometry: Geometry): RingMemory {
  return {
    slots: geometry.slots,
    dataUnits: geometry.dataUnits,
    maxRecordBytes: geometry.maxRecordBytes,
    bytes: new Uint8Array(buffer),
    u32: new Uint32Array(buffer),
    i64: new BigInt64Array(buffer, 0, Math.floor(buffer.byteLength / 8)),
  };
}

/** Acquire load of a control word. The caller names the store that it pairs with. */
export function loadWord(ring: RingMemory, at: number): number {
  return Number(Atomics.load(ring.i64, at / 8));
}

/** Release store of a control word. The caller names the load that it pairs with. */
export function storeWord(ring: RingMemory, at: number, value: number): void {
  Atomics.store(ring.i64, at / 8, BigInt(value));
}
