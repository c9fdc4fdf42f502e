/** Opening a ring for writing: making, taking over and replacing; one writer; what callers may hand in. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as layout from '../../runtime/ring/layout.ts';
import { acquireLock } from '../../runtime/ring/lock.ts';
import { RingReader } from '../../runtime/ring/reader.ts';
import { removeRing } from '../../runtime/ring/remove-ring.ts';
import { RingWriter } from '../../runtime/ring/writer.ts';
import { KEY, META, cleanUp, ended, firstLine, spawnScript, take, takeText, temporaryRing } from './rig.ts';

afterEach(cleanUp);

const GEOMETRY = { slots: 16, dataBytes: 16 * 1024 };

/** Writes some records and then does what it is told: waits to be killed, or dies in the middle of a step. */
const WRITER = `
  import { RingWriter } from '../../runtime/ring/writer.ts';
  const [path, count] = process.argv.slice(1);
  const writer = RingWriter.open({ path, slots: 16, dataBytes: 16384 });
  for (let n = 0; n < Number(count); n++) {
    writer.write({ track: 1, key: n === 0, discontinuity: false, pts: n, dts: n, duration: 1, captureUs: 0 }, Buffer.from('old ' + n));
  }
  console.log('epoch ' + writer.epoch + ' head ' + writer.head);
  setInterval(() => undefined, 1000);
`;

function change(path: string, edit: (bytes: Buffer) => unknown): void {
  const bytes = readFileSync(path);
  edit(bytes);
  writeFileSync(path, bytes);
}

function reseal(path: string, fields: Partial<layout.Header>): void {
  change(path, (bytes) => {
    bytes.set(layout.encodeHeader({ ...layout.decodeHeader(bytes, path), ...fields }));
  });
}

