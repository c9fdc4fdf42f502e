/**
 * Where every byte of a ring file lies. This is the only file with offsets in it; docs/ring-format.md is the same in prose.
 *
 * Belongs here: offsets, each derived from the one before, geometry, and the header's encoding. Does not belong here: any access to
 * shared memory, and the order in which fields are stored and loaded (write-steps.ts, read-steps.ts, stream-table.ts).
 *
 *       byte  +0              +8              +16             +24             +32             +40             +48             +56
 *            +---------------+-------+-------+-------+-------+-------+-------+-------------------------------+---------------+-------+-------+
 *          0 | magic         |version| slots |d.units|max rec|t.bytes|boot   | ring id, 16 random bytes      | createdMs f64 |   0   |hdr crc| header
 *            +-------+-------+-------+-------+---------------+-------+-------+-------------------------------+---------------+-------+-------+
 *         64 | epoch | state |  pid  |   0   | started f64   |                                                                               | writer
 *            +---------------+-------+-------+---------------+-------------------------------------------------------------------------------+
 *        128 | head          |                                                                                                               |
 *            +---------------+---------------+-----------------------------------------------------------------------------------------------+
 *        192 | intentSeq     | intentPos     |                                                                                               |
 *            +---------------+---------------+-----------------------------------------------------------------------------------------------+
 *        256 | lastKeySeq    |                                                                                                               | control
 *            +---------------+---------------------------------------------------------------------------------------------------------------+ words,
 *        320 | heartbeatUs   |                                                                                                               | i64
 *            +---------------+---------------+-----------------------------------------------------------------------------------------------+
 *        384 | tableIntent   | tableVersion  |                                                                                               |
 *            +---------------+-------+-------+-----------------------------------------------------------------------------------------------+
 *        448 | version f64   |length |  crc  |                                                                       (a line, then t.bytes)  | bank 0
 *            |                                          stream table bytes                                                                   | bank 1
 *            +---------------+---------------+-------+-------+-------+-------+---------------+---------------+---------------+-------+-------+
 *      index | seq f64       | pos f64       |length | flags | epoch |durat. | pts f64       | dts f64       | captureUs f64 |pay crc|slt crc| x slots
 *            +---------------+---------------+-------+-------+-------+-------+---------------+---------------+---------------+-------+-------+
 *       data | records, each from a 64-byte boundary on, none across the end                                                                 | x d.units
 *            +-------------------------------------------------------------------------------------------------------------------------------+
 */
import { crc32 } from 'node:zlib';
import { endianness } from 'node:os';
import { BulkheadError } from '../errors.ts';

/** One cache line; also one data unit, and what every part of the file is aligned to. */
export const LINE_BYTES = 64;
/** Grows with every change that an older reader or writer would misread. */
export const LAYOUT_VERSION = 1;
/** "BLKHRING" in the file's byte order. */
export const MAGIC = Uint8Array.from('BLKHRING', (letter) => letter.charCodeAt(0));
/** The most bytes a stream table may have. */
export const TABLE_BYTES = 8192;

/** The immutable header. */
export const HEADER_AT = 0;
const MAGIC_AT = HEADER_AT;
const VERSION_AT = MAGIC_AT + MAGIC.length;
const SLOTS_AT = VERSION_AT + 4;
const DATA_UNITS_AT = SLOTS_AT + 4;
const MAX_RECORD_AT = DATA_UNITS_AT + 4;
const TABLE_BYTES_AT = MAX_RECORD_AT + 4;
const BOOT_TAG_AT = TABLE_BYTES_AT + 4;
const RING_ID_AT = BOOT_TAG_AT + 4;
const RING_ID_BYTES = 16;
const CREATED_MS_AT = RING_ID_AT + RING_ID_BYTES;
const HEADER_RESERVED_AT = CREATED_MS_AT + 8;
const HEADER_CRC_AT = HEADER_RESERVED_AT + 4;
export const HEADER_BYTES = HEADER_CRC_AT + 4;

/** The writer line. Only one process writes it, only people and `writerState` read it. */
export const WRITER_AT = HEADER_AT + LINE_BYTES;
export const EPOCH_AT = WRITER_AT;
export const STATE_AT = EPOCH_AT + 4;
export const PID_AT = STATE_AT + 4;
export const STARTED_AT = PID_AT + 8;

