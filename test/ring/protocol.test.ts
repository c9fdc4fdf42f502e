/**
 * The protocol line by line, as small scenes: a writer and a reader stopped between two steps. interleavings.test.ts searches all orders; here
 * each rule has a test with its name, and the order of the atomic accesses, fences included, is asserted.
 */
import { getHeapStatistics } from 'node:v8';
import {
  EPOCH_AT,
  HEAD_AT,
  INTENT_POS_AT,
  INTENT_SEQ_AT,
  LAST_KEY_AT,
  LINE_BYTES,
  TABLE_INTENT_AT,
  TABLE_VERSION_AT,
  slotAt,
} from '../../runtime/ring/layout.ts';
import { type RingMemory, loadWord } from '../../runtime/ring/memory.ts';
import * as reading from '../../runtime/ring/read-steps.ts';
import { RingReader } from '../../runtime/ring/reader.ts';
import { composeSlot, createSlot, storeSlot } from '../../runtime/ring/slot.ts';
import * as writing from '../../runtime/ring/write-steps.ts';
import { RingWriter } from '../../runtime/ring/writer.ts';
import { KEY, META, cleanUp, ringInMemory, temporaryRing } from './rig.ts';

afterEach(cleanUp);

type Options = { key?: boolean; units?: number; stopBefore?: writing.WriteStep; stopAfter?: writing.WriteStep };

/** Writes one record, or begins to: `stopBefore` and `stopAfter` name the step at which the writer dies. */
function write(ring: RingMemory, state: writing.WriteState, options: Options = {}): void {
  const length = (options.units ?? 1) * LINE_BYTES;
  const payload = Buffer.alloc(length, `<${state.seq + 1}>`);
  writing.prepare(ring, state, options.key === true ? KEY : META, [payload], length, 0);
  for (const step of writing.WRITE_STEPS) {
    if (step === options.stopBefore) return;
    step(ring, state);
    if (step === options.stopAfter) return;
  }
}

function attach(ring: RingMemory): writing.WriteState {
  const state = writing.createWriteState();
  for (const step of writing.ATTACH_STEPS) step(ring, state);
  return state;
}

/** The reader's steps from one to another, both included; the verdict of the last, or of the first that does not go on. */
function read(
  ring: RingMemory,
  state: reading.ReadState,
  from: reading.ReadStep = reading.READ_STEPS[0]!,
  to: reading.ReadStep = reading.READ_STEPS.at(-1)!,
): reading.Verdict {
  const steps = reading.READ_STEPS;
  for (const step of steps.slice(steps.indexOf(from), steps.indexOf(to) + 1)) {
    const verdict = step(ring, state);
    if (verdict !== 'on') return verdict;
  }
  return 'on';
}

function jump(ring: RingMemory, state: reading.ReadState): number {
  for (const step of reading.JUMP_STEPS) step(ring, state);
  return state.next;
}

function readerAt(next: number): reading.ReadState {
  const state = reading.createReadState();
  state.next = next;
  return state;
}

function words(ring: RingMemory): Record<string, number> {
  return {
    head: loadWord(ring, HEAD_AT),
    intentSeq: loadWord(ring, INTENT_SEQ_AT),
    intentPos: loadWord(ring, INTENT_POS_AT),
    lastKeySeq: loadWord(ring, LAST_KEY_AT),
  };
}

/** Twelve numbers in a ring of 16, keys where told. */
function filled(keys: readonly number[], count = 12): { ring: RingMemory; state: writing.WriteState } {
  const ring = ringInMemory({ slots: 16, dataUnits: 64, maxRecordBytes: 16 * LINE_BYTES });
  const state = attach(ring);
  for (let n = 1; n <= count; n++) write(ring, state, { key: keys.includes(n) });
  return { ring, state };
}

const NAMES = new Map([
  [HEAD_AT, 'head'],
  [INTENT_SEQ_AT, 'intentSeq'],
  [INTENT_POS_AT, 'intentPos'],
  [LAST_KEY_AT, 'lastKeySeq'],
  [TABLE_INTENT_AT, 'tableIntent'],
  [TABLE_VERSION_AT, 'tableVersion'],
]);

/** The private word of the fence is 32 bits wide; those of the ring are 64. */
function wordName(array: { readonly BYTES_PER_ELEMENT: number }, index: number): string {
  return array.BYTES_PER_ELEMENT === 8 ? (NAMES.get(index * 8) ?? `word ${index}`) : 'private';
}

