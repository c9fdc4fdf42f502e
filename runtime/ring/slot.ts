/**
 * One slot of the index in private memory: the writer composes a slot here and copies it into the ring in one go, the reader copies it out
 * of the ring once and looks at this copy only. So no field of shared memory is ever read twice.
 *
 * Belongs here: a slot's fields and its CRC. Does not belong here: whether a slot may be believed (read-steps.ts).
 */
import { crc32 } from 'node:zlib';
import {
  FLAG_DISCONTINUITY,
  FLAG_KEY,
  SLOT_BYTES,
  SLOT_CAPTURE_AT,
  SLOT_CRC_AT,
  SLOT_DTS_AT,
  SLOT_DURATION_AT,
  SLOT_EPOCH_AT,
  SLOT_FLAGS_AT,
  SLOT_LENGTH_AT,
  SLOT_PAYLOAD_CRC_AT,
  SLOT_POS_AT,
  SLOT_PTS_AT,
  SLOT_SEQ_AT,
  TABLE_MASK,
  TABLE_SHIFT,
  TRACK_MASK,
  TRACK_SHIFT,
  slotAt,
} from './layout.ts';
import type { RingMemory } from './memory.ts';

/** What a record says of itself. pts, dts and duration count in the track's timescale; `captureUs` is CLOCK_MONOTONIC. */
export type PacketMeta = {
  /** Number of the track in the stream table, 0 to 255. */
  readonly track: number;
  readonly key: boolean;
  /** First record after a break: what comes before does not lead here. */
  readonly discontinuity: boolean;
  readonly pts: number;
  readonly dts: number;
  readonly duration: number;
  readonly captureUs: number;
};

/** 64 private bytes under three views. */
export type Slot = { readonly u32: Uint32Array; readonly f64: Float64Array; readonly covered: Uint8Array };

export function createSlot(): Slot {
  const buffer = new ArrayBuffer(SLOT_BYTES);
  return {
    u32: new Uint32Array(buffer),
    f64: new Float64Array(buffer),
    covered: new Uint8Array(buffer, 0, SLOT_CRC_AT),
  };
}

/** Copies slot `seq` out of the ring. Words, not doubles: a NaN's bits would not survive the way through a register. */
export function loadSlot(ring: RingMemory, seq: number, slot: Slot): void {
  const from = slotAt(ring, seq) / 4;
  for (let word = 0; word < SLOT_BYTES / 4; word++) slot.u32[word] = ring.u32[from + word]!;
}

/** Copies a composed slot into its place in the ring. */
export function storeSlot(ring: RingMemory, slot: Slot): void {
  const to = slotAt(ring, slotSeq(slot)) / 4;
  for (let word = 0; word < SLOT_BYTES / 4; word++) ring.u32[to + word] = slot.u32[word]!;
}

export type SlotFields = {
  readonly seq: number;
  readonly pos: number;
  readonly length: number;
  readonly flags: number;
  readonly epoch: number;
  readonly payloadCrc: number;
};

/** Fills a slot in and seals it with its CRC. */
export function composeSlot(slot: Slot, fields: SlotFields, meta: PacketMeta): void {
  slot.f64[SLOT_SEQ_AT / 8] = fields.seq;
  slot.f64[SLOT_POS_AT / 8] = fields.pos;
  slot.u32[SLOT_LENGTH_AT / 4] = fields.length;
  slot.u32[SLOT_FLAGS_AT / 4] = fields.flags;
  slot.u32[SLOT_EPOCH_AT / 4] = fields.epoch;
  slot.u32[SLOT_DURATION_AT / 4] = meta.duration;
  slot.f64[SLOT_PTS_AT / 8] = meta.pts;
  slot.f64[SLOT_DTS_AT / 8] = meta.dts;
  slot.f64[SLOT_CAPTURE_AT / 8] = meta.captureUs;
  slot.u32[SLOT_PAYLOAD_CRC_AT / 4] = fields.payloadCrc;
  slot.u32[SLOT_CRC_AT / 4] = crc32(slot.covered);
}

/** The flags word of a record. `table` is the stream table's version, of which the low 16 bits go in. */
export function flagsOf(meta: PacketMeta, more: number, table: number): number {
  const bits =
    (meta.key ? FLAG_KEY : 0) |
    (meta.discontinuity ? FLAG_DISCONTINUITY : 0) |
    more |
    ((meta.track & TRACK_MASK) << TRACK_SHIFT) |
    ((table & TABLE_MASK) << TABLE_SHIFT);
  return bits >>> 0;
}

export const slotSeq = (slot: Slot): number => slot.f64[SLOT_SEQ_AT / 8]!;
export const slotPos = (slot: Slot): number => slot.f64[SLOT_POS_AT / 8]!;
export const slotLength = (slot: Slot): number => slot.u32[SLOT_LENGTH_AT / 4]!;
export const slotFlags = (slot: Slot): number => slot.u32[SLOT_FLAGS_AT / 4]!;
export const slotEpoch = (slot: Slot): number => slot.u32[SLOT_EPOCH_AT / 4]!;
export const slotPayloadCrc = (slot: Slot): number => slot.u32[SLOT_PAYLOAD_CRC_AT / 4]!;
export const slotIsSealed = (slot: Slot): boolean => slot.u32[SLOT_CRC_AT / 4] === crc32(slot.covered);

/** The record's own words. */
export function slotMeta(slot: Slot): PacketMeta {
  const flags = slotFlags(slot);
  return {
    track: (flags >>> TRACK_SHIFT) & TRACK_MASK,
    key: (flags & FLAG_KEY) !== 0,
    discontinuity: (flags & FLAG_DISCONTINUITY) !== 0,
    pts: slot.f64[SLOT_PTS_AT / 8]!,
    dts: slot.f64[SLOT_DTS_AT / 8]!,
    duration: slot.u32[SLOT_DURATION_AT / 4]!,
    captureUs: slot.f64[SLOT_CAPTURE_AT / 8]!,
  };
}
