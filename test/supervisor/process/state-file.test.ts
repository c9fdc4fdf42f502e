import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Generations } from '../../../runtime/supervisor/generations.ts';
import {
  checkId,
  listStateFiles,
  readStateFile,
  stateFilePath,
  writeStateFile,
  type StateFile,
} from '../../../runtime/supervisor/process/state-file.ts';

const state: StateFile = {
  version: 1,
  id: 'stream:front-door',
  kind: 'stream',
  channel: 'front-door',
  generation: 12,
  nonce: 'abcdefghijklmnop',
  controlSocket: '/run/control.sock',
  statusPage: '/dev/shm/x.status',
  listenFd: 3,
  specHash: 'hash',
  process: { pid: 42, startTicks: '99', bootId: 'boot' },
};
let run: string;

beforeEach(() => {
  run = mkdtempSync(path.join(tmpdir(), 'bulkhead-'));
});
afterEach(() => rmSync(run, { recursive: true }));

test('a state file is read as it was written, and only its owner can read it', () => {
  const file = stateFilePath(run, state.id, state.generation);
  writeStateFile(file, state);
  expect(readStateFile(file)).toEqual(state);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(run)).toEqual(['stream_front-door.12.json']);
});

test('different ids have different files', () => {
  const ids = ['a:b-c', 'a-b:c', 'a.1', 'a', 'A'];
  expect(new Set(ids.map((id) => stateFilePath(run, id, 1))).size).toBe(ids.length);
});

test.each(['', '../../etc/passwd', 'a/b', 'a_b', '.hidden', 'x'.repeat(121), 'a b'])('"%s" is no id', (id) => {
  expect(() => checkId(id)).toThrow(expect.objectContaining({ kind: 'invalid' }));
});

test.each([
  ['that is not JSON', '{', 'corrupt'],
  ['with a field that we do not know', JSON.stringify({ ...state, more: 1 }), 'version'],
  ['of another version', JSON.stringify({ ...state, version: 2 }), 'version'],
])('a state file %s is refused', (_, text, kind) => {
  const file = path.join(run, 'x.1.json');
  writeFileSync(file, text);
  expect(() => readStateFile(file)).toThrow(expect.objectContaining({ kind }));
});

test('a missing state file says which one', () => {
  expect(() => readStateFile('/nowhere/x.1.json')).toThrow(/\/nowhere\/x\.1\.json/);
});

test('what a supervisor that died in the middle of writing left is swept up, and nothing else is taken for a state file', () => {
  for (const name of ['stream_a.1.json', 'stream_a.1.json.77.tmp', 'generations.json', 'control.sock', 'a.json']) {
    writeFileSync(path.join(run, name), '');
  }
  expect(listStateFiles(run)).toEqual([path.join(run, 'stream_a.1.json')]);
  expect(readdirSync(run)).not.toContain('stream_a.1.json.77.tmp');
});

describe('generations', () => {
  test('count up for each id, also when the file is opened again', () => {
    const first = Generations.open(run);
    expect([first.next('a'), first.next('a'), first.next('b')]).toEqual([1, 2, 1]);
    const second = Generations.open(run);
    expect([second.next('a'), second.latest('b'), second.latest('c')]).toEqual([3, 1, 0]);
  });

  test('go on after a generation that was found running', () => {
    const generations = Generations.open(run);
    generations.seen('a', 9);
    generations.seen('a', 4);
    expect(generations.next('a')).toBe(10);
  });

  test('begin again when the file is damaged', () => {
    writeFileSync(path.join(run, 'generations.json'), '{"a":');
    expect(Generations.open(run).next('a')).toBe(1);
  });

  test('are kept for the thousand ids that were used last', () => {
    const generations = Generations.open(run);
    for (let i = 0; i < 1001; i++) generations.next(`id${i}`);
    expect(Generations.open(run).latest('id0')).toBe(0);
    expect(Generations.open(run).latest('id1')).toBe(1);
  });
});
