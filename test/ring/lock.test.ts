/** The writer's lock: one holder, gone with its process however that ends, and with nobody else's. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { acquireLock } from '../../runtime/ring/lock.ts';
import { cleanUp, ended, firstLine, spawnScript, temporaryFolder } from './rig.ts';

afterEach(cleanUp);

const HOLDER = `
  import { acquireLock } from '../../runtime/ring/lock.ts';
  import { spawn } from 'node:child_process';
  const lock = acquireLock(process.argv[1]);
  const child = process.argv[2] === 'with-child' ? spawn('sleep', ['60'], { detached: true, stdio: 'ignore' }) : undefined;
  console.log(lock === undefined ? 'refused' : 'held ' + (child?.pid ?? ''));
  setInterval(() => undefined, 1000);
`;

test('a second holder is refused until the first lets go, in the same process', () => {
  const path = join(temporaryFolder(), 'a.lock');
  const first = acquireLock(path)!;
  expect(first).toBeDefined();
  expect(acquireLock(path)).toBeUndefined();
  first.release();
  first.release();
  const second = acquireLock(path)!;
  expect(second).toBeDefined();
  first.release(); // must not let go what is not its own
  expect(acquireLock(path)).toBeUndefined();
  second.release();
});

test('a lock is refused across processes, and SIGKILL releases it', async () => {
  const path = join(temporaryFolder(), 'a.lock');
  const holder = spawnScript(HOLDER, [path]);
  expect(await firstLine(holder)).toBe('held ');
  expect(acquireLock(path)).toBeUndefined();
  holder.kill('SIGKILL');
  await ended(holder);
  acquireLock(path)!.release();
});

test('a child of the holder does not inherit the lock', async () => {
  const path = join(temporaryFolder(), 'a.lock');
  const holder = spawnScript(HOLDER, [path, 'with-child']);
  const orphan = Number((await firstLine(holder)).split(' ')[1]);
  try {
    holder.kill('SIGKILL');
    await ended(holder);
    expect(() => process.kill(orphan, 0)).not.toThrow();
    const lock = acquireLock(path);
    expect(lock).toBeDefined();
    lock!.release();
  } finally {
    process.kill(orphan, 'SIGKILL');
  }
});

test('a lock on a file that is removed under it keeps nobody else out, and lets nobody else in', async () => {
  // Each process takes the lock, checks that it is alone, and removes the lock's file while it holds it.
  const path = join(temporaryFolder(), 'a.lock');
  const fighters = Array.from({ length: 3 }, () =>
    spawn(
      process.execPath,
      [
        '--input-type=module-typescript',
        '-e',
        `
        import { acquireLock } from '../../runtime/ring/lock.ts';
        import { openSync, closeSync, rmSync } from 'node:fs';
        const [path] = process.argv.slice(1);
        let rounds = 0;
        const until = Date.now() + 1500;
        while (Date.now() < until) {
          const lock = acquireLock(path);
          if (lock === undefined) continue;
          closeSync(openSync(path + '.alone', 'wx'));
          rmSync(path + '.alone');
          rmSync(path, { force: true });
          lock.release();
          rounds++;
        }
        process.exitCode = rounds > 0 ? 0 : 2;
        `,
        '--',
        path,
      ],
      { cwd: import.meta.dirname, stdio: ['ignore', 'inherit', 'pipe'] },
    ),
  );
  const results = await Promise.all(fighters.map(ended));
  expect(results).toEqual(fighters.map(() => ({ code: 0, signal: null })));
});

test('a lock in a folder that does not exist says so', () => {
  const folder = temporaryFolder();
  rmSync(folder, { recursive: true });
  expect(() => acquireLock(join(folder, 'a.lock'))).toThrow(expect.objectContaining({ kind: 'notFound' }));
});