/** What `run` does with Atomics, in order. A store and a load of the private word are a fence. */
function trace(run: () => void): string {
  const seen: string[] = [];
  const real = { load: Atomics.load, store: Atomics.store };
  const load = jest.spyOn(Atomics, 'load').mockImplementation(((array: Int32Array, index: number) => {
    seen.push(`load ${wordName(array, index)}`);
    return real.load(array, index);
  }) as typeof Atomics.load);
  const store = jest.spyOn(Atomics, 'store').mockImplementation(((array: Int32Array, index: number, value: number) => {
    seen.push(`store ${wordName(array, index)}`);
    return real.store(array, index, value);
  }) as typeof Atomics.store);
  try {
    run();
  } finally {
    load.mockRestore();
    store.mockRestore();
  }
  return seen.join(', ').replaceAll('store private, load private', 'fence');
}

function pair(): { writer: RingWriter; reader: RingReader; close: () => void } {
  const path = temporaryRing();
  const writer = RingWriter.open({ path, slots: 4, dataBytes: 512 });
  const reader = RingReader.open(path);
  return {
    writer,
    reader,
    close: () => {
      writer.close();
      reader.close();
    },
  };
}

const small = (): RingMemory => ringInMemory({ slots: 4, dataUnits: 8, maxRecordBytes: 8 * LINE_BYTES });

describe('W1', () => {
  test('a record that would cross the end begins with the next round, and the padding is in the intent', () => {
    const ring = small();
    const state = attach(ring);
    write(ring, state, { units: 6 });
    write(ring, state, { units: 3 });
    expect(words(ring)).toMatchObject({ intentSeq: 2, intentPos: 8 + 3 });
    const reader = readerAt(2);
    expect(read(ring, reader)).toBe('on');
    expect(reader.copy.subarray(0, 3 * LINE_BYTES).toString()).toMatch(/^(<2>)+$/);
    // the padded record overwrote units 0 to 2 of record 1
    expect(read(ring, readerAt(1))).toBe('lapped');
  });

  test('a record that ends exactly at the end needs no padding', () => {
    const ring = small();
    const state = attach(ring);
    write(ring, state, { units: 5 });
    write(ring, state, { units: 3 });
    expect(words(ring)).toMatchObject({ intentPos: 8 });
    expect(read(ring, readerAt(1))).toBe('on');
    expect(read(ring, readerAt(2))).toBe('on');
  });

  test('a record may fill the data area, and can be read until the next one begins', () => {
    const ring = small();
    const state = attach(ring);
    write(ring, state, { units: 8 });
    expect(read(ring, readerAt(1))).toBe('on');
    write(ring, state, { stopAfter: writing.publishIntentPos });
    expect(read(ring, readerAt(1))).toBe('lapped');
  });

  test('a process that fails in the middle of a write goes on behind the debris', () => {
    const ring = small();
    const state = attach(ring);
    write(ring, state, { units: 2, stopAfter: writing.writePayload });
    write(ring, state, { units: 1 });
    expect(words(ring)).toEqual({ head: 1, intentSeq: 1, intentPos: 3, lastKeySeq: 0 });
    expect(read(ring, readerAt(1))).toBe('on');
  });
});

describe('W2 and W3', () => {
  test('a record is not there before its commit, whatever step the writer stopped at', () => {
    const steps = writing.WRITE_STEPS;
    for (const stopAfter of steps.slice(0, steps.indexOf(writing.publishHead))) {
      const ring = small();
      const state = attach(ring);
      write(ring, state, { key: true });
      write(ring, state, { key: true, stopAfter });
      expect(read(ring, readerAt(2))).toBe('empty');
      expect(read(ring, readerAt(1))).toBe('on');
      expect(words(ring)).toMatchObject({ head: 1, lastKeySeq: 1 });
    }
  });

  test('a keyframe is announced after it is committed', () => {
    const ring = small();
    const state = attach(ring);
    write(ring, state, { key: true, stopAfter: writing.publishHead });
    expect(words(ring)).toMatchObject({ head: 1, lastKeySeq: 0 });
    writing.announceKey(ring, state);
    expect(words(ring)).toMatchObject({ head: 1, lastKeySeq: 1 });
    write(ring, state);
    expect(words(ring)).toMatchObject({ head: 2, lastKeySeq: 1 });
  });
});

describe('R1 and R2', () => {
  test('a ring without the wanted record is empty, not an error', () => {
    const ring = small();
    expect(read(ring, readerAt(1))).toBe('empty');
    write(ring, attach(ring));
    expect(read(ring, readerAt(2))).toBe('empty');
  });

  test('a record that is as many numbers behind as there are slots is lapped before anything is copied', () => {
    const ring = small();
    const state = attach(ring);
    for (let n = 0; n < 5; n++) write(ring, state);
    const reader = readerAt(1);
    expect(read(ring, reader, reading.checkHead, reading.checkHead)).toBe('lapped');
    expect(reader.copy.length).toBe(0);
    expect(read(ring, readerAt(2))).toBe('on');
  });
});

