import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { Agent, get } from 'node:http';
import path from 'node:path';
import type { MediaDescription } from '../../../runtime/media/track.ts';
import { captureConfigSchema, probeConfigSchema } from '../../../runtime/message/config.ts';
import { parse } from '../../../runtime/message/parse.ts';
import { statusPageDirectory } from '../../../runtime/supervisor/process/page-path.ts';
import type { SupervisorOptions } from '../../../runtime/supervisor/supervisor.ts';
import {
  captureSpec,
  exists,
  freePort,
  Home,
  standbyOf,
  streamSpec,
  Supervised,
  supervisorProcess,
  until,
} from '../../support/supervised.ts';

let home: Home;
let at: Supervised;

beforeEach(() => {
  home = new Home();
});
afterEach(async () => {
  await at.supervisor.close();
  expect(home.leftovers()).toEqual([]);
  home.remove();
});

async function open(options: Partial<SupervisorOptions> = { standby: ['light'] }): Promise<void> {
  at = await Supervised.open(home, options);
}

const titleOf = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', '');
const kill = (pid: number): true => process.kill(pid, 'SIGKILL');

/** Sockets and pipes that a process holds: what a hand-over could leave behind. */
function socketsOf(pid: number | 'self'): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return /^(socket|pipe):/.test(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}

/** What answers at the port: the pid. Rejects when nobody does. */
async function ask(port: number, agent = new Agent()): Promise<number> {
  return await new Promise((resolve, reject) => {
    get({ port, agent, host: '127.0.0.1' }, (response) => {
      let text = '';
      response.on('data', (data: Buffer) => (text += data));
      response.on('end', () => resolve(Number(text)));
      response.on('error', reject);
    }).on('error', reject);
  });
}

test('a standby takes the place of a daemon that is killed, and its port', async () => {
  await open();
  const port = await freePort();
  at.supervisor.declare(streamSpec('door', { serve: true }, { port }));
  const first = await at.ready('stream:door');
  const standby = await standbyOf(home, 'light');
  expect(titleOf(standby)).toBe('bulkhead standby light');
  expect(at.supervisor.daemons().map(({ id }) => id)).toEqual(['stream:door']);

  kill(first);
  expect(await at.ready('stream:door', 2)).toBe(standby);
  expect(await ask(port)).toBe(standby);
  expect(titleOf(standby)).toBe('bulkhead stream door');
  expect(at.view('stream:door')).toMatchObject({ pid: standby, generation: 2, restarts: 1 });
  // Nothing of its former life is left, and another one takes its place.
  expect(await standbyOf(home, 'light', standby)).not.toBe(standby);
  expect(home.leftovers().filter((name) => /^standby.*json$/.test(name))).toHaveLength(1);
});

test('what a daemon logs that was a standby is in the log of the daemon', async () => {
  await open();
  at.supervisor.declare(streamSpec('door', { print: 'here I am' }));
  const first = await at.ready('stream:door');
  const standby = await standbyOf(home, 'light');
  kill(first);
  await at.ready('stream:door', 2);
  const lines = readFileSync(path.join(home.logs, 'stream-door.log'), 'utf8').trim().split('\n');
  const told = lines.map((line) => JSON.parse(line) as { pid: number; msg: string });
  expect(told.filter(({ msg }) => msg === 'here I am').map(({ pid }) => pid)).toEqual([first, standby]);
  // What it writes without a logger, as Node does when it dies, as well.
  process.kill(standby, 'SIGUSR1');
  await until(() => readFileSync(path.join(home.logs, 'stream-door.log'), 'utf8').includes('Debugger listening'));
});

test('a daemon that was a standby is killed like any other, and is told of its end like any other', async () => {
  await open();
  at.supervisor.declare(streamSpec('door', { onSignal: { do: 'exit', code: 3 } }));
  kill(await at.ready('stream:door'));
  const second = await at.ready('stream:door', 2);
  const standby = await standbyOf(home, 'light', second);
  process.kill(second, 'SIGUSR2');
  const { detail } = await at.event('daemon.exited', ({ daemon }) => daemon.generation === 2);
  expect(detail).toMatchObject({ code: 3 });
  expect(standby).not.toBe(second);
});

