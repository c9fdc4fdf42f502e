/**
 * The reader's half of the protocol, one step a function, in the order in which they must happen (docs/ring-format.md, R1 to R6 and Jump).
 *
 * Belongs here: every load from shared memory that accepts a record or moves a cursor, and the order of those loads. Does not belong here:
 * what is done with a record. A reader only loads: any store through its map, even a compare-and-swap that fails, is a SIGSEGV.
 */
import { crc32 } from 'node:zlib';
import { fence } from './fence.ts';
import {
  FLAG_KEY,
  FLAG_PAYLOAD_CRC,
  HEAD_AT,
  INTENT_POS_AT,
  INTENT_SEQ_AT,
  LAST_KEY_AT,
  LINE_BYTES,
  dataAt,
  unitsOf,
} from './layout.ts';
import { type RingMemory, loadWord } from './memory.ts';
import {
  type Slot,
  createSlot,
  loadSlot,
  slotFlags,
  slotIsSealed,
  slotLength,
  slotPayloadCrc,
  slotPos,
  slotSeq,
} from './slot.ts';

/** What a step says: go on, or what the attempt comes to. */
export type Verdict = 'on' | 'empty' | 'lapped' | 'corrupt';

/** What one cursor knows. The ring knows nothing of it. */
export type ReadState = {
  /** The number wanted next. */
  next: number;
  readonly slot: Slot;
  /** Holds the payload of the last record; grows to the largest. */
  copy: Buffer;
  /** `lastKeySeq` and `head` of a jump. */
  key: number;
  head: number;
};

export function createReadState(): ReadState {
  return { next: 1, slot: createSlot(), copy: Buffer.alloc(0), key: 0, head: 0 };
}

export type ReadStep = (ring: RingMemory, state: ReadState) => Verdict;

/** R1, R2. */
export function checkHead(ring: RingMemory, state: ReadState): Verdict {
  const head = loadWord(ring, HEAD_AT); // acquire; pairs with publishHead
  if (head < state.next) return 'empty';
  return head - state.next >= ring.slots ? 'lapped' : 'on';
}

/** R3: each field once, into private memory. */
export function takeSlot(ring: RingMemory, state: ReadState): Verdict {
  loadSlot(ring, state.next, state.slot);
  return 'on';
}

/** R3: the copy must be the slot that is wanted. One that is not was overwritten, and then `intentSeq` says so; or it is damaged. */
export function checkSlot(ring: RingMemory, state: ReadState): Verdict {
  if (isPlausible(ring, state)) return 'on';
  fence(); // the intent is loaded after the slot; pairs with fenceIntent
  const intentSeq = loadWord(ring, INTENT_SEQ_AT); // pairs with publishIntentSeq
  return intentSeq - state.next >= ring.slots ? 'lapped' : 'corrupt';
}

function isPlausible(ring: RingMemory, state: ReadState): boolean {
  const slot = state.slot;
  const pos = slotPos(slot);
  const length = slotLength(slot);
  return (
    slotSeq(slot) === state.next &&
    slotIsSealed(slot) &&
    length > 0 &&
    length <= ring.maxRecordBytes &&
    Number.isSafeInteger(pos) &&
    pos >= 0 &&
    (pos % ring.dataUnits) + unitsOf(length) <= ring.dataUnits
  );
}

/** R3: no copy is begun of what is already being overwritten. */
export function checkDistance(ring: RingMemory, state: ReadState): Verdict {
  const intentSeq = loadWord(ring, INTENT_SEQ_AT); // pairs with publishIntentSeq
  const intentPos = loadWord(ring, INTENT_POS_AT); // pairs with publishIntentPos
  const pos = slotPos(state.slot);
  if (intentSeq - state.next >= ring.slots || intentPos - pos > ring.dataUnits) return 'lapped';
  // A committed record ends at or before the intent.
  return pos + unitsOf(slotLength(state.slot)) > intentPos ? 'corrupt' : 'on';
}

