/** Which process: alive, dead, a zombie, or another one with the same pid. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootTag, processStart } from '../../runtime/ring/process-identity.ts';
import { cleanUp, ended, firstLine, spawnScript } from './rig.ts';

afterEach(cleanUp);

const onLinux = process.platform === 'linux' ? test : test.skip;

test('a process that runs has a start time, and has none when it is gone', async () => {
  const child = spawnScript(`console.log('up'); setInterval(() => undefined, 1000);`);
  await firstLine(child);
  const started = processStart(child.pid!);
  expect(started).toBeDefined();
  expect(processStart(child.pid!)).toBe(started);
  child.kill('SIGKILL');
  await ended(child);
  expect(processStart(child.pid!)).toBeUndefined();
});

onLinux('two processes of the same pid would differ by their start', async () => {
  const child = spawnScript(`console.log('up'); setInterval(() => undefined, 1000);`);
  await firstLine(child);
  expect(processStart(child.pid!)).toBeGreaterThan(processStart(process.pid)!);
});

onLinux('a program whose name looks like fields is still read right', async () => {
  const child = spawnScript(`process.title = ') Z 1 (('; console.log('up'); setInterval(() => undefined, 1000);`);
  await firstLine(child);
  expect(processStart(child.pid!)).toBeGreaterThan(0);
});

onLinux('a zombie is not alive', async () => {
  // The shell's child ends, and the program that the shell becomes never asks how.
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const child = Number(await firstLine(parent));
    while (readFileSync(`/proc/${parent.pid}/comm`, 'latin1') !== 'sleep\n') await sleep(5);
    expect(processStart(child)).toBeDefined();
    process.kill(child, 'SIGKILL');
    while (!/^State:\s+Z/m.test(readFileSync(`/proc/${child}/status`, 'latin1'))) await sleep(5);
    expect(() => process.kill(child, 0)).not.toThrow(); // which is why a pid alone proves nothing
    expect(processStart(child)).toBeUndefined();
  } finally {
    parent.kill('SIGKILL');
    await ended(parent);
  }
});

test('a boot has one tag', () => {
  expect(bootTag()).toBe(bootTag());
  if (process.platform === 'linux') {
    expect(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')).not.toBe('');
    expect(bootTag()).toBeGreaterThan(0);
  }
});