describe('opening', () => {
  test('makes a ring that is empty, in epoch 1, with its folder', () => {
    const path = `${temporaryRing()}/deeper/still.ring`;
    const writer = RingWriter.open({ path, ...GEOMETRY });
    expect(writer).toMatchObject({ epoch: 1, head: 0, reattached: false, maxRecordBytes: 4096 });
    expect(readdirSync(dirname(path)).toSorted()).toEqual(['still.ring', 'still.ring.lock']);
    expect(statSync(path).size).toBe(layout.fileBytes(layout.geometryOf(GEOMETRY)));
    writer.close();
  });

  test('takes over the ring of a writer that closed it: numbers go on, the epoch grows, the first record is a break', () => {
    const path = temporaryRing();
    const first = RingWriter.open({ path, ...GEOMETRY });
    const reader = RingReader.open(path);
    first.write(KEY, Buffer.from('one'));
    expect(reader.writerState()).toBe('live');
    first.close();
    expect(reader.writerState()).toBe('closed');

    const second = RingWriter.open({ path, ...GEOMETRY });
    expect(second).toMatchObject({ epoch: 2, head: 1, reattached: true, ringId: first.ringId });
    expect(second.write(META, Buffer.from('two'))).toBe(2);
    expect(second.write(META, Buffer.from('three'))).toBe(3);
    expect(take(reader)).toMatchObject({ seq: 1, epoch: 1, discontinuity: false });
    expect(take(reader)).toMatchObject({ seq: 2, epoch: 2, discontinuity: true });
    expect(take(reader)).toMatchObject({ seq: 3, epoch: 2, discontinuity: false });
    expect(reader.wasReplaced()).toBe(false);
    second.close();
    reader.close();
  });

  test('takes over the ring of a writer that was killed', async () => {
    const path = temporaryRing();
    const dead = spawnScript(WRITER, [path, '5']);
    expect(await firstLine(dead)).toBe('epoch 1 head 5');
    const reader = RingReader.open(path);
    expect(reader.writerState()).toBe('live');
    dead.kill('SIGKILL');
    await ended(dead);
    expect(reader.writerState()).toBe('dead');

    const writer = RingWriter.open({ path, ...GEOMETRY });
    expect(writer).toMatchObject({ epoch: 2, head: 5, reattached: true });
    writer.write(META, Buffer.from('new'));
    expect(Array.from({ length: 6 }, () => takeText(reader))).toEqual([
      'old 0',
      'old 1',
      'old 2',
      'old 3',
      'old 4',
      'new',
    ]);
    writer.close();
    reader.close();
  });

  test.each([
    ['other slots', { ...GEOMETRY, slots: 32 }],
    ['more data', { ...GEOMETRY, dataBytes: 32 * 1024 }],
    ['longer records', { ...GEOMETRY, maxRecordBytes: 8192 }],
  ])('makes a new ring for %s; readers of the old one keep it and notice', (_name, other) => {
    const path = temporaryRing();
    const first = RingWriter.open({ path, ...GEOMETRY });
    const reader = RingReader.open(path);
    first.write(KEY, Buffer.from('one'));
    first.close();
    const second = RingWriter.open({ path, ...other });
    expect(second).toMatchObject({ epoch: 2, head: 0, reattached: false });
    expect(second.ringId).not.toBe(first.ringId);
    second.write(KEY, Buffer.from('first of the new ring'));
    expect(reader.wasReplaced()).toBe(true);
    expect(takeText(reader)).toBe('one'); // never truncated, never rewritten
    expect(reader.read()).toEqual({ type: 'empty' });
    const again = RingReader.open(path);
    expect(again.wasReplaced()).toBe(false);
    expect(takeText(again)).toBe('first of the new ring');
    second.close();
    reader.close();
    again.close();
  });

  const DAMAGE: readonly (readonly [string, (path: string) => void])[] = [
    ['of no bytes', (path) => truncateSync(path, 0)],
    ['that was cut short', (path) => truncateSync(path, 20_000)],
    [
      'that is something else',
      (path) => writeFileSync(path, 'a letter to my aunt, which is longer than a header ought to be'),
    ],
    ['with a damaged header', (path) => change(path, (bytes) => (bytes[20]! ^= 1))],
    ['of another layout', (path) => change(path, (bytes) => (bytes[8] = 99))],
    ['of an earlier boot', (path) => reseal(path, { bootTag: 12345 })],
    ['with head before its time', (path) => change(path, (bytes) => bytes.writeBigInt64LE(7n, layout.HEAD_AT))],
    ['with a negative position', (path) => change(path, (bytes) => bytes.writeBigInt64LE(-1n, layout.INTENT_POS_AT))],
    [
      'with fewer units than records',
      (path) => change(path, (bytes) => bytes.writeBigInt64LE(1n, layout.INTENT_POS_AT)),
    ],
    ['with a huge head', (path) => change(path, (bytes) => bytes.writeBigInt64LE(2n ** 60n, layout.HEAD_AT))],
    ['with a key that is to come', (path) => change(path, (bytes) => bytes.writeBigInt64LE(4n, layout.LAST_KEY_AT))],
    [
      'with a table that is to come',
      (path) => change(path, (bytes) => bytes.writeBigInt64LE(9n, layout.TABLE_INTENT_AT)),
    ],
    ['whose clock is ahead', (path) => change(path, (bytes) => bytes.writeBigInt64LE(2n ** 52n, layout.HEARTBEAT_AT))],
  ];

  test.each(DAMAGE)('replaces a file %s by a new ring', (_name, damage) => {
    const path = temporaryRing();
    const first = RingWriter.open({ path, ...GEOMETRY });
    for (let n = 0; n < 3; n++) first.write(KEY, Buffer.from('old'));
    first.close();
    const before = statSync(path).ino;
    damage(path);
    expect(statSync(path).ino).toBe(before);
    const second = RingWriter.open({ path, ...GEOMETRY });
    expect(second).toMatchObject({ head: 0, reattached: false });
    expect(statSync(path).ino).not.toBe(before);
    expect(existsSync(`${path}.tmp`)).toBe(false);
    second.write(KEY, Buffer.from('new'));
    const reader = RingReader.open(path);
    expect(takeText(reader)).toBe('new');
    second.close();
    reader.close();
  });

  test('is not disturbed by what a writer left that died while it made a ring', () => {
    const path = temporaryRing();
    writeFileSync(`${path}.tmp`, 'half a ring');
    const writer = RingWriter.open({ path, ...GEOMETRY });
    expect(writer.write(KEY, Buffer.from('x'))).toBe(1);
    writer.close();
  });

  test('for too large a ring fails with what is needed and leaves the ring that is there', () => {
    const path = temporaryRing();
    const first = RingWriter.open({ path, ...GEOMETRY });
    first.write(KEY, Buffer.from('kept'));
    first.close();
    const limited = spawnSync(
      'sh',
      [
        '-c',
        // more than a file may have: refused by the kernel as a full file system is
        'ulimit -f 1000; exec "$0" "$@"',
        process.execPath,
        '--input-type=module-typescript',
        '-e',
        `
        import { RingWriter } from '../../runtime/ring/writer.ts';
        process.on('SIGXFSZ', () => undefined);
        try { RingWriter.open({ path: process.argv[1], slots: 16, dataBytes: 64 << 20 }); }
        catch (error) { console.log(error.kind, error.message); }
        `,
        '--',
        path,
      ],
      { cwd: import.meta.dirname, encoding: 'utf8' },
    );
    expect(limited.stdout).toMatch(/^exhausted .*needs 64\.0 MiB/);
    expect(readdirSync(dirname(path)).toSorted()).toEqual(['a.ring', 'a.ring.lock']);
    const second = RingWriter.open({ path, ...GEOMETRY });
    expect(second).toMatchObject({ head: 1, reattached: true });
    second.close();
  });
});