test('no connection is refused while a daemon is killed five times under load', async () => {
  await open();
  const port = await freePort();
  at.supervisor.declare(streamSpec('door', { serve: true }, { port }));
  let pid = await at.ready('stream:door');
  const failures: string[] = [];
  let answered = 0;
  const timer = setInterval(() => {
    ask(port).then(
      () => (answered += 1),
      // Who is connected when the daemon dies loses that connection; nobody may be refused one.
      (error: NodeJS.ErrnoException) => failures.push(error.code ?? error.message),
    );
  }, 5);
  for (let generation = 2; generation <= 6; generation += 1) {
    const standby = await standbyOf(home, 'light');
    at.supervisor.restart('stream:door', 'hard');
    const next = await at.ready('stream:door', generation);
    expect(next).toBe(standby);
    expect(next).not.toBe(pid);
    pid = next;
  }
  const before = answered;
  await until(() => answered > before + 20);
  clearInterval(timer);
  expect(failures.filter((code) => code !== 'ECONNRESET')).toEqual([]);
});

test('handing over leaves no descriptor behind, here or there', async () => {
  await open();
  const port = await freePort();
  at.supervisor.declare(streamSpec('door', { serve: true }, { port }));
  const cold = await at.ready('stream:door');
  await standbyOf(home, 'light');
  const ofSupervisor = await until(() => socketsOf('self'));
  const ofCold = socketsOf(cold);
  let pid = cold;
  for (let generation = 2; generation <= 5; generation += 1) {
    const standby = await standbyOf(home, 'light');
    at.supervisor.restart('stream:door', 'hard');
    pid = await at.ready('stream:door', generation);
    expect(pid).toBe(standby);
  }
  await standbyOf(home, 'light', pid);
  // Its descriptors are those of a cold start, and ours are what they were.
  await until(() => socketsOf(pid) === ofCold);
  await until(() => socketsOf('self') <= ofSupervisor);
});

test('a standby that is killed is replaced', async () => {
  await open();
  at.supervisor.declare(streamSpec('door'));
  const standby = await standbyOf(home, 'light');
  kill(standby);
  expect(await standbyOf(home, 'light', standby)).not.toBe(standby);
  expect(at.events.filter(({ daemon }) => daemon.id !== 'stream:door')).toEqual([]);
});

