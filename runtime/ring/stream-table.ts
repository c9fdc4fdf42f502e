/**
 * The stream table in the ring: opaque bytes (codec parameters and the like), in two banks, so that the current and the previous version can
 * be read while the next is written.
 *
 * The protocol is the records' own with two slots: intent, fence, bytes, version; a reader copies version v, fences, and accepts it iff the
 * intent it then loads is less than v + 2. Belongs here: that. Does not belong here: what the bytes say (runtime/media/track.ts).
 */
import { crc32 } from 'node:zlib';
import { fence } from './fence.ts';
import {
  BANKS,
  BANK_CRC_AT,
  BANK_LENGTH_AT,
  BANK_TABLE_AT,
  BANK_VERSION_AT,
  TABLE_BYTES,
  TABLE_INTENT_AT,
  TABLE_VERSION_AT,
  bankAt,
} from './layout.ts';
import { type RingMemory, loadWord, storeWord } from './memory.ts';

export type Table = { readonly version: number; readonly bytes: Uint8Array };

/** The table that is being published. */
export type TableDraft = { readonly version: number; readonly bytes: Uint8Array };
export type TableStep = (ring: RingMemory, draft: TableDraft) => void;

export function publishTableIntent(ring: RingMemory, draft: TableDraft): void {
  storeWord(ring, TABLE_INTENT_AT, draft.version); // pairs with the load in readTable
}

export function fenceTableIntent(): void {
  fence(); // pairs with the fence in readTable
}

export function writeBank(ring: RingMemory, draft: TableDraft): void {
  const at = bankAt(draft.version);
  ring.bytes.set(bankLine(draft), at);
  ring.bytes.set(draft.bytes, at + BANK_TABLE_AT);
}

export function publishTableVersion(ring: RingMemory, draft: TableDraft): void {
  storeWord(ring, TABLE_VERSION_AT, draft.version); // release; pairs with the load in currentTableVersion
}

export const TABLE_STEPS: readonly TableStep[] = [publishTableIntent, fenceTableIntent, writeBank, publishTableVersion];

/** A bank's fields: version, length, and the CRC over those two and the bytes. */
function bankLine(draft: TableDraft): Uint8Array {
  const line = new Uint8Array(BANK_CRC_AT + 4);
  const view = new DataView(line.buffer);
  view.setFloat64(BANK_VERSION_AT, draft.version, true);
  view.setUint32(BANK_LENGTH_AT, draft.bytes.length, true);
  view.setUint32(BANK_CRC_AT, crc32(draft.bytes, crc32(line.subarray(0, BANK_CRC_AT))), true);
  return line;
}

/** The newest version that is complete; 0 = none yet. */
export function currentTableVersion(ring: RingMemory): number {
  return loadWord(ring, TABLE_VERSION_AT); // acquire; pairs with publishTableVersion
}

/** The version that a writer publishes next. One that a dead writer began and did not finish is written again, in the same bank. */
export function nextTableVersion(ring: RingMemory): number {
  return currentTableVersion(ring) + 1;
}

/**
 * A private copy of the current table, or of the version that is named. `undefined`: never written, overwritten by now, or damaged.
 */
export function readTable(ring: RingMemory, wanted?: number): Table | undefined {
  for (;;) {
    const current = currentTableVersion(ring);
    const version = wanted ?? current;
    if (version < 1 || version > current) return undefined;
    const at = bankAt(version);
    const copy = ring.bytes.slice(at, at + BANK_TABLE_AT + TABLE_BYTES);
    fence(); // the copy is complete before the intent is loaded; pairs with fenceTableIntent
    if (loadWord(ring, TABLE_INTENT_AT) - version < BANKS) return parseBank(copy, version); // pairs with publishTableIntent
    if (wanted !== undefined) return undefined;
    // The writer has begun two further versions during the copy: its newest is another one by now.
    if (currentTableVersion(ring) === current) return undefined;
  }
}

function parseBank(copy: Uint8Array, version: number): Table | undefined {
  const view = new DataView(copy.buffer, copy.byteOffset);
  const length = view.getUint32(BANK_LENGTH_AT, true);
  if (view.getFloat64(BANK_VERSION_AT, true) !== version || length > TABLE_BYTES) return undefined;
  const bytes = copy.subarray(BANK_TABLE_AT, BANK_TABLE_AT + length);
  const crc = crc32(bytes, crc32(copy.subarray(0, BANK_CRC_AT)));
  return crc === view.getUint32(BANK_CRC_AT, true) ? { version, bytes } : undefined;
}
