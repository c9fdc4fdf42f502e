/** The bytes of a ring file, spelled out: a change of the layout is a change of this test and of LAYOUT_VERSION. */
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import * as layout from '../../runtime/ring/layout.ts';
import { RingWriter } from '../../runtime/ring/writer.ts';
import { cleanUp, temporaryRing } from './rig.ts';

afterEach(cleanUp);

const HEADER: layout.Header = {
  slots: 4,
  dataUnits: 8,
  maxRecordBytes: 256,
  ringId: '000102030405060708090a0b0c0d0e0f',
  createdMs: 1_763_832_000_000,
  bootTag: 0x11223344,
};

/** Hex digits, to be read next to the picture in layout.ts. */
function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Spaces only help the eye. */
function bytes(digits: string): string {
  return digits.replaceAll(' ', '');
}

test('the header is these 64 bytes', () => {
  expect(hex(layout.encodeHeader(HEADER))).toBe(
    [
      '424c4b4852494e47', // magic "BLKHRING"
      '01000000', // layout version
      '04000000', // slots
      '08000000', // data units
      '00010000', // longest record
      '00200000', // bytes of a stream table
      '44332211', // boot tag
      '000102030405060708090a0b0c0d0e0f', // ring id
      '0000e046c9aa7942', // created, f64
      '00000000', // reserved
      '58e01ead', // CRC-32 of all before it
    ].join(''),
  );
});

test('every part of the file lies where the specification says', () => {
  expect({
    writer: layout.WRITER_AT,
    epoch: layout.EPOCH_AT,
    state: layout.STATE_AT,
    pid: layout.PID_AT,
    started: layout.STARTED_AT,
    head: layout.HEAD_AT,
    intentSeq: layout.INTENT_SEQ_AT,
    intentPos: layout.INTENT_POS_AT,
    lastKeySeq: layout.LAST_KEY_AT,
    heartbeat: layout.HEARTBEAT_AT,
    tableIntent: layout.TABLE_INTENT_AT,
    tableVersion: layout.TABLE_VERSION_AT,
    banks: [layout.bankAt(2), layout.bankAt(1)],
    index: layout.INDEX_AT,
    slots: [layout.slotAt(HEADER, 4), layout.slotAt(HEADER, 5), layout.slotAt(HEADER, 7)],
    data: layout.dataAt(HEADER),
    file: layout.fileBytes(HEADER),
  }).toEqual({
    writer: 64,
    epoch: 64,
    state: 68,
    pid: 72,
    started: 80,
    head: 128,
    intentSeq: 192,
    intentPos: 200,
    lastKeySeq: 256,
    heartbeat: 320,
    tableIntent: 384,
    tableVersion: 392,
    banks: [448, 8704],
    index: 16960,
    slots: [16960, 17024, 17152],
    data: 17216,
    file: 17728,
  });
});

test('a ring with two records and a stream table is these bytes', () => {
  const path = temporaryRing();
  const writer = RingWriter.open({ path, slots: 4, dataBytes: 512, maxRecordBytes: 256 });
  writer.setTable(Buffer.from('table'));
  const meta = { track: 2, key: true, discontinuity: false, pts: -1, dts: 2.5, duration: 3600, captureUs: 1e9 };
  writer.write(meta, Buffer.alloc(65, 0xaa));
  writer.write({ ...meta, key: false, discontinuity: true, track: 255 }, [Buffer.from('ab'), Buffer.from('c')]);
  writer.close();
  const file = readFileSync(path);

  expect(file.length).toBe(17728);
  expect(hex(file.subarray(0, 24))).toBe(bytes('424c4b4852494e47 01000000 04000000 08000000 00010000'));
  // epoch 1, closed, pid
  expect(hex(file.subarray(64, 72))).toBe(bytes('01000000 02000000'));
  expect(file.readUInt32LE(72)).toBe(process.pid);
  // head 2; intentSeq 2, intentPos 3; lastKeySeq 1; table intent and version 1
  expect(hex(file.subarray(128, 136))).toBe('0200000000000000');
  expect(hex(file.subarray(192, 208))).toBe(bytes('0200000000000000 0300000000000000'));
  expect(hex(file.subarray(256, 264))).toBe('0100000000000000');
  expect(hex(file.subarray(384, 400))).toBe(bytes('0100000000000000 0100000000000000'));
  // bank 1: version 1 as f64, length 5, CRC, bytes
  expect(hex(file.subarray(8704, 8720))).toBe(bytes('000000000000f03f 05000000 707248a3'));
  expect(file.toString('latin1', 8768, 8773)).toBe('table');
  // slot 1
  expect(hex(file.subarray(17024, 17088))).toBe(
    [
      '000000000000f03f', // seq 1
      '0000000000000000', // pos 0
      '41000000', // length 65
      '05020100', // key, payload CRC; track 2; table 1
      '01000000', // epoch
      '100e0000', // duration
      '000000000000f0bf', // pts -1
      '0000000000000440', // dts 2.5
      '0000000065cdcd41', // captureUs
      'cb809693', // payload CRC
      '6ea80f6e', // slot CRC
    ].join(''),
  );
  // slot 2 begins at unit 2: seq, pos, length 3, flags discontinuity and CRC, track 255, table 1
  expect(hex(file.subarray(17088, 17112))).toBe(bytes('0000000000000040 0000000000000040 03000000 06ff0100'));
  expect(file.readUInt32LE(17088 + 56)).toBe(crc32('abc'));
  // data
  expect(hex(file.subarray(17216, 17216 + 66))).toBe('aa'.repeat(65) + '00');
  expect(file.toString('latin1', 17216 + 128, 17216 + 131)).toBe('abc');
});