test('a standby that hangs is not taken', async () => {
  await open();
  at.supervisor.declare(streamSpec('door'));
  const first = await at.ready('stream:door');
  const standby = await standbyOf(home, 'light');
  process.kill(standby, 'SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 1_300));
  kill(first);
  expect(await at.ready('stream:door', 2)).not.toBe(standby);
  expect(at.view('stream:door').restarts).toBe(1);
});

test('a standby that hangs at the moment it is taken is replaced by a cold start, and no failure is counted', async () => {
  await open();
  at.supervisor.declare(streamSpec('door'));
  const first = await at.ready('stream:door');
  const standby = await standbyOf(home, 'light');
  process.kill(standby, 'SIGSTOP');
  kill(first);
  expect(await at.ready('stream:door', 2)).not.toBe(standby);
  expect(exists(standby)).toBe(false);
  expect(at.view('stream:door')).toMatchObject({ generation: 2, restarts: 1 });
  expect(at.ofType('daemon.exited')).toHaveLength(1);
});

test('a standby that was taken for a daemon whose files can be nowhere is ended, and the daemon comes when they can', async () => {
  await open();
  at.supervisor.declare(streamSpec('door'));
  const pid = await at.ready('stream:door');
  const waiting = await standbyOf(home, 'light');
  const inTheWay = [home.run, statusPageDirectory(home.run)].map((directory) =>
    path.join(directory, `stream_door.2.json.${process.pid}.tmp`),
  );
  for (const directory of inTheWay) mkdirSync(directory);
  kill(pid);
  await until(() => !exists(waiting));
  await at.ready('stream:door', 3);
  for (const directory of inTheWay) rmdirSync(directory);
});

test('a standby is only one for the kinds of its profile', async () => {
  await open();
  at.supervisor.declare(captureSpec('door'));
  const first = await at.ready('capture:door');
  const standby = await standbyOf(home, 'light');
  kill(first);
  expect(await at.ready('capture:door', 2)).not.toBe(standby);
});

test('FFmpeg is in the memory of a standby for cameras, and not of one for streams', async () => {
  await open({ standby: ['light', 'media'] });
  at.supervisor.declare(streamSpec('door'));
  const [light, media] = [await standbyOf(home, 'light'), await standbyOf(home, 'media')];
  const hasFFmpeg = (pid: number): boolean => /node-av|libav/.test(readFileSync(`/proc/${pid}/maps`, 'utf8'));
  expect(hasFFmpeg(media)).toBe(true);
  expect(hasFFmpeg(light)).toBe(false);
});

test('a test of a source is done by a standby', async () => {
  await open({ standby: ['media'] });
  at.supervisor.declare(streamSpec('door'));
  const standby = await standbyOf(home, 'media');
  const media: MediaDescription = { codec: 'h264', width: 1, height: 1, fps: 1, audio: null, leftOut: [] };
  const path = JSON.stringify({ send: [{ type: 'media', media }] });
  const config = parse(probeConfigSchema, { kind: 'probe', channel: 'door', source: { type: 'file', path } });
  const result = at.supervisor.probe(config);
  await until(() => exists(standby) && titleOf(standby) === 'bulkhead probe door');
  expect(await result).toEqual(media);
  await until(() => !exists(standby));
});

test('the password of a camera whose daemon was a standby is in no file, no argument and no environment', async () => {
  const password = 'open-sesame-4711';
  await open({ standby: ['media'] });
  const { config: _, ...spec } = captureSpec('door');
  const source = { type: 'rtsp', url: 'rtsp://127.0.0.1:9/', username: 'me', password };
  const config = parse(captureConfigSchema, { kind: 'capture', channel: 'door', source, ring: { path: '/nowhere/r' } });
  at.supervisor.declare({ ...spec, config });
  const first = await at.ready('capture:door');
  const standby = await standbyOf(home, 'media');
  kill(first);
  expect(await at.ready('capture:door', 2)).toBe(standby);
  const files = readdirSync(home.path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => path.join(entry.parentPath, entry.name));
  expect(paths.length).toBeGreaterThan(3);
  for (const file of [...paths, `/proc/${standby}/environ`, `/proc/${standby}/cmdline`]) {
    expect(readFileSync(file, 'latin1')).not.toContain(password);
  }
});

test('a supervisor that closes leaves no standby behind, and one that has none starts none', async () => {
  await open();
  at.supervisor.declare(streamSpec('door'));
  const standby = await standbyOf(home, 'light');
  await at.supervisor.close();
  expect(exists(standby)).toBe(false);

  await open({ standby: [] });
  at.supervisor.declare(streamSpec('door'));
  await at.ready('stream:door');
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(home.leftovers().filter((name) => name.startsWith('standby'))).toEqual([]);
});

test('a standby ends with its supervisor, however that ends, also when it cannot see it', async () => {
  for (const state of ['running', 'stopped'] as const) {
    const { process: supervisor, pids } = await supervisorProcess(home, 'stay', [streamSpec('door')], {
      STANDBY: 'light',
    });
    const standby = await standbyOf(home, 'light');
    if (state === 'stopped') process.kill(standby, 'SIGSTOP');
    supervisor.kill('SIGKILL');
    await once(supervisor, 'exit');
    if (state === 'running') await until(() => !exists(standby));
    // Who comes next adopts the daemon, and ends what is left of a standby.
    await open();
    at.supervisor.declare(streamSpec('door'));
    await at.event('daemon.adopted');
    await until(() => !exists(standby));
    expect(at.view('stream:door').pid).toBe(pids['stream:door']);
    await at.supervisor.close();
  }
});