describe('one writer', () => {
  test('a second one is refused while the first lives, and what the first does is not disturbed', async () => {
    const path = temporaryRing();
    const other = spawnScript(WRITER, [path, '3']);
    await firstLine(other);
    expect(() => RingWriter.open({ path, ...GEOMETRY })).toThrow(
      expect.objectContaining({ kind: 'conflict', message: expect.stringContaining(`(pid ${other.pid})`) }),
    );
    const reader = RingReader.open(path);
    expect(reader).toMatchObject({ epoch: 1, head: 3 });
    expect(reader.writerState()).toBe('live');
    reader.close();
  });

  test('the lock is taken before anything is looked at', () => {
    const path = temporaryRing();
    // What is there cannot be opened as a ring; a writer that looked first would say so.
    mkdirSync(path);
    const lock = acquireLock(`${path}.lock`)!;
    expect(() => RingWriter.open({ path, ...GEOMETRY })).toThrow(expect.objectContaining({ kind: 'conflict' }));
    lock.release();
    expect(() => RingWriter.open({ path, ...GEOMETRY })).toThrow(expect.objectContaining({ kind: 'invalid' }));
    // and a failed attempt holds nothing
    expect(acquireLock(`${path}.lock`)).toBeDefined();
  });

  test('a process that was stopped in the middle keeps the ring; only its death gives it up', async () => {
    const path = temporaryRing();
    const other = spawnScript(WRITER, [path, '1']);
    await firstLine(other);
    other.kill('SIGSTOP');
    expect(() => RingWriter.open({ path, ...GEOMETRY })).toThrow(expect.objectContaining({ kind: 'conflict' }));
    other.kill('SIGKILL');
    await ended(other);
    const writer = RingWriter.open({ path, ...GEOMETRY });
    expect(writer.epoch).toBe(2);
    writer.close();
  });
});

