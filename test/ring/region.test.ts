/** Mapped memory: what is reserved is there, what is read-only stays so, and what is unmapped cannot be touched. */
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createReserved, mapShared } from '../../runtime/ring/region.ts';
import { allLines, cleanUp, ended, spawnScript, temporaryFolder } from './rig.ts';

afterEach(cleanUp);

const onLinux = process.platform === 'linux' ? test : test.skip;

test('what is written through one mapping is read through another', () => {
  const path = join(temporaryFolder(), 'page');
  createReserved(path, 4096);
  const writing = mapShared(path, 4096, 'write');
  const reading = mapShared(path, 4096, 'read');
  new Uint8Array(writing.buffer).set([1, 2, 3], 4093);
  expect([...new Uint8Array(reading.buffer).subarray(4093)]).toEqual([1, 2, 3]);
  expect(reading.file).toEqual(writing.file);
  writing.close();
  reading.close();
});

test('a reserved file is all there, zero, and for its owner only', () => {
  const path = join(temporaryFolder(), 'page');
  createReserved(path, 1_000_000);
  const stat = statSync(path);
  expect(stat.size).toBe(1_000_000);
  expect(stat.blocks * 512).toBeGreaterThanOrEqual(1_000_000);
  if (process.platform !== 'win32') expect(stat.mode & 0o777).toBe(0o600);
  expect(() => createReserved(path, 10)).toThrow(expect.objectContaining({ kind: 'conflict' }));
  expect(statSync(path).size).toBe(1_000_000);
});

test('too little space is one error that says what is needed, what is free and what to do, and leaves nothing behind', () => {
  const folder = temporaryFolder();
  // more than any file system here has: the same refusal as a full one, on every machine
  const attempt = (): void => createReserved(join(folder, 'page'), 2 ** 50);
  expect(attempt).toThrow(
    expect.objectContaining({
      kind: 'exhausted',
      message: expect.stringMatching(/needs 1073741824\.0 MiB, [\d.]+ MiB are free .*--shm-size/),
    }),
  );
  expect(readdirSync(folder)).toEqual([]);
});

onLinux('on a tmpfs that is full a ring is refused before anything starts, and what was there goes on', () => {
  const mount = temporaryFolder();
  // A mount namespace of its own; where even that is forbidden the test above stands for it.
  const script = `
    import { RingWriter } from '../../runtime/ring/writer.ts';
    import { chmodSync, readdirSync, statfsSync } from 'node:fs';
    const [folder] = process.argv.slice(1);
    const first = RingWriter.open({ path: folder + '/a.ring', slots: 64, dataBytes: 512 * 1024 });
    const errors = [];
    for (const path of ['/b.ring', '/a.ring']) {
      if (path === '/a.ring') first.close();
      try { RingWriter.open({ path: folder + path, slots: 64, dataBytes: 4 * 1024 * 1024 }); }
      catch (error) { errors.push(error.kind + ': ' + error.message); }
    }
    const again = RingWriter.open({ path: folder + '/a.ring', slots: 64, dataBytes: 512 * 1024 });
    const payload = new Uint8Array(100_000);
    const meta = { track: 1, key: true, discontinuity: false, pts: 0, dts: 0, duration: 0, captureUs: 0 };
    for (let n = 0; n < 50; n++) again.write(meta, payload);
    console.log(JSON.stringify({ errors, reattached: again.reattached, head: again.head, files: readdirSync(folder).sort() }));
  `;
  const result = spawnSync(
    'unshare',
    [
      '--mount',
      '--map-root-user',
      'sh',
      '-c',
      'mount -t tmpfs -o size=1m none "$0" || exit 77; exec "$@"',
      mount,
    ].concat([process.execPath, '--input-type=module-typescript', '-e', script, '--', mount]),
    { cwd: import.meta.dirname, encoding: 'utf8' },
  );
  if (result.error !== undefined || result.status === 77 || /unshare: /.test(result.stderr)) return;
  expect(result).toMatchObject({ status: 0, signal: null });
  const said = JSON.parse(result.stdout) as { errors: string[]; reattached: boolean; head: number; files: string[] };
  expect(said.errors).toHaveLength(2);
  for (const error of said.errors) expect(error).toMatch(/^exhausted: .*needs 4\.0 MiB, 0\.\d MiB are free/);
  expect(said).toMatchObject({ reattached: true, head: 50, files: ['a.ring', 'a.ring.lock', 'b.ring.lock'] });
});

