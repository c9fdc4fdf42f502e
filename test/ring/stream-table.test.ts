/** The stream table: two banks under the same protocol as records, at every point at which writer and reader can meet. */
import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import {
  BANK_CRC_AT,
  BANK_LENGTH_AT,
  BANK_TABLE_AT,
  TABLE_BYTES,
  TABLE_INTENT_AT,
  TABLE_VERSION_AT,
  bankAt,
} from '../../runtime/ring/layout.ts';
import { type RingMemory, loadWord } from '../../runtime/ring/memory.ts';
import { RingReader } from '../../runtime/ring/reader.ts';
import * as table from '../../runtime/ring/stream-table.ts';
import { RingWriter } from '../../runtime/ring/writer.ts';
import { META, cleanUp, ringInMemory, take, temporaryRing } from './rig.ts';

afterEach(cleanUp);

const memory = (): RingMemory => ringInMemory({ slots: 2, dataUnits: 1, maxRecordBytes: 64 });

/** Long enough for both halves of a copy to matter. */
function content(version: number): Uint8Array {
  return Buffer.alloc(TABLE_BYTES - (version % 7), `table ${version} `);
}

/** The writer's steps without end; a generator that is not called again is a writer that died. */
function* publisher(ring: RingMemory, steps = table.TABLE_STEPS): Generator<undefined, never> {
  for (;;) {
    const version = table.nextTableVersion(ring);
    const draft = { version, bytes: content(version) };
    for (const step of steps) {
      if (step === table.writeBank) {
        const bank = ring.bytes.subarray(bankAt(version), bankAt(version) + BANK_TABLE_AT + TABLE_BYTES);
        const secondHalf = bank.slice(bank.length / 2);
        step(ring, draft);
        bank.set(secondHalf, bank.length / 2);
        yield;
      }
      step(ring, draft);
      yield;
    }
  }
}

function publish(ring: RingMemory, count: number): void {
  const writer = publisher(ring);
  for (let step = 0; step < count * (table.TABLE_STEPS.length + 1); step++) writer.next();
}

/** Reads while the writer goes on by so many steps: after the version is loaded, in the middle of the copy, and after it. */
function readWhile(
  ring: RingMemory,
  wanted: number | undefined,
  steps: readonly number[],
  writer: Iterator<undefined>,
) {
  let meeting = 0;
  const goOn = (): void => {
    for (let step = steps[meeting++] ?? 0; step > 0; step--) writer.next();
  };
  const bytes = new Uint8Array(ring.bytes.buffer);
  bytes.slice = (from, to) => {
    const middle = (from! + to!) / 2;
    goOn();
    const first = ring.bytes.slice(from, middle);
    goOn();
    const second = ring.bytes.slice(middle, to);
    goOn();
    return Uint8Array.from([...first, ...second]);
  };
  return table.readTable({ ...ring, bytes }, wanted);
}

const meetings = fc.record({
  before: fc.integer({ min: 1, max: 20 }),
  dies: fc.boolean(),
  back: fc.integer({ min: 0, max: 3 }),
  steps: fc.array(fc.integer({ min: 0, max: 14 }), { minLength: 3, maxLength: 9 }),
});

/** True when whatever a reader gets is whole, and the current table is never refused. */
function holdsFor(
  steps: readonly table.TableStep[],
): (m: typeof meetings extends fc.Arbitrary<infer M> ? M : never) => void {
  return ({ before, dies, back, steps: meet }) => {
    const ring = memory();
    let writer = publisher(ring, steps);
    for (let step = 0; step < before; step++) writer.next();
    if (dies) writer = publisher(ring, steps);
    const current = table.currentTableVersion(ring);
    const wanted = back === 0 ? undefined : current - back + 1;
    const got = readWhile(ring, wanted, meet, writer);
    if (got !== undefined) expect(Buffer.compare(got.bytes, content(got.version))).toBe(0);
    else if (wanted === undefined) expect(current).toBe(0);
    else expect(wanted < 1 || loadWord(ring, TABLE_INTENT_AT) - wanted >= 2).toBe(true);
  };
}

test('a reader gets a whole table wherever it meets the writer, and always gets the current one', () => {
  fc.assert(fc.property(meetings, holdsFor(table.TABLE_STEPS)), { numRuns: 1000 });
});

test.each([
  ['the intent before the bytes', table.TABLE_STEPS.filter((step) => step !== table.publishTableIntent)],
  [
    'the version after the bytes',
    [table.publishTableIntent, table.fenceTableIntent, table.publishTableVersion, table.writeBank],
  ],
])('without %s a reader is refused the current table', (_name, steps) => {
  expect(fc.check(fc.property(meetings, holdsFor(steps)), { numRuns: 5000, seed: 1 }).failed).toBe(true);
});

test('the current and the previous version can be read, an older one cannot', () => {
  const ring = memory();
  expect(table.readTable(ring)).toBeUndefined();
  publish(ring, 3);
  expect(table.readTable(ring)).toMatchObject({ version: 3 });
  expect(Buffer.compare(table.readTable(ring, 2)!.bytes, content(2))).toBe(0);
  expect(table.readTable(ring, 1)).toBeUndefined();
  expect(table.readTable(ring, 4)).toBeUndefined();
  expect(table.readTable(ring, 0)).toBeUndefined();
});