describe('R3', () => {
  test('a slot that the writer has begun to overwrite is lapped, not corrupt', () => {
    const ring = small();
    const state = attach(ring);
    for (let n = 0; n < 4; n++) write(ring, state);
    const reader = readerAt(1);
    expect(reading.checkHead(ring, reader)).toBe('on');
    write(ring, state, { stopAfter: writing.writeSlot });
    expect(read(ring, reader, reading.takeSlot, reading.checkSlot)).toBe('lapped');
  });

  test('a slot of another number that nobody has overwritten is corrupt', () => {
    const ring = small();
    const state = attach(ring);
    write(ring, state);
    const forged = createSlot();
    composeSlot(forged, { seq: 5, pos: 0, length: 64, flags: 0, epoch: 1, payloadCrc: 0 }, META);
    storeSlot(ring, forged);
    expect(read(ring, readerAt(1))).toBe('corrupt');
  });

  test.each([
    ['no length', { length: 0 }],
    ['more than the longest record', { length: 3 * LINE_BYTES + 1 }],
    ['a record across the end of the data area', { pos: 7, length: 2 * LINE_BYTES }],
    ['a position that is no number', { pos: NaN }],
    ['half a position', { pos: 0.5 }],
    ['a negative position', { pos: -8 }],
    ['a record beyond the intent', { pos: 4, length: LINE_BYTES }],
  ])('a sealed slot with %s is corrupt, and no byte is copied', (_name, wrong) => {
    const ring = ringInMemory({ slots: 4, dataUnits: 8, maxRecordBytes: 3 * LINE_BYTES });
    const state = attach(ring);
    for (let n = 0; n < 4; n++) write(ring, state);
    const forged = createSlot();
    const fields = { seq: 1, pos: 0, length: 64, flags: 0, epoch: 1, payloadCrc: 0 };
    composeSlot(forged, fields, META);
    storeSlot(ring, forged);
    expect(read(ring, readerAt(1))).toBe('on');
    composeSlot(forged, { ...fields, ...wrong }, META);
    storeSlot(ring, forged);
    const reader = readerAt(1);
    expect(read(ring, reader)).toBe('corrupt');
    expect(reader.copy.length).toBe(0);
  });

  test('one flipped bit anywhere in a slot is noticed before its length is used', () => {
    const ring = small();
    write(ring, attach(ring));
    for (let bit = 0; bit < LINE_BYTES * 8; bit++) {
      const at = slotAt(ring, 1) + (bit >> 3);
      ring.bytes[at]! ^= 1 << (bit & 7);
      const reader = readerAt(1);
      expect(read(ring, reader)).toBe('corrupt');
      expect(reader.copy.length).toBe(0);
      ring.bytes[at]! ^= 1 << (bit & 7);
    }
    expect(read(ring, readerAt(1))).toBe('on');
  });

  test('a slot is taken once: what the writer does to it afterwards does not reach the length in use', () => {
    const ring = small();
    const state = attach(ring);
    for (let n = 0; n < 4; n++) write(ring, state);
    const reader = readerAt(1);
    expect(read(ring, reader, reading.checkHead, reading.checkDistance)).toBe('on');
    ring.bytes.fill(0xff, slotAt(ring, 1), slotAt(ring, 1) + LINE_BYTES);
    reading.copyPayload(ring, reader);
    expect(reader.copy.subarray(0, LINE_BYTES).toString()).toMatch(/^(<1>)+<$/);
  });

  test('no copy is begun of what is being overwritten', () => {
    const ring = small();
    const state = attach(ring);
    write(ring, state, { units: 8 });
    const reader = readerAt(1);
    expect(read(ring, reader, reading.checkHead, reading.checkSlot)).toBe('on');
    write(ring, state, { units: 1, stopAfter: writing.publishIntentPos });
    expect(reading.checkDistance(ring, reader)).toBe('lapped');
  });
});

