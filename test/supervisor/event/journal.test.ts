import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { assert, nat, property, uint8Array } from 'fast-check';
import pino from 'pino';
import { Journal } from '../../../runtime/supervisor/event/journal.ts';
import {
  decodeLine,
  encodeLine,
  scanLines,
  type JournalRecord,
} from '../../../runtime/supervisor/event/journal-line.ts';
import { Recollection } from '../../../runtime/supervisor/event/recollection.ts';
import { someEvent } from '../../support/some-event.ts';
import { SILENT } from '../../support/supervised.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'bulkhead-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const record = (id: number, message = `number ${id} – ü\n"`): JournalRecord => ({
  type: 'event',
  event: someEvent({ id, detail: { message, code: null, count: 1.5, unattended: true } }),
  number: id % 2 === 0 ? id : null,
});
const records = (count: number, from = 1): JournalRecord[] =>
  Array.from({ length: count }, (_, index) => record(from + index));
const file = (): string => path.join(directory, 'journal.jsonl');

/** Opens, appends and closes; what was there before. */
function session(...more: JournalRecord[]): JournalRecord[] {
  const { journal, records: found } = Journal.open(directory, SILENT);
  for (const one of more) journal.append(one);
  expect(journal.behind).toBe(false);
  journal.close();
  return found;
}

test('what was appended is there after the next open, in order, with everything it holds', () => {
  const memory: JournalRecord = { type: 'memory', memory: new Recollection().memory };
  expect(session(...records(3), memory)).toEqual([]);
  expect(session(record(4))).toEqual([...records(3), memory]);
  expect(session()).toEqual([...records(3), memory, record(4)]);
});

test('each line is JSON that other tools can read', () => {
  session(...records(2));
  const lines = readFileSync(file(), 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { id: number }).id)).toEqual([1, 2]);
});

test('only this user can read it', () => {
  session(record(1));
  expect(statSync(file()).mode & 0o077).toBe(0);
});

test('wherever the file is cut, the whole lines before the cut are read, and the journal goes on after them', () => {
  const all = records(6);
  const text = Buffer.from(all.map(encodeLine).join(''));
  const ends = all.map((_, index) =>
    Buffer.byteLength(
      all
        .slice(0, index + 1)
        .map(encodeLine)
        .join(''),
    ),
  );
  assert(
    property(nat(text.length), (cut) => {
      writeFileSync(file(), text.subarray(0, cut));
      const whole = ends.filter((end) => end <= cut).length;
      expect(session(record(99))).toEqual(all.slice(0, whole));
      expect(session()).toEqual([...all.slice(0, whole), record(99)]);
    }),
  );
});

test('whatever is written over its tail, no event is altered, those before it are there, and the journal goes on', () => {
  const all = records(6);
  const text = Buffer.from(all.map(encodeLine).join(''));
  const untouched = (from: number, to: number): JournalRecord[] => {
    let at = 0;
    return all.filter((one) => {
      const begin = at;
      at += Buffer.byteLength(encodeLine(one));
      // The newline before a line belongs to it as well: without it there is no line.
      return at <= from || begin - 1 >= to;
    });
  };
  assert(
    property(nat(text.length - 1), uint8Array({ minLength: 1, maxLength: 400 }), (from, garbage) => {
      const bytes = Buffer.from(text);
      bytes.set(garbage.subarray(0, text.length - from), from);
      writeFileSync(file(), bytes);
      const found = session(record(99));
      for (const one of found) expect(all).toContainEqual(one);
      for (const one of untouched(from, from + garbage.length)) expect(found).toContainEqual(one);
      expect(session()).toEqual([...found, record(99)]);
    }),
  );
});

test('garbage after the end is cut off', () => {
  session(...records(2));
  appendFileSync(file(), Buffer.alloc(5000));
  expect(session(record(3))).toEqual(records(2));
  expect(readFileSync(file()).includes(0)).toBe(false);
  expect(session()).toEqual(records(3));
});

test('a line of a kind that is not known yet is left where it is', () => {
  session(record(1));
  // As a later version might: sealed, but none of ours.
  const future = encodeLine(record(2)).replace('"type"', '"kind"');
  const json = future.slice(0, future.indexOf(',"crc"')) + '}';
  const sealed = `${json.slice(0, -1)},"crc":"${crc32(json).toString(16).padStart(8, '0')}"}\n`;
  expect(decodeLine(sealed.trimEnd())).toEqual({ whole: true, record: null });
  appendFileSync(file(), sealed);
  expect(session(record(3))).toEqual([record(1)]);
  expect(scanLines(readFileSync(file()))).toMatchObject({ lines: 3, damaged: 0 });
});

test('it is bounded: a full file becomes the older one, and the one before is dropped', () => {
  const { journal } = Journal.open(directory, SILENT);
  let id = 0;
  let rotations = 0;
  const big = 'x'.repeat(100_000);
  while (rotations < 3) {
    id += 1;
    journal.append(record(id, big));
    if (!journal.full) continue;
    rotations += 1;
    journal.rotate({ type: 'memory', memory: new Recollection().memory });
  }
  journal.close();
  expect(readdirSync(directory).toSorted()).toEqual(['journal.1.jsonl', 'journal.jsonl']);
  const found = session().flatMap((one) => (one.type === 'event' ? [one.event.id] : []));
  expect(found.length).toBeLessThan(id);
  expect(found).toEqual(Array.from(found, (_, index) => id - found.length + 1 + index));
});

test('a place that takes nothing costs no event: they wait in memory, it is said once, and they are written when it can be', () => {
  // A file where the directory should be: the same for every user, root included.
  const place = path.join(directory, 'events');
  writeFileSync(place, '');
  const said: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void said.push(line) });
  const { journal, records: found } = Journal.open(place, log);
  expect(found).toEqual([]);
  journal.append(record(1));
  expect(journal.behind).toBe(true);
  journal.append(record(2));
  expect(journal.behind).toBe(true);
  expect(said).toHaveLength(1);
  expect(said[0]).toContain('kept in memory only');
  rmSync(place);
  journal.append(record(3));
  expect(journal.behind).toBe(false);
  expect(said).toHaveLength(2);
  journal.close();
  const again = Journal.open(place, SILENT);
  again.journal.close();
  expect(again.records).toEqual(records(3));
});

test('a disk that is full is like a place that takes nothing', () => {
  // Every write to /dev/full fails with ENOSPC.
  const full = path.join(directory, 'full');
  writeFileSync(full, '');
  const opened = Journal.open(full, SILENT);
  rmSync(full);
  mkdirSync(full, { mode: 0o700 });
  symlinkSync('/dev/full', path.join(full, 'journal.jsonl'));
  opened.journal.append(record(2));
  expect(opened.journal.behind).toBe(true);
  opened.journal.append(record(3));
  expect(opened.journal.behind).toBe(true);
  rmSync(path.join(full, 'journal.jsonl'));
  opened.journal.append(record(4));
  expect(opened.journal.behind).toBe(false);
  opened.journal.close();
  const again = Journal.open(full, SILENT);
  again.journal.close();
  expect(again.records).toEqual(records(3, 2));
});
