/** Reading a ring: files that are none, damaged records, laps, forks, seeking, and the life of a mapping. */
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  openSync,
  readFileSync,
  closeSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import * as layout from '../../runtime/ring/layout.ts';
import { RingReader } from '../../runtime/ring/reader.ts';
import { RingWriter } from '../../runtime/ring/writer.ts';
import { KEY, META, cleanUp, firstLine, spawnScript, take, takeText, temporaryRing } from './rig.ts';

afterEach(cleanUp);

const OPTIONS = { slots: 16, dataBytes: 16 * 1024 };
const GEOMETRY = layout.geometryOf(OPTIONS);

function open(path = temporaryRing()): { path: string; writer: RingWriter; reader: RingReader; close: () => void } {
  const writer = RingWriter.open({ path, ...OPTIONS });
  const reader = RingReader.open(path);
  return {
    path,
    writer,
    reader,
    close: () => {
      writer.close();
      reader.close();
    },
  };
}

/** Flips a byte of the file under its mappings. */
function flip(path: string, at: number): void {
  const descriptor = openSync(path, 'r+');
  const byte = readFileSync(path)[at]!;
  writeSync(descriptor, Uint8Array.of(byte ^ 0x40), 0, 1, at);
  closeSync(descriptor);
}

function write(writer: RingWriter, count: number, keys: readonly number[] = []): void {
  for (let n = 0; n < count; n++) {
    const seq = writer.head + 1;
    writer.write(keys.includes(seq) ? KEY : META, Buffer.from(`record ${seq}`));
  }
}

