/**
 * The writer's half of the protocol, one step a function, in the order in which they must happen (docs/ring-format.md, W1 to W3 and Attach).
 *
 * Belongs here: every store to shared memory that publishes a record, and the order of those stores. Does not belong here: files, locks,
 * policy. The order is data so that a test can stop the writer between any two steps, or leave one out and see what breaks.
 * A writer killed after any step leaves a ring that readers and the next writer understand.
 */
import { crc32 } from 'node:zlib';
import { fence } from './fence.ts';
import {
  EPOCH_AT,
  FLAG_KEY,
  FLAG_PAYLOAD_CRC,
  HEAD_AT,
  INTENT_POS_AT,
  INTENT_SEQ_AT,
  LAST_KEY_AT,
  LINE_BYTES,
  TABLE_VERSION_AT,
  dataAt,
  unitsOf,
} from './layout.ts';
import { type RingMemory, loadWord, storeWord } from './memory.ts';
import {
  type PacketMeta,
  type Slot,
  composeSlot,
  createSlot,
  flagsOf,
  loadSlot,
  slotFlags,
  slotIsSealed,
  slotSeq,
  storeSlot,
} from './slot.ts';

/** What the writer knows by itself. Only `seq`, `pos` and `epoch` outlive a record; readers see none of it. */
export type WriteState = {
  /** Of the last record that was committed. */
  seq: number;
  /** Where the next record may begin, in units, padding counted; equal to `intentPos` between records. */
  pos: number;
  epoch: number;
  /** Version of the stream table that records refer to. */
  table: number;
  /** The record in hand. */
  start: number;
  units: number;
  key: boolean;
  chunks: readonly Uint8Array[];
  /** Where the next chunk goes. */
  at: number;
  readonly slot: Slot;
};

export function createWriteState(): WriteState {
  return { seq: 0, pos: 0, epoch: 0, table: 0, start: 0, units: 0, key: false, chunks: [], at: 0, slot: createSlot() };
}

export type WriteStep = (ring: RingMemory, state: WriteState) => void;

/** Before W1, in private memory: where the record goes and what its slot will say (`moreFlags`: what `meta` does not). Nothing is published. */
export function prepare(
  ring: RingMemory,
  state: WriteState,
  meta: PacketMeta,
  chunks: readonly Uint8Array[],
  lengthBytes: number,
  moreFlags: number,
): void {
  const units = unitsOf(lengthBytes);
  const offset = state.pos % ring.dataUnits;
  // A record never wraps: one that does not fit begins with the next round, and the padding counts.
  state.start = offset + units > ring.dataUnits ? state.pos + ring.dataUnits - offset : state.pos;
  state.units = units;
  state.key = meta.key;
  state.chunks = chunks;
  state.at = dataAt(ring) + (state.start % ring.dataUnits) * LINE_BYTES;
  let payloadCrc = 0;
  if ((moreFlags & FLAG_PAYLOAD_CRC) !== 0) for (const chunk of chunks) payloadCrc = crc32(chunk, payloadCrc);
  composeSlot(
    state.slot,
    {
      seq: state.seq + 1,
      pos: state.start,
      length: lengthBytes,
      flags: flagsOf(meta, moreFlags, state.table),
      epoch: state.epoch,
      payloadCrc,
    },
    meta,
  );
}

/** W1: the units up to here are no longer what they were. */
export function publishIntentPos(ring: RingMemory, state: WriteState): void {
  state.pos = state.start + state.units; // first: should this process fail half-way, it goes on behind the debris
  storeWord(ring, INTENT_POS_AT, state.pos); // pairs with the loads in checkDistance and recheckIntent
}

/** W1: the slot of this number is no longer what it was. */
export function publishIntentSeq(ring: RingMemory, state: WriteState): void {
  storeWord(ring, INTENT_SEQ_AT, state.seq + 1); // pairs with the loads in checkDistance, checkSlot and recheckIntent
}

/** W1: both intents are visible before the first byte. A release store would not stop later stores from passing it. */
export function fenceIntent(): void {
  fence(); // pairs with fenceCopy of the reader
}

/** W2: the payload. */
export function writePayload(ring: RingMemory, state: WriteState): void {
  for (const chunk of state.chunks) {
    ring.bytes.set(chunk, state.at);
    state.at += chunk.length;
  }
}

/** W2: the slot. */
export function writeSlot(ring: RingMemory, state: WriteState): void {
  storeSlot(ring, state.slot);
}

/** W3: the commit. */
export function publishHead(ring: RingMemory, state: WriteState): void {
  state.seq++;
  storeWord(ring, HEAD_AT, state.seq); // release; pairs with the load in checkHead
}

/** W3: a keyframe is announced after it exists. */
export function announceKey(ring: RingMemory, state: WriteState): void {
  if (state.key) storeWord(ring, LAST_KEY_AT, state.seq); // release; pairs with the load in loadLastKey
}

export const WRITE_STEPS: readonly WriteStep[] = [
  publishIntentPos,
  publishIntentSeq,
  fenceIntent,
  writePayload,
  writeSlot,
  publishHead,
  announceKey,
];

/** Attach: continue behind the last intent, never at the committed tail, where a reader may hold what a dead writer half overwrote. */
export function readCounters(ring: RingMemory, state: WriteState): void {
  state.seq = loadWord(ring, HEAD_AT); // the stores of the dead writer arrived before its lock was free
  state.pos = loadWord(ring, INTENT_POS_AT); // same
  state.table = loadWord(ring, TABLE_VERSION_AT); // same
}

/** Attach: a new incarnation. */
export function growEpoch(ring: RingMemory, state: WriteState): void {
  state.epoch = ring.u32[EPOCH_AT / 4]! + 1;
  ring.u32[EPOCH_AT / 4] = state.epoch; // plain: records carry their own copy
}

/** Attach: the dead writer may have committed a keyframe without announcing it. */
export function repairLastKey(ring: RingMemory, state: WriteState): void {
  if (state.seq === 0 || loadWord(ring, LAST_KEY_AT) >= state.seq) return; // own word: no pair
  loadSlot(ring, state.seq, state.slot);
  const isKey =
    slotSeq(state.slot) === state.seq && slotIsSealed(state.slot) && (slotFlags(state.slot) & FLAG_KEY) !== 0;
  if (isKey) storeWord(ring, LAST_KEY_AT, state.seq); // release; pairs with the load in loadLastKey
}

/** In this order, with the lock held. */
export const ATTACH_STEPS: readonly WriteStep[] = [readCounters, growEpoch, repairLastKey];