/** Control words, 64 bits each, on lines of their own: a reader that polls `head` does not disturb the writer's other lines. */
export const HEAD_AT = WRITER_AT + LINE_BYTES;
export const INTENT_SEQ_AT = HEAD_AT + LINE_BYTES;
export const INTENT_POS_AT = INTENT_SEQ_AT + 8;
export const LAST_KEY_AT = INTENT_SEQ_AT + LINE_BYTES;
export const HEARTBEAT_AT = LAST_KEY_AT + LINE_BYTES;
export const TABLE_INTENT_AT = HEARTBEAT_AT + LINE_BYTES;
export const TABLE_VERSION_AT = TABLE_INTENT_AT + 8;

/** The stream table: two banks, each a line of its own fields and then the bytes. */
export const BANKS = 2;
export const BANKS_AT = TABLE_INTENT_AT + LINE_BYTES;
export const BANK_VERSION_AT = 0;
export const BANK_LENGTH_AT = BANK_VERSION_AT + 8;
export const BANK_CRC_AT = BANK_LENGTH_AT + 4;
export const BANK_TABLE_AT = LINE_BYTES;

/** A slot of the index; offsets from the slot's start. */
export const SLOT_BYTES = LINE_BYTES;
export const SLOT_SEQ_AT = 0;
export const SLOT_POS_AT = SLOT_SEQ_AT + 8;
export const SLOT_LENGTH_AT = SLOT_POS_AT + 8;
export const SLOT_FLAGS_AT = SLOT_LENGTH_AT + 4;
export const SLOT_EPOCH_AT = SLOT_FLAGS_AT + 4;
export const SLOT_DURATION_AT = SLOT_EPOCH_AT + 4;
export const SLOT_PTS_AT = SLOT_DURATION_AT + 4;
export const SLOT_DTS_AT = SLOT_PTS_AT + 8;
export const SLOT_CAPTURE_AT = SLOT_DTS_AT + 8;
export const SLOT_PAYLOAD_CRC_AT = SLOT_CAPTURE_AT + 8;
export const SLOT_CRC_AT = SLOT_PAYLOAD_CRC_AT + 4;

/** Bits of a slot's flags. */
export const FLAG_KEY = 1;
export const FLAG_DISCONTINUITY = 2;
/** The payload CRC is filled in; large pictures go without. */
export const FLAG_PAYLOAD_CRC = 4;
export const TRACK_SHIFT = 8;
export const TRACK_MASK = 0xff;
export const TABLE_SHIFT = 16;
export const TABLE_MASK = 0xffff;

/** What the writer line's state says. */
export const STATE_ATTACHING = 0;
export const STATE_LIVE = 1;
export const STATE_CLOSED = 2;

/** What a ring is made for; fixed for the life of the file. */
export type Geometry = {
  /** Power of two, at least 2: the most records that can be in the ring. */
  readonly slots: number;
  /** Size of the data area in units of 64 bytes. */
  readonly dataUnits: number;
  readonly maxRecordBytes: number;
};

export type Header = Geometry & {
  /** 32 hex digits, new with every file: equal ids mean comparable sequence numbers. */
  readonly ringId: string;
  /** Wall clock, milliseconds since 1970; for people. */
  readonly createdMs: number;
  /** Of the boot that the ring was made in; 0 = unknown. A ring does not outlive a boot: its clock would run backwards. */
  readonly bootTag: number;
};

/** Offset of the index. */
export const INDEX_AT = BANKS_AT + BANKS * (LINE_BYTES + TABLE_BYTES);

/** Offset of a bank of the stream table. */
export function bankAt(version: number): number {
  return BANKS_AT + (version % BANKS) * (LINE_BYTES + TABLE_BYTES);
}

/** Offset of the slot of a sequence number. */
export function slotAt(geometry: Geometry, seq: number): number {
  return INDEX_AT + (seq % geometry.slots) * SLOT_BYTES;
}

/** Offset of the data area. */
export function dataAt(geometry: Geometry): number {
  return INDEX_AT + geometry.slots * SLOT_BYTES;
}

/** Size of the whole file. */
export function fileBytes(geometry: Geometry): number {
  return dataAt(geometry) + geometry.dataUnits * LINE_BYTES;
}

/** The data units that a payload takes. */
export function unitsOf(lengthBytes: number): number {
  return Math.ceil(lengthBytes / LINE_BYTES);
}