describe('opening', () => {
  test('a ring that is not there is not found', () => {
    expect(() => RingReader.open(temporaryRing())).toThrow(
      expect.objectContaining({ kind: 'notFound', message: expect.stringContaining('There is no ring at') }),
    );
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    [
      'less than a header',
      layout.encodeHeader({ ...GEOMETRY, ringId: '00'.repeat(16), createdMs: 0, bootTag: 0 }).subarray(0, 63),
    ],
    [
      'a header and nothing behind it',
      layout.encodeHeader({ ...GEOMETRY, ringId: '00'.repeat(16), createdMs: 0, bootTag: 0 }),
    ],
    ['zeros', Buffer.alloc(40_000)],
    ['something else', Buffer.alloc(40_000, 'JFIF')],
  ])('a file with %s is refused, and is not mapped into a bus error', (_name, content) => {
    const path = temporaryRing();
    writeFileSync(path, content);
    expect(() => RingReader.open(path)).toThrow(expect.objectContaining({ kind: 'corrupt' }));
  });

  test('a ring that lost its last byte is refused', () => {
    const { path, close } = open();
    close();
    truncateSync(path, layout.fileBytes(GEOMETRY) - 1);
    expect(() => RingReader.open(path)).toThrow(
      expect.objectContaining({ kind: 'corrupt', message: expect.stringContaining('its header says') }),
    );
  });

  test('a ring of another version is refused as such', () => {
    const { path, close } = open();
    close();
    flip(path, 8);
    expect(() => RingReader.open(path)).toThrow(expect.objectContaining({ kind: 'version' }));
  });

  test('a folder is refused', () => {
    const path = temporaryRing();
    mkdirSync(path);
    expect(() => RingReader.open(path)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  });

  (process.platform === 'win32' ? test.skip : test)('a pipe is refused, and not waited for', async () => {
    const path = temporaryRing();
    spawnSync('mkfifo', [path]);
    // in a process of its own: one that waits cannot be interrupted from within
    const child = spawnScript(
      `
      import { RingReader } from '../../runtime/ring/reader.ts';
      try { RingReader.open(process.argv[1]); } catch (error) { console.log(error.kind); }
      `,
      [path],
    );
    expect(await firstLine(child)).toBe('invalid');
  });

  test('a reader begins at number 1 and meets what is there', () => {
    const path = temporaryRing();
    const writer = RingWriter.open({ path, ...OPTIONS });
    write(writer, 2);
    const reader = RingReader.open(path);
    expect(reader).toMatchObject({
      next: 1,
      head: 2,
      lastKeySeq: 0,
      laps: 0,
      corrupt: 0,
      epoch: 1,
      ringId: writer.ringId,
    });
    expect([takeText(reader), takeText(reader)]).toEqual(['record 1', 'record 2']);
    expect(reader.read()).toEqual({ type: 'empty' });
    expect(reader.next).toBe(3);
    writer.close();
    reader.close();
  });
});

describe('damage', () => {
  test.each([
    ['payload', () => layout.dataAt(GEOMETRY) + 2 * layout.LINE_BYTES + 3],
    ['slot', () => layout.slotAt(GEOMETRY, 3) + layout.SLOT_PTS_AT],
  ])('a flipped byte in a %s is one gap, counted, and reading goes on at the next keyframe', (_name, at) => {
    const { path, writer, reader, close } = open();
    write(writer, 6, [1, 5]);
    flip(path, at());
    expect([takeText(reader), takeText(reader)]).toEqual(['record 1', 'record 2']);
    expect(reader.read()).toEqual({ type: 'gap', from: 3, to: 4, reason: 'corrupt' });
    expect(takeText(reader)).toBe('record 5');
    expect(reader).toMatchObject({ corrupt: 1, laps: 0 });
    close();
  });

  test('a damaged record without a keyframe behind it costs what is behind it, too', () => {
    const { path, writer, reader, close } = open();
    write(writer, 6, [1]);
    reader.seek(3);
    flip(path, layout.slotAt(GEOMETRY, 3));
    expect(reader.read()).toEqual({ type: 'gap', from: 3, to: 6, reason: 'corrupt' });
    expect(reader.read()).toEqual({ type: 'empty' });
    write(writer, 1);
    expect(takeText(reader)).toBe('record 7');
    close();
  });

  test('a damaged newest keyframe is passed, not met again and again', () => {
    const { path, writer, reader, close } = open();
    write(writer, 4, [1, 4]);
    flip(path, layout.dataAt(GEOMETRY) + 3 * layout.LINE_BYTES);
    reader.seek(4);
    expect(reader.read()).toEqual({ type: 'gap', from: 4, to: 4, reason: 'corrupt' });
    expect(reader.read()).toEqual({ type: 'empty' });
    close();
  });
});

describe('laps', () => {
  test('a reader that is too slow jumps to the newest keyframe and reports what it missed, once', () => {
    const { writer, reader, close } = open();
    write(writer, 2, [1]);
    expect(takeText(reader)).toBe('record 1');
    write(writer, 38, [20, 36]);
    expect(reader.read()).toEqual({ type: 'gap', from: 2, to: 35, reason: 'lapped' });
    expect(take(reader)).toMatchObject({ seq: 36, key: true });
    expect(take(reader).seq).toBe(37);
    expect(reader.laps).toBe(1);
    close();
  });

  test('without a keyframe it waits behind the newest record', () => {
    const { writer, reader, close } = open();
    write(writer, 40, [2]);
    expect(reader.read()).toEqual({ type: 'gap', from: 1, to: 40, reason: 'lapped' });
    expect(reader.read()).toEqual({ type: 'empty' });
    close();
  });

  test('it is lapped by bytes as well as by numbers', () => {
    const { writer, reader, close } = open();
    for (let n = 0; n < 5; n++) writer.write(KEY, Buffer.alloc(4096, n)); // five quarters of the data area
    expect(reader.read()).toMatchObject({ type: 'gap', from: 1, reason: 'lapped' });
    close();
  });

  test('what was read stays as it was, whatever the writer does afterwards', () => {
    const { writer, reader, close } = open();
    write(writer, 1);
    const result = reader.read();
    for (let n = 0; n < 5; n++) writer.write(KEY, Buffer.alloc(4096, 0xff));
    expect(result.type === 'record' && result.record.payload.toString()).toBe('record 1');
    close();
  });
});

describe('seeking', () => {
  test('goes to the newest keyframe, forward only', () => {
    const { writer, reader, close } = open();
    expect(reader.seekNewestKey()).toBe(false);
    expect(reader.next).toBe(1);
    write(writer, 10, [3, 7]);
    expect(reader.seekNewestKey()).toBe(true);
    expect(reader.next).toBe(7);
    expect(reader.seekNewestKey()).toBe(true); // it stands there already
    expect(reader.next).toBe(7);
    take(reader);
    expect(reader.seekNewestKey()).toBe(false);
    expect(reader.next).toBe(11);
    close();
  });

  test('a keyframe that is the very first record is found', () => {
    const { writer, reader, close } = open();
    write(writer, 3, [1]);
    expect(reader.seekNewestKey()).toBe(true);
    expect(reader.next).toBe(1);
    close();
  });

  test('to the latest means behind the newest record', () => {
    const { writer, reader, close } = open();
    write(writer, 5);
    reader.seekLatest();
    expect(reader.read()).toEqual({ type: 'empty' });
    write(writer, 1);
    expect(takeText(reader)).toBe('record 6');
    close();
  });

  test('to a number goes back and forth, but never beyond the next record to come', () => {
    const { writer, reader, close } = open();
    write(writer, 5);
    for (const [seq, next] of [
      [4, 4],
      [2, 2],
      [6, 6],
      [7, 6],
      [1e9, 6],
      [0, 1],
      [-3, 1],
    ] as const) {
      reader.seek(seq);
      expect(reader.next).toBe(next);
    }
    close();
  });
});

describe('forks', () => {
  test('have cursors, buffers and counters of their own, and begin at number 1', () => {
    const { writer, reader, close } = open();
    write(writer, 3, [2]);
    const first = reader.read();
    const fork = reader.fork();
    expect(fork.next).toBe(1);
    expect(fork.seekNewestKey()).toBe(true);
    expect(takeText(fork)).toBe('record 2');
    expect(first.type === 'record' && first.record.payload.toString()).toBe('record 1');
    expect(reader.next).toBe(2);
    write(writer, 30);
    reader.read();
    expect([reader.laps, fork.laps]).toEqual([1, 0]);
    fork.close();
    close();
  });

  test('keep the mapping until the last of them is closed', () => {
    const { writer, reader, close } = open();
    write(writer, 2);
    const fork = reader.fork();
    const second = fork.fork();
    reader.close();
    reader.close();
    expect(takeText(fork)).toBe('record 1');
    fork.close();
    expect(takeText(second)).toBe('record 1');
    second.close();
    expect(() => second.fork()).toThrow(expect.objectContaining({ kind: 'internal' }));
    close();
  });
});

describe('the mapping', () => {
  test('after close every call is an error and not a crash', () => {
    const { writer, reader, close } = open();
    write(writer, 1, [1]);
    reader.close();
    reader.close();
    const closed = expect.objectContaining({ kind: 'internal', message: expect.stringContaining('closed') });
    const calls: (() => unknown)[] = [
      () => reader.read(),
      () => reader.seekNewestKey(),
      () => reader.seekLatest(),
      () => reader.seek(1),
      () => reader.fork(),
      () => reader.head,
      () => reader.lastKeySeq,
      () => reader.epoch,
      () => reader.table(),
      () => reader.heartbeatUs,
      () => reader.writerState(),
    ];
    for (const call of calls) expect(call).toThrow(closed);
    expect(reader).toMatchObject({ laps: 0, corrupt: 0 });
    close();
  });

  test('is known to be old when the file is another, is cut, or is gone', () => {
    const path = temporaryRing();
    const { reader, close } = open(path);
    expect(reader.wasReplaced()).toBe(false);
    renameSync(path, `${path}.away`);
    expect(reader.wasReplaced()).toBe(true);
    writeFileSync(path, readFileSync(`${path}.away`)); // the same bytes in another file
    expect(reader.wasReplaced()).toBe(true);
    renameSync(`${path}.away`, path);
    expect(reader.wasReplaced()).toBe(false);
    close();
    const again = RingReader.open(path);
    truncateSync(path, layout.fileBytes(GEOMETRY) + 1);
    expect(again.wasReplaced()).toBe(true);
    again.close();
  });

  test('a reader may be the first to open, before any record, and outlive several writers', () => {
    const { path, writer, reader } = open();
    writer.close();
    for (let life = 2; life <= 5; life++) {
      const next = RingWriter.open({ path, ...OPTIONS });
      next.write(KEY, Buffer.from(`life ${life}`));
      next.close();
      expect(take(reader)).toMatchObject({ seq: life - 1, epoch: life, discontinuity: true });
    }
    reader.close();
  });
});