describe('R4 to R6', () => {
  test.each([
    ['units', { units: 4 }, { units: 1, stopAfter: writing.fenceIntent }],
    ['slot', { units: 1 }, { units: 1, stopAfter: writing.fenceIntent }],
  ])('a copy is thrown away when a write into its %s has begun, even before the first byte', (what, fill, next) => {
    const ring = small();
    const state = attach(ring);
    // either the data area is full, or the slots are
    for (let n = 0; n < (what === 'units' ? 2 : 4); n++) write(ring, state, fill);
    const reader = readerAt(1);
    expect(read(ring, reader, reading.checkHead, reading.fenceCopy)).toBe('on');
    write(ring, state, next);
    expect(reading.recheckIntent(ring, reader)).toBe('lapped');
  });

  test('a copy is kept when the writer is one unit away from it', () => {
    const ring = small();
    const state = attach(ring);
    write(ring, state, { units: 4 });
    const reader = readerAt(1);
    expect(read(ring, reader, reading.checkHead, reading.fenceCopy)).toBe('on');
    write(ring, state, { units: 4, stopAfter: writing.fenceIntent });
    expect(reading.recheckIntent(ring, reader)).toBe('on');
  });

  test('the buffer for copies is reused and grows to the largest record', () => {
    const ring = ringInMemory({ slots: 16, dataUnits: 1024, maxRecordBytes: 600 * LINE_BYTES });
    const state = attach(ring);
    write(ring, state, { units: 200 });
    for (let n = 0; n < 9; n++) write(ring, state, { units: 1 });
    const reader = readerAt(1);
    expect(read(ring, reader)).toBe('on');
    const buffer = reader.copy;
    for (reader.next = 2; reader.next <= 10; reader.next++) {
      expect(read(ring, reader)).toBe('on');
      expect(reader.copy).toBe(buffer);
    }
    write(ring, state, { units: 600 });
    expect(read(ring, reader)).toBe('on');
    expect(reader.copy.length).toBe(600 * LINE_BYTES);
  });
});

describe('jump', () => {
  test('goes forward to the newest keyframe', () => {
    const { ring } = filled([2, 9]);
    expect(jump(ring, readerAt(4))).toBe(9);
  });

  test('never goes back and never stays: behind the newest keyframe it waits for the next record', () => {
    const { ring } = filled([2, 9]);
    expect(jump(ring, readerAt(9))).toBe(13);
    expect(jump(ring, readerAt(10))).toBe(13);
  });

  test('without any keyframe waits behind the newest record', () => {
    expect(jump(filled([]).ring, readerAt(4))).toBe(13);
  });

  test('does not move in an empty ring', () => {
    expect(jump(small(), readerAt(1))).toBe(1);
  });

  test('does not go to a keyframe that the writer is about to overwrite', () => {
    // 14 of 16 slots used behind the key: still inside 7/8; 15: no longer
    const { ring, state } = filled([2], 15);
    expect(jump(ring, readerAt(1))).toBe(2);
    write(ring, state);
    expect(jump(ring, readerAt(1))).toBe(2);
    write(ring, state);
    expect(jump(ring, readerAt(1))).toBe(18);
    // the same counted in units: 57 of 64
    const long = filled([2], 2);
    write(long.ring, long.state, { units: 16 });
    write(long.ring, long.state, { units: 16 });
    write(long.ring, long.state, { units: 16 });
    expect(jump(long.ring, readerAt(1))).toBe(2);
    write(long.ring, long.state, { units: 8 });
    expect(jump(long.ring, readerAt(1))).toBe(7);
  });

  test('a key that is not yet committed is never used: it is loaded before head, and held to it', () => {
    const { ring, state } = filled([2, 9]);
    expect(reading.JUMP_STEPS.indexOf(reading.loadLastKey)).toBeLessThan(reading.JUMP_STEPS.indexOf(reading.loadHead));
    const reader = readerAt(4);
    ring.i64[LAST_KEY_AT / 8] = 13n; // what a writer would show that announced too early
    reading.loadLastKey(ring, reader);
    reading.loadHead(ring, reader);
    expect(reader.key).toBe(12);
    write(ring, state);
  });
});

describe('attach', () => {
  test('continues behind the last intent with the next number, whatever step the dead writer stopped at', () => {
    for (const [index, stopAfter] of writing.WRITE_STEPS.entries()) {
      const ring = small();
      const dead = attach(ring);
      write(ring, dead, { units: 3 });
      write(ring, dead, { units: 4, key: true, stopAfter });
      const committed = index >= writing.WRITE_STEPS.indexOf(writing.publishHead);
      const state = attach(ring);
      expect(state).toMatchObject({ seq: committed ? 2 : 1, pos: 7, epoch: 2 });
      expect(words(ring)).toMatchObject({ intentPos: 7, lastKeySeq: committed ? 2 : 0 });
      // what a reader holds of record 1 stays whole until the new writer says otherwise
      expect(read(ring, readerAt(1))).toBe('on');
      write(ring, state, { units: 1 });
      expect(read(ring, readerAt(state.seq))).toBe('on');
    }
  });

  test('does not announce a record that is no keyframe', () => {
    const ring = small();
    const dead = attach(ring);
    write(ring, dead, { key: true });
    write(ring, dead, { stopAfter: writing.publishHead });
    attach(ring);
    expect(words(ring)).toMatchObject({ head: 2, lastKeySeq: 1 });
  });

  test('counts epochs from the one in the ring', () => {
    const ring = small();
    ring.u32[EPOCH_AT / 4] = 41;
    expect(attach(ring).epoch).toBe(42);
    expect(ring.u32[EPOCH_AT / 4]).toBe(42);
  });
});

