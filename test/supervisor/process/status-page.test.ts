import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  bootTag,
  PAGE_BYTES,
  StatusPageReader,
  StatusPageWriter,
} from '../../../runtime/supervisor/process/status-page.ts';

const owner = { pid: 4242, generation: 7, bootTag: 0x01020304, startTicks: 123456789n, startedUs: 1_000_000 };
let directory: string;
let page: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'bulkhead-'));
  page = path.join(directory, 'x.status');
});
afterEach(() => rmSync(directory, { recursive: true }));

test('every byte of a page is where the specification says', () => {
  const writer = StatusPageWriter.create(page, owner);
  writer.phase('ready');
  writer.beat(0x1122334455, 1500);
  writer.viewers(3);
  writer.error('timeout');
  writer.exitCode(70);
  writer.input(5);
  writer.output(4);
  writer.laps(2);
  writer.requestRecycle();
  writer.close();
  const bytes = readFileSync(page);
  expect(bytes).toHaveLength(PAGE_BYTES);
  expect(bytes.subarray(0, 128).toString('hex').match(/.{64}/g)).toEqual([
    // magic           version  pid      gener.   boot tag start ticks
    '424c4b48535441540100000092100000070000000403020115cd5b0700000000',
    // started
    '40420f0000000000000000000000000000000000000000000000000000000000',
    // beat    phase    beat us          lag      viewers  error    exit + 1
    '01000000020000005544332211000000dc050000030000000600000047000000',
    // in              out              laps             recycle
    '0500000000000000040000000000000002000000000000000100000000000000',
  ]);
  expect(bytes.subarray(128).every((byte) => byte === 0)).toBe(true);
});

test('a reader sees what the writer says, while it says it', () => {
  const writer = StatusPageWriter.create(page, owner);
  const reader = StatusPageReader.open(page);
  expect(reader.owner).toEqual(owner);
  expect(reader.sample()).toMatchObject({ beat: 0, phase: 'started', lastError: null, exitCode: null, viewers: 0 });
  writer.beat(99, 7);
  writer.phase('draining');
  writer.error('exhausted');
  writer.exitCode(0);
  writer.input(1);
  writer.input(2);
  expect(reader.sample()).toMatchObject({
    beat: 1,
    beatUs: 99,
    loopLagUs: 7,
    phase: 'draining',
    lastError: 'exhausted',
    exitCode: 0,
    recordsIn: 3,
  });
  writer.error(null);
  expect(reader.sample().lastError).toBeNull();
  reader.close();
  writer.close();
});

test('a page that is left behind makes way for the next one of its name', () => {
  StatusPageWriter.create(page, owner).close();
  const writer = StatusPageWriter.create(page, { ...owner, pid: 1 });
  expect(StatusPageReader.open(page).owner.pid).toBe(1);
  writer.close();
});

test.each([
  ['of zeros: its writer has not finished it', Buffer.alloc(PAGE_BYTES)],
  ['of another version', Buffer.concat([Buffer.from('BLKHSTAT\u0002'), Buffer.alloc(PAGE_BYTES)])],
])('a page %s is refused', (_, bytes) => {
  writeFileSync(page, bytes);
  expect(() => StatusPageReader.open(page)).toThrow(expect.objectContaining({ kind: 'version' }));
});

test('a file that is too short to be a page is refused instead of being touched', () => {
  writeFileSync(page, 'BLKHSTAT');
  expect(() => StatusPageReader.open(page)).toThrow(expect.objectContaining({ kind: 'corrupt' }));
});

test('the boot tag tells boots apart and fits a signed word', () => {
  expect(bootTag('a')).not.toBe(bootTag('b'));
  expect(bootTag('a')).toBeLessThan(2 ** 31);
});