onLinux('a read-only mapping cannot be written, even by mistake', async () => {
  const path = join(temporaryFolder(), 'page');
  createReserved(path, 4096);
  for (const mistake of ['array[0] = 1', 'Atomics.compareExchange(array, 0, 1, 2)', 'Atomics.add(array, 0, 0)']) {
    const child = spawnScript(
      `
      import { mapShared } from '../../runtime/ring/region.ts';
      const array = new Int32Array(mapShared(process.argv[1], 4096, 'read').buffer);
      ${mistake};
      `,
      [path],
    );
    expect(await ended(child)).toEqual({ code: null, signal: 'SIGSEGV' });
  }
  const untouched = mapShared(path, 4096, 'read');
  expect(new Uint8Array(untouched.buffer).every((byte) => byte === 0)).toBe(true);
  untouched.close();
});

onLinux('reading asks for no right to write the file', async () => {
  const path = join(temporaryFolder(), 'page');
  createReserved(path, 4096);
  chmodSync(dirname(path), 0o755);
  chmodSync(path, 0o444);
  // root may do everything; anybody else shows what is asked for
  const reader = spawnScript(
    `
    import { mapShared } from '../../runtime/ring/region.ts';
    if (process.getuid() === 0) process.setuid(65534);
    console.log(mapShared(process.argv[1], 4096, 'read').sizeBytes);
    try { mapShared(process.argv[1], 4096, 'write'); } catch (error) { console.log(error.kind); }
    `,
    [path],
  );
  expect(await allLines(reader)).toEqual(['4096', 'unauthorised']);
});

test('a view that is kept after close is empty: the pages cannot be reached any more', () => {
  const path = join(temporaryFolder(), 'page');
  createReserved(path, 4096);
  const region = mapShared(path, 4096, 'write');
  const bytes = new Uint8Array(region.buffer);
  const words = new BigInt64Array(region.buffer);
  bytes[0] = 7;
  region.close();
  region.close();
  expect(region.buffer.detached).toBe(true);
  expect([bytes.length, words.length, bytes[0]]).toEqual([0, 0, undefined]);
  expect(() => Atomics.load(words, 0)).toThrow();
  expect(() => new Uint8Array(region.buffer)).toThrow('detached');
});

test('a file that is too short is refused, and not mapped into a bus error', () => {
  const path = join(temporaryFolder(), 'page');
  writeFileSync(path, Buffer.alloc(100));
  expect(() => mapShared(path, 4096, 'read')).toThrow(
    expect.objectContaining({ kind: 'corrupt', message: expect.stringContaining('has 100 bytes where 4096 belong') }),
  );
});

test('a mapping outlives the name of its file', () => {
  const path = join(temporaryFolder(), 'page');
  createReserved(path, 4096);
  const writing = mapShared(path, 4096, 'write');
  const reading = mapShared(path, 4096, 'read');
  unlinkSync(path);
  new Uint8Array(writing.buffer)[4095] = 9;
  expect(new Uint8Array(reading.buffer)[4095]).toBe(9);
  writing.close();
  reading.close();
});

test('a file that does not exist is not found', () => {
  expect(() => mapShared(join(temporaryFolder(), 'nothing'), 4096, 'read')).toThrow(
    expect.objectContaining({ kind: 'notFound' }),
  );
});