test('while the next version is being written the current one stays, and the previous one is gone', () => {
  const ring = memory();
  publish(ring, 2);
  const writer = publisher(ring);
  writer.next(); // the intent of version 3
  expect(table.readTable(ring)).toMatchObject({ version: 2 });
  expect(table.readTable(ring, 1)).toBeUndefined();
});

test('a version that a dead writer began is written again in the same bank', () => {
  const ring = memory();
  publish(ring, 2);
  const dead = publisher(ring);
  for (let step = 0; step < 3; step++) dead.next();
  expect(loadWord(ring, TABLE_INTENT_AT)).toBe(3);
  expect(table.nextTableVersion(ring)).toBe(3);
  publish(ring, 1);
  expect([loadWord(ring, TABLE_INTENT_AT), loadWord(ring, TABLE_VERSION_AT)]).toEqual([3, 3]);
  expect(Buffer.compare(table.readTable(ring)!.bytes, content(3))).toBe(0);
  expect(Buffer.compare(table.readTable(ring, 2)!.bytes, content(2))).toBe(0);
});

test('one flipped bit anywhere in a bank is noticed', () => {
  const ring = memory();
  const draft = { version: 1, bytes: Buffer.from('codec') };
  for (const step of table.TABLE_STEPS) step(ring, draft);
  const at = bankAt(1);
  const used = [...Array(16).keys(), ...Array.from(draft.bytes.keys(), (index) => BANK_TABLE_AT + index)];
  for (const offset of used) {
    for (let bit = 0; bit < 8; bit++) {
      ring.bytes[at + offset]! ^= 1 << bit;
      expect(table.readTable(ring)).toBeUndefined();
      ring.bytes[at + offset]! ^= 1 << bit;
    }
  }
  expect(table.readTable(ring)).toMatchObject({ version: 1 });
});

test('a sealed bank of another version than the control words say is refused', () => {
  const ring = memory();
  for (const step of table.TABLE_STEPS) step(ring, { version: 3, bytes: content(3) });
  ring.i64[TABLE_INTENT_AT / 8] = 1n;
  ring.i64[TABLE_VERSION_AT / 8] = 1n;
  expect(table.readTable(ring)).toBeUndefined();
});

test('a sealed bank that claims more bytes than it has is refused', () => {
  const ring = memory();
  for (const step of table.TABLE_STEPS) step(ring, { version: 1, bytes: content(1) });
  const bank = Buffer.from(ring.bytes.buffer, bankAt(1), BANK_TABLE_AT + TABLE_BYTES);
  const seal = (length: number): void => {
    bank.writeUInt32LE(length, BANK_LENGTH_AT);
    const bytes = bank.subarray(BANK_TABLE_AT, BANK_TABLE_AT + length);
    bank.writeUInt32LE(crc32(bytes, crc32(bank.subarray(0, BANK_CRC_AT))), BANK_CRC_AT);
  };
  seal(TABLE_BYTES);
  expect(table.readTable(ring)!.bytes.length).toBe(TABLE_BYTES);
  seal(TABLE_BYTES + 1);
  expect(table.readTable(ring)).toBeUndefined();
});

test('records name the table they were written under, also after 65,536 versions', () => {
  const path = temporaryRing();
  const writer = RingWriter.open({ path, slots: 8, dataBytes: 4096 });
  const reader = RingReader.open(path);
  writer.write(META, Buffer.from('before any table'));
  expect(take(reader).tableVersion).toBe(0);
  expect(writer.setTable(Buffer.from('a'))).toBe(1);
  writer.write(META, Buffer.from('a'));
  expect(writer.setTable(Buffer.from('b'))).toBe(2);
  writer.write(META, Buffer.from('b'));
  expect([take(reader).tableVersion, take(reader).tableVersion]).toEqual([1, 2]);

  for (let version = 3; version <= 70_000; version++) writer.setTable(Buffer.from(String(version)));
  writer.write(META, Buffer.from('late'));
  writer.setTable(Buffer.from('one more'));
  expect(take(reader).tableVersion).toBe(70_000);
  expect(Buffer.from(reader.table(70_000)!.bytes).toString()).toBe('70000');
  writer.close();
  reader.close();
});

test('the same bytes again are the same version, also for the next writer', () => {
  const path = temporaryRing();
  const options = { path, slots: 8, dataBytes: 4096 };
  const first = RingWriter.open(options);
  expect(first.setTable(Buffer.from('same'))).toBe(1);
  expect(first.setTable(Buffer.from('same'))).toBe(1);
  first.close();
  const second = RingWriter.open(options);
  const reader = RingReader.open(path);
  second.write(META, Buffer.from('x'));
  expect(take(reader).tableVersion).toBe(1);
  expect(second.setTable(Buffer.from('same'))).toBe(1);
  expect(second.setTable(Buffer.from('other'))).toBe(2);
  second.close();
  reader.close();
});

test('a table may be empty or 8 KiB long, not longer', () => {
  const path = temporaryRing();
  const writer = RingWriter.open({ path, slots: 8, dataBytes: 4096 });
  const reader = RingReader.open(path);
  writer.setTable(new Uint8Array(0));
  expect(reader.table()).toEqual({ version: 1, bytes: new Uint8Array(0) });
  writer.setTable(content(0));
  expect(Buffer.compare(reader.table()!.bytes, content(0))).toBe(0);
  expect(() => writer.setTable(new Uint8Array(TABLE_BYTES + 1))).toThrow(
    expect.objectContaining({ kind: 'exhausted' }),
  );
  expect(reader.table()!.version).toBe(2);
  writer.close();
  reader.close();
});