/** R4. */
export function copyPayload(ring: RingMemory, state: ReadState): Verdict {
  const length = slotLength(state.slot);
  if (state.copy.length < length) state.copy = Buffer.allocUnsafeSlow(growTo(length, ring.maxRecordBytes));
  const from = dataAt(ring) + (slotPos(state.slot) % ring.dataUnits) * LINE_BYTES;
  state.copy.set(ring.bytes.subarray(from, from + length));
  return 'on';
}

/** The next power of two, but no more than a record can be. */
function growTo(length: number, maxRecordBytes: number): number {
  return Math.min(maxRecordBytes, Math.max(4096, 2 ** Math.ceil(Math.log2(length))));
}

/** R5: the copy is complete before the intents are loaded again. Acquire on those loads would not do: earlier loads may sink below it. */
export function fenceCopy(): Verdict {
  fence(); // pairs with fenceIntent of the writer
  return 'on';
}

/** R6: what was copied is whole if no write into its slot or its units had begun by now. */
export function recheckIntent(ring: RingMemory, state: ReadState): Verdict {
  const intentSeq = loadWord(ring, INTENT_SEQ_AT); // pairs with publishIntentSeq
  const intentPos = loadWord(ring, INTENT_POS_AT); // pairs with publishIntentPos
  const whole = intentSeq - state.next < ring.slots && intentPos - slotPos(state.slot) <= ring.dataUnits;
  return whole ? 'on' : 'lapped';
}

/** Beyond the protocol: the bytes are those that the writer meant. Against bit rot and defects, not against laps. */
export function checkPayload(_ring: RingMemory, state: ReadState): Verdict {
  const slot = state.slot;
  if ((slotFlags(slot) & FLAG_PAYLOAD_CRC) === 0) return 'on';
  return crc32(state.copy.subarray(0, slotLength(slot))) === slotPayloadCrc(slot) ? 'on' : 'corrupt';
}

export const READ_STEPS: readonly ReadStep[] = [
  checkHead,
  takeSlot,
  checkSlot,
  checkDistance,
  copyPayload,
  fenceCopy,
  recheckIntent,
  checkPayload,
];

export type JumpStep = (ring: RingMemory, state: ReadState) => void;

/** Jump: the key first, so that it is never beyond the head that is loaded after it. */
export function loadLastKey(ring: RingMemory, state: ReadState): void {
  state.key = loadWord(ring, LAST_KEY_AT); // acquire; pairs with announceKey
}

export function loadHead(ring: RingMemory, state: ReadState): void {
  state.head = loadWord(ring, HEAD_AT); // acquire; pairs with publishHead
  if (state.key > state.head) state.key = state.head;
}

/** Only forward: `key > next`, or the reader would be lapped at the same number for ever. Else wait behind the newest record. */
export function moveOn(ring: RingMemory, state: ReadState): void {
  if (state.key > state.next && isSafeKey(ring, state)) state.next = state.key;
  else if (state.head >= state.next) state.next = state.head + 1;
}

export const JUMP_STEPS: readonly JumpStep[] = [loadLastKey, loadHead, moveOn];

/**
 * Policy, not safety: a keyframe with less than an eighth of the ring left in front of the writer would be overwritten under a reader that
 * has just been too slow. Wrong answers cost a further gap, nothing else, so the loads need no order.
 */
export function isSafeKey(ring: RingMemory, state: ReadState): boolean {
  const { slot, key } = state;
  loadSlot(ring, key, slot);
  if (slotSeq(slot) !== key || !slotIsSealed(slot) || (slotFlags(slot) & FLAG_KEY) === 0) return false;
  const usedSlots = loadWord(ring, INTENT_SEQ_AT) - key; // pairs with publishIntentSeq
  const usedUnits = loadWord(ring, INTENT_POS_AT) - slotPos(slot); // pairs with publishIntentPos
  return usedSlots <= ring.slots * SAFE_SHARE && usedUnits <= ring.dataUnits * SAFE_SHARE;
}

const SAFE_SHARE = 7 / 8;
