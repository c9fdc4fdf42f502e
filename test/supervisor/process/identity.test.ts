import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { identify, isAlive, signalProcess, startTicksOf } from '../../../runtime/supervisor/process/identity.ts';
import { cpuMsOf, privateBytesOf, UsageBook } from '../../../runtime/supervisor/process/usage.ts';
import { until } from '../../support/supervised.ts';

const children: ChildProcess[] = [];
const sleeper = (): ChildProcess => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  children.push(child);
  return child;
};
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

test('a process is who it is for as long as it lives', async () => {
  const child = sleeper();
  const identity = identify(child.pid!)!;
  expect(identity.pid).toBe(child.pid);
  expect(isAlive(identity)).toBe(true);
  expect(signalProcess(identity, 'SIGKILL')).toBe(true);
  await once(child, 'exit');
  expect(isAlive(identity)).toBe(false);
  expect(identify(child.pid!)).toBeUndefined();
});

test('a process with the same pid and another start is somebody else, and no signal reaches it', () => {
  const child = sleeper();
  const identity = identify(child.pid!)!;
  const predecessor = { ...identity, startTicks: String(Number(identity.startTicks) - 1) };
  expect(isAlive(predecessor)).toBe(false);
  expect(signalProcess(predecessor, 'SIGKILL')).toBe(false);
  expect(isAlive({ ...identity, bootId: 'another boot' })).toBe(false);
  expect(isAlive(identity)).toBe(true);
});

test('a zombie is not alive, although its pid still answers', async () => {
  // A shell that does not wait for its child, and says who it is.
  const shell = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(shell);
  const pid = Number(await new Promise((resolve) => shell.stdout.once('data', (data: Buffer) => resolve(data))));
  const identity = identify(pid)!;
  await until(() => readFileSync(`/proc/${shell.pid}/comm`, 'utf8').startsWith('sleep'));
  process.kill(pid, 'SIGKILL');
  await until(() => /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')));
  expect(() => process.kill(pid, 0)).not.toThrow();
  expect(isAlive(identity)).toBe(false);
  expect(identify(pid)).toBeUndefined();
});

test('a name with spaces and brackets does not shift the fields', () => {
  const stat = `1 (a) b (c)) S ${Array.from({ length: 18 }, (_, i) => i + 4).join(' ')} 777 23`;
  expect(startTicksOf(stat)).toBe('777');
  expect(startTicksOf(stat.replace(') S', ') Z'))).toBeUndefined();
  expect(startTicksOf('')).toBeUndefined();
});

test('private memory is what is anonymous, in memory or swapped out, and never a mapped ring', () => {
  const status =
    'VmRSS:\t  900000 kB\nRssAnon:\t   20000 kB\nRssFile:\t   80000 kB\nRssShmem:\t  800000 kB\nVmSwap:\t    1000 kB\n';
  expect(privateBytesOf(status)).toBe(21_000 * 1024);
  expect(privateBytesOf('Name:\tzombie\nState:\tZ (zombie)\n')).toBeNull();
});

test('processor time is user and system time', () => {
  const stat = `1 (node) S ${[...Array.from({ length: 10 }, () => 0), 250, 50, 9, 9].join(' ')}`;
  expect(cpuMsOf(stat)).toBe(3000);
});

test('a usage is known from the first reading on, its rate when there is enough time to take it over', () => {
  const book = new UsageBook();
  expect(book.of(process.pid)).toBeNull();
  book.keep([process.pid], 0);
  expect(book.of(process.pid)).toMatchObject({ cpuPercent: null, privateBytes: expect.any(Number) });
  const burnUntil = performance.now() + 50;
  while (performance.now() < burnUntil);
  book.keep([process.pid], 1000);
  book.read(1000);
  expect(book.of(process.pid)!.cpuPercent).toBeNull();
  book.read(5000);
  expect(book.of(process.pid)!.cpuPercent).toBeGreaterThan(0);
  book.keep([], 6000);
  expect(book.of(process.pid)).toBeNull();
});