describe('writing', () => {
  test('gathers a payload that comes in pieces', () => {
    const path = temporaryRing();
    const writer = RingWriter.open({ path, ...GEOMETRY });
    const reader = RingReader.open(path);
    writer.write(KEY, [Buffer.from('one '), new Uint8Array(0), Buffer.from('record')]);
    expect(takeText(reader)).toBe('one record');
    writer.close();
    reader.close();
  });

  test('keeps every field of a record', () => {
    const path = temporaryRing();
    const writer = RingWriter.open({ path, ...GEOMETRY });
    const reader = RingReader.open(path);
    const records = [
      { track: 0, key: false, discontinuity: false, pts: 0, dts: 0, duration: 0, captureUs: 0 },
      {
        track: 255,
        key: true,
        discontinuity: true,
        pts: -(2 ** 52),
        dts: 2 ** 53 - 1,
        duration: 2 ** 32 - 1,
        captureUs: 2 ** 51,
      },
      {
        track: 7,
        key: false,
        discontinuity: true,
        pts: 90_000,
        dts: -3600,
        duration: 3600,
        captureUs: 123_456_789_012,
      },
    ];
    for (const meta of records) writer.write(meta, Buffer.from('x'));
    for (const meta of records) expect(take(reader)).toMatchObject(meta);
    writer.close();
    reader.close();
  });

  test('refuses an empty record and one that is too long, and goes on with the next', () => {
    const path = temporaryRing();
    const writer = RingWriter.open({ path, ...GEOMETRY });
    const reader = RingReader.open(path);
    expect(() => writer.write(KEY, new Uint8Array(0))).toThrow(expect.objectContaining({ kind: 'invalid' }));
    expect(() => writer.write(KEY, [])).toThrow(expect.objectContaining({ kind: 'invalid' }));
    expect(() => writer.write(KEY, new Uint8Array(4097))).toThrow(
      expect.objectContaining({ kind: 'exhausted', message: expect.stringContaining('at most 4096') }),
    );
    expect(reader.head).toBe(0);
    expect(writer.write(KEY, new Uint8Array(4096))).toBe(1);
    expect(take(reader).payload.length).toBe(4096);
    writer.close();
    reader.close();
  });

  test('a record of more than 1 MiB goes without a payload CRC, and arrives', () => {
    const path = temporaryRing();
    const writer = RingWriter.open({ path, slots: 4, dataBytes: 8 << 20 });
    const reader = RingReader.open(path);
    const picture = Buffer.alloc((1 << 20) + 1, 7);
    writer.write(KEY, picture);
    expect(take(reader).payload.equals(picture)).toBe(true);
    writer.close();
    const file = readFileSync(path);
    const slot = layout.slotAt(layout.geometryOf({ slots: 4, dataBytes: 8 << 20 }), 1);
    expect(file.readUInt32LE(slot + layout.SLOT_FLAGS_AT) & layout.FLAG_PAYLOAD_CRC).toBe(0);
    reader.close();
  });

  test('the heartbeat is the monotonic clock, in microseconds', () => {
    const path = temporaryRing();
    const before = Number(process.hrtime.bigint() / 1000n);
    const writer = RingWriter.open({ path, ...GEOMETRY });
    const reader = RingReader.open(path);
    const first = reader.heartbeatUs;
    expect(first).toBeGreaterThanOrEqual(before);
    writer.heartbeat();
    expect(reader.heartbeatUs).toBeGreaterThanOrEqual(first);
    expect(reader.heartbeatUs).toBeLessThanOrEqual(Number(process.hrtime.bigint() / 1000n));
    writer.close();
    reader.close();
  });

  test('after close every call is an error and not a crash; closing again is nothing', () => {
    const path = temporaryRing();
    const writer = RingWriter.open({ path, ...GEOMETRY });
    writer.write(KEY, Buffer.from('x'));
    writer.close();
    writer.close();
    const closed = expect.objectContaining({ kind: 'internal', message: expect.stringContaining('closed') });
    expect(() => writer.write(KEY, Buffer.from('x'))).toThrow(closed);
    expect(() => writer.setTable(Buffer.from('x'))).toThrow(closed);
    expect(() => writer.heartbeat()).toThrow(closed);
    expect(writer).toMatchObject({ head: 1, epoch: 1 });
  });
});

describe('removing a ring', () => {
  test('takes everything that belongs to it', () => {
    const path = temporaryRing();
    RingWriter.open({ path, ...GEOMETRY }).close();
    for (const part of ['.bell', '.sock', '.tmp']) writeFileSync(path + part, '');
    expect(removeRing(path)).toBe(true);
    expect(readdirSync(dirname(path))).toEqual([]);
    expect(removeRing(path)).toBe(true);
  });

  test('is refused while its writer lives', () => {
    const path = temporaryRing();
    const writer = RingWriter.open({ path, ...GEOMETRY });
    expect(removeRing(path)).toBe(false);
    expect(existsSync(path)).toBe(true);
    writer.close();
  });

  test('is noticed by those who read it', () => {
    const path = temporaryRing();
    const writer = RingWriter.open({ path, ...GEOMETRY });
    const reader = RingReader.open(path);
    writer.write(KEY, Buffer.from('still here'));
    writer.close();
    removeRing(path);
    expect(reader.wasReplaced()).toBe(true);
    expect(takeText(reader)).toBe('still here');
    expect(() => RingReader.open(path)).toThrow(expect.objectContaining({ kind: 'notFound' }));
    reader.close();
  });
});