/** Checks what a caller asks for. Throws `invalid`; `maxRecordBytes` is a quarter of the data area unless given. */
export function geometryOf(wanted: { slots: number; dataBytes: number; maxRecordBytes?: number }): Geometry {
  const { slots, dataBytes } = wanted;
  if (!Number.isInteger(slots) || slots < 2 || slots > 2 ** 24 || (slots & (slots - 1)) !== 0) {
    throw new BulkheadError('invalid', `A ring has 2 to 16777216 slots, a power of two; ${slots} is none.`);
  }
  if (!Number.isSafeInteger(dataBytes) || dataBytes < LINE_BYTES || dataBytes > 2 ** 32 - LINE_BYTES) {
    throw new BulkheadError('invalid', `A ring's data area has 64 bytes to 4 GiB, not ${dataBytes}.`);
  }
  const dataUnits = unitsOf(dataBytes);
  const areaBytes = dataUnits * LINE_BYTES;
  const maxRecordBytes = wanted.maxRecordBytes ?? Math.max(LINE_BYTES, Math.floor(dataUnits / 4) * LINE_BYTES);
  if (!Number.isSafeInteger(maxRecordBytes) || maxRecordBytes < 1 || maxRecordBytes > areaBytes) {
    throw new BulkheadError('invalid', `A ring of ${areaBytes} bytes cannot hold records of ${maxRecordBytes} bytes.`);
  }
  return { slots, dataUnits, maxRecordBytes };
}

/** True when two rings can take each other's place. */
export function sameGeometry(a: Geometry, b: Geometry): boolean {
  return a.slots === b.slots && a.dataUnits === b.dataUnits && a.maxRecordBytes === b.maxRecordBytes;
}

/** Refuses a machine whose typed arrays would read the file backwards. */
export function requireLittleEndian(order: string = endianness()): void {
  if (order === 'LE') return;
  throw new BulkheadError(
    'unsupported',
    'This machine is big-endian. A ring is little-endian memory shared as it is; run Bulkhead on x64 or arm64.',
  );
}

/** The header as it stands at offset 0 of the file. */
export function encodeHeader(header: Header): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC, MAGIC_AT);
  view.setUint32(VERSION_AT, LAYOUT_VERSION, true);
  view.setUint32(SLOTS_AT, header.slots, true);
  view.setUint32(DATA_UNITS_AT, header.dataUnits, true);
  view.setUint32(MAX_RECORD_AT, header.maxRecordBytes, true);
  view.setUint32(TABLE_BYTES_AT, TABLE_BYTES, true);
  view.setUint32(BOOT_TAG_AT, header.bootTag, true);
  bytes.set(Buffer.from(header.ringId, 'hex').subarray(0, RING_ID_BYTES), RING_ID_AT);
  view.setFloat64(CREATED_MS_AT, header.createdMs, true);
  view.setUint32(HEADER_CRC_AT, crc32(bytes.subarray(0, HEADER_CRC_AT)), true);
  return bytes;
}

/** Reads a header. Throws `corrupt` for what is no ring or a damaged one, `version` for a ring of another layout. */
export function decodeHeader(bytes: Uint8Array, path: string): Header {
  const context = { path };
  if (bytes.length < HEADER_BYTES || !MAGIC.every((byte, index) => bytes[MAGIC_AT + index] === byte)) {
    throw new BulkheadError('corrupt', `${path} is not a ring. Remove it, and its writer will make a new one.`, {
      context,
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  // The version comes before the CRC: another layout may keep its CRC elsewhere.
  const version = view.getUint32(VERSION_AT, true);
  if (version !== LAYOUT_VERSION) {
    throw new BulkheadError(
      'version',
      `${path} is a ring of layout ${version}; this program knows layout ${LAYOUT_VERSION}. Restart its writer with the same version.`,
      { context },
    );
  }
  const header: Header = {
    slots: view.getUint32(SLOTS_AT, true),
    dataUnits: view.getUint32(DATA_UNITS_AT, true),
    maxRecordBytes: view.getUint32(MAX_RECORD_AT, true),
    bootTag: view.getUint32(BOOT_TAG_AT, true),
    ringId: Buffer.from(bytes.subarray(RING_ID_AT, RING_ID_AT + RING_ID_BYTES)).toString('hex'),
    createdMs: view.getFloat64(CREATED_MS_AT, true),
  };
  const sound =
    view.getUint32(HEADER_CRC_AT, true) === crc32(bytes.subarray(0, HEADER_CRC_AT)) &&
    view.getUint32(TABLE_BYTES_AT, true) === TABLE_BYTES &&
    header.slots >= 2 &&
    (header.slots & (header.slots - 1)) === 0 &&
    header.maxRecordBytes >= 1 &&
    unitsOf(header.maxRecordBytes) <= header.dataUnits;
  if (!sound) {
    throw new BulkheadError(
      'corrupt',
      `The header of ${path} is damaged. Restart its writer; it will make a new ring.`,
      { context },
    );
  }
  return header;
}