test('a header survives encoding and decoding', () => {
  expect(layout.decodeHeader(layout.encodeHeader(HEADER), 'x.ring')).toEqual(HEADER);
});

test('one flipped bit anywhere in the header is noticed', () => {
  const good = layout.encodeHeader(HEADER);
  for (let bit = 0; bit < good.length * 8; bit++) {
    const bad = Uint8Array.from(good);
    bad[bit >> 3]! ^= 1 << (bit & 7);
    expect(() => layout.decodeHeader(bad, 'x.ring')).toThrow(expect.objectContaining({ name: 'BulkheadError' }));
  }
});

test('a ring of another layout version is told apart from a damaged one', () => {
  const other = layout.encodeHeader(HEADER);
  other[8] = 2;
  expect(() => layout.decodeHeader(other, 'x.ring')).toThrow(
    expect.objectContaining({ kind: 'version', message: expect.stringContaining('layout 2') }),
  );
  const damaged = layout.encodeHeader(HEADER);
  damaged[12] = 3;
  expect(() => layout.decodeHeader(damaged, 'x.ring')).toThrow(expect.objectContaining({ kind: 'corrupt' }));
});

test.each([
  ['slots that are no power of two', { slots: 3 }],
  ['one slot', { slots: 1 }],
  ['no data', { dataUnits: 0 }],
  ['records longer than the data area', { maxRecordBytes: 513 }],
])('a header with %s is refused although its CRC fits', (_name, wrong) => {
  const header = layout.encodeHeader({ ...HEADER, ...wrong });
  expect(() => layout.decodeHeader(header, 'x.ring')).toThrow(expect.objectContaining({ kind: 'corrupt' }));
});

test.each([
  { slots: 3, dataBytes: 512 },
  { slots: 1, dataBytes: 512 },
  { slots: 2 ** 25, dataBytes: 512 },
  { slots: 4, dataBytes: 0 },
  { slots: 4, dataBytes: 2 ** 33 },
  { slots: 4, dataBytes: 512.5 },
  { slots: 4, dataBytes: 512, maxRecordBytes: 513 },
  { slots: 4, dataBytes: 512, maxRecordBytes: 0 },
])('a writer that asks for %j is refused before a file is touched', (wanted) => {
  expect(() => RingWriter.open({ path: '/nowhere/at/all.ring', ...wanted })).toThrow(
    expect.objectContaining({ kind: 'invalid' }),
  );
});

test('a record may take a quarter of the data area unless told otherwise', () => {
  expect(layout.geometryOf({ slots: 8, dataBytes: 1 << 20 }).maxRecordBytes).toBe(1 << 18);
  expect(layout.geometryOf({ slots: 8, dataBytes: 100 })).toEqual({ slots: 8, dataUnits: 2, maxRecordBytes: 64 });
});

test('a big-endian machine is refused in plain words', () => {
  expect(() => layout.requireLittleEndian('BE')).toThrow(
    expect.objectContaining({ kind: 'unsupported', message: expect.stringContaining('big-endian') }),
  );
  expect(() => layout.requireLittleEndian()).not.toThrow();
});