describe('the order of atomic accesses', () => {
  test('a write publishes both intents, fences, and commits before it announces', () => {
    const { writer, close } = pair();
    expect(trace(() => writer.write(KEY, Buffer.from('x')))).toBe(
      'store intentPos, store intentSeq, fence, store head, store lastKeySeq',
    );
    close();
  });

  test('the bytes lie between the fence and the commit', () => {
    const { writePayload, writeSlot, fenceIntent, publishHead, publishIntentPos, publishIntentSeq, announceKey } =
      writing;
    expect(writing.WRITE_STEPS).toEqual([
      publishIntentPos,
      publishIntentSeq,
      fenceIntent,
      writePayload,
      writeSlot,
      publishHead,
      announceKey,
    ]);
  });

  test('a read loads head, both intents, fences after the copy, and loads both intents again', () => {
    const { writer, reader, close } = pair();
    writer.write(KEY, Buffer.from('x'));
    expect(trace(() => reader.read())).toBe(
      'load head, load intentSeq, load intentPos, fence, load intentSeq, load intentPos',
    );
    close();
  });

  test('the copy lies between the two checks, and the fence between the copy and the second', () => {
    const { checkHead, takeSlot, checkSlot, checkDistance, copyPayload, fenceCopy, recheckIntent, checkPayload } =
      reading;
    expect(reading.READ_STEPS).toEqual([
      checkHead,
      takeSlot,
      checkSlot,
      checkDistance,
      copyPayload,
      fenceCopy,
      recheckIntent,
      checkPayload,
    ]);
  });

  test('an impossible slot is judged by an intent that is loaded after a fence', () => {
    const ring = small();
    write(ring, attach(ring));
    ring.bytes.fill(0, slotAt(ring, 1), slotAt(ring, 1) + LINE_BYTES);
    const reader = readerAt(1);
    reading.takeSlot(ring, reader);
    expect(trace(() => reading.checkSlot(ring, reader))).toBe('fence, load intentSeq');
  });

  test('a jump loads the key, then head', () => {
    const { reader, close } = pair();
    expect(trace(() => reader.seekNewestKey())).toMatch(/^load lastKeySeq, load head/);
    close();
  });

  test('a stream table has its intent before its bytes and its version after them', () => {
    const { writer, reader, close } = pair();
    expect(trace(() => writer.setTable(Buffer.from('t')))).toMatch(/store tableIntent, fence, store tableVersion/);
    expect(trace(() => reader.table())).toBe('load tableVersion, fence, load tableIntent');
    close();
  });

  test('a reader stores nothing but its private word', () => {
    const { writer, reader, close } = pair();
    writer.setTable(Buffer.from('t'));
    for (let n = 0; n < 9; n++) writer.write(KEY, Buffer.from('x'));
    const seen = trace(() => {
      while (reader.read().type !== 'empty');
      reader.seekNewestKey();
      reader.table();
    });
    expect(seen.split(', ').filter((access) => access.startsWith('store'))).toEqual([]);
    close();
  });
});

test('reading and writing do not grow the heap by the size of what passes through', () => {
  const path = temporaryRing();
  const writer = RingWriter.open({ path, slots: 64, dataBytes: 1 << 22 });
  const reader = RingReader.open(path);
  const payload = Buffer.alloc(1 << 18, 1);
  const pass = (count: number): void => {
    for (let n = 0; n < count; n++) {
      writer.write(KEY, payload);
      if (reader.read().type !== 'record') throw new Error('no record');
    }
  };
  pass(10);
  const before = getHeapStatistics().external_memory + getHeapStatistics().malloced_memory;
  pass(200); // 50 MiB
  const after = getHeapStatistics().external_memory + getHeapStatistics().malloced_memory;
  expect(after - before).toBeLessThan(8 << 20);
  writer.close();
  reader.close();
});
