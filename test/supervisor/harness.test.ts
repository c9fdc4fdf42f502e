import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { MediaDescription } from '../../runtime/media/track.ts';
import { streamConfigSchema, type DaemonConfig } from '../../runtime/message/config.ts';
import { parse } from '../../runtime/message/parse.ts';
import {
  PROTOCOL_VERSION,
  type DaemonEvent,
  type DaemonMessage,
  type DaemonReport,
} from '../../runtime/message/schema.ts';
import {
  listenControl,
  type ControlServer,
  type DaemonConnection,
} from '../../runtime/supervisor/process/control-server.ts';
import { StatusPageReader } from '../../runtime/supervisor/process/status-page.ts';
import { readStateFile, writeStateFile, type StateFile } from '../../runtime/supervisor/process/state-file.ts';
import type { Behaviour } from '../support/fake-daemon.ts';
import { captureSpec, FAKE_DAEMON, SILENT, until } from '../support/supervised.ts';

/** The daemon's end of everything, against a control socket in this process. */
let directory: string;
let state: StateFile;
let server: ControlServer | undefined;
let connection: DaemonConnection | undefined;
let heard: DaemonMessage[];
let daemon: ChildProcess;
let output: string;
let acknowledging: boolean;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'bulkhead-'));
  heard = [];
  output = '';
  acknowledging = true;
  connection = undefined;
});
afterEach(async () => {
  daemon.kill('SIGKILL');
  await server?.close();
  server = undefined;
  rmSync(directory, { recursive: true });
});

async function listen(): Promise<void> {
  server = await listenControl({
    path: state.controlSocket,
    log: SILENT,
    find: () => ({
      nonce: state.nonce,
      connected: (hello, opened) => {
        heard.push(hello);
        connection = opened;
        return {
          message: (message) => {
            heard.push(message);
            if (message.type === 'event' && acknowledging)
              opened.send({ type: 'acknowledged', number: message.number });
          },
          closed: () => {
            if (connection === opened) connection = undefined;
          },
        };
      },
      refused: () => {},
    }),
  });
}

const media: MediaDescription = { codec: 'h264', width: 1, height: 1, fps: 1, audio: null, leftOut: [] };
const events = (): DaemonEvent[] => heard.filter((message) => message.type === 'event');
const event = (name: string): DaemonReport => ({ type: 'event', event: name, reason: null, detail: {} });

const config = (behaviour: Behaviour, channel = 'door'): DaemonConfig =>
  parse(streamConfigSchema, {
    kind: 'stream',
    channel,
    name: JSON.stringify(behaviour),
    number: 1,
    port: 1,
    ring: { path: '/nowhere' },
  });

type Start = { channel?: string; given?: DaemonConfig; kind?: DaemonConfig['kind']; log?: number; statusPage?: string };

/** Starts a daemon, waits until it has dialled, and gives it its configuration. */
async function start(behaviour: Behaviour = {}, more: Start = {}): Promise<void> {
  const { channel = 'door', given = config(behaviour, channel), kind = given.kind, log } = more;
  state = {
    version: 1,
    id: `stream:${channel}`,
    kind,
    channel,
    generation: 7,
    nonce: 'a-nonce-of-some-length',
    controlSocket: path.join(directory, 'control.sock'),
    statusPage: more.statusPage ?? path.join(directory, 'door.status'),
    specHash: 'hash',
  };
  const file = path.join(directory, 'stream_door.7.json');
  writeStateFile(file, state);
  await listen();
  daemon = spawn(process.execPath, [FAKE_DAEMON, file], { stdio: ['ignore', log ?? 'pipe', 'pipe'] });
  daemon.stdout?.on('data', (data: Buffer) => (output += data));
  daemon.stderr!.on('data', (data: Buffer) => (output += data));
  await until(() => connection);
  connection!.send({ type: 'configure', config: given });
}

const types = (): string[] => heard.map(({ type }) => type);
const exit = async (): Promise<unknown[]> =>
  daemon.exitCode === null ? await once(daemon, 'exit') : [daemon.exitCode];

test('a daemon says who it is, is shown by ps as its kind and channel, and beats', async () => {
  await start();
  await until(() => types().includes('ready'));
  expect(heard[0]).toMatchObject({
    type: 'hello',
    protocol: PROTOCOL_VERSION,
    id: 'stream:door',
    generation: 7,
    pid: daemon.pid,
  });
  expect(readFileSync(`/proc/${daemon.pid}/cmdline`, 'utf8').replaceAll('\0', '')).toBe('bulkhead stream door');
  const page = StatusPageReader.open(state.statusPage);
  expect(page.owner).toMatchObject({ pid: daemon.pid, generation: 7 });
  const { beat } = page.sample();
  await until(() => page.sample().beat > beat + 1);
  expect(page.sample().phase).toBe('ready');
  page.close();
});

test('a daemon works where no status page can be made', async () => {
  await start({}, { statusPage: '/nowhere/door.status' });
  await until(() => types().includes('ready'));
});

test('a daemon that loses its supervisor dials until there is one, and says again what is still true', async () => {
  const behaviour: Behaviour = {
    send: [
      { type: 'media', media },
      { type: 'degraded', reason: 'old' },
      { type: 'degraded', reason: null },
      event('before'),
    ],
    onSignal: { do: 'send', messages: [event('meanwhile'), { type: 'media', media: null }] },
  };
  await start({}, { given: captureSpec('door', behaviour).config });
  await until(() => types().includes('event'));
  // The acknowledgement is on its way.
  await new Promise((resolve) => setTimeout(resolve, 100));
  await server!.close();
  heard = [];
  daemon.kill('SIGUSR2');
  await new Promise((resolve) => setTimeout(resolve, 200));
  await listen();
  await until(() => types().includes('event'));
  expect(heard.slice(1)).toEqual([
    { type: 'ready' },
    { type: 'media', media: null },
    { type: 'degraded', reason: null },
    { ...event('meanwhile'), number: 2, acknowledged: 1 },
  ]);
});

test('a daemon whose supervisors die young dials the next one as soon as ever', async () => {
  await start();
  let lives = 0;
  for (const endMs = Date.now() + 5_000; Date.now() < endMs; lives += 1) {
    const opened = await until(() => connection);
    opened.send({ type: 'configure', config: config({}) });
    await new Promise((resolve) => setTimeout(resolve, 20));
    opened.close();
    await until(() => connection !== opened);
  }
  // Were each delay twice the last one, there would have been eight.
  expect(lives).toBeGreaterThan(12);
});

test('an event that a dying supervisor took and did not acknowledge is told again, under the same number', async () => {
  acknowledging = false;
  await start({ send: [event('first'), event('second')] });
  await until(() => events().length === 2);
  const before = events();
  await server!.close();
  heard = [];
  acknowledging = true;
  await listen();
  await until(() => events().length === 2);
  expect(events()).toEqual(before);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await server!.close();
  heard = [];
  await listen();
  await until(() => types().includes('ready'));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(events()).toEqual([]);
});

test('what a daemon cannot keep for a supervisor that is away leaves a hole in the numbers', async () => {
  await start({ onSignal: { do: 'count', to: 300 } });
  await until(() => types().includes('ready'));
  await server!.close();
  heard = [];
  daemon.kill('SIGUSR2');
  await new Promise((resolve) => setTimeout(resolve, 300));
  await listen();
  await until(() => events().length === 256);
  expect(events()[0]).toMatchObject({ detail: { number: 45 }, number: 45, acknowledged: 0 });
  expect(events().at(-1)).toMatchObject({ detail: { number: 300 }, number: 300 });
});

test('a daemon that ends waits for the acknowledgement of what it said last', async () => {
  acknowledging = false;
  await start({ send: [event('last')] });
  await until(() => events().length === 1);
  daemon.kill('SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(daemon.exitCode).toBeNull();
  connection!.send({ type: 'acknowledged', number: 1 });
  expect(await exit()).toEqual([0, null]);
});

test('a configuration that comes a second time changes nothing', async () => {
  await start({ viewers: 1 });
  await until(() => types().includes('ready'));
  connection!.send({ type: 'configure', config: config({ viewers: 2 }) });
  connection!.send({ type: 'drain', graceMs: 0 });
  const page = StatusPageReader.open(state.statusPage);
  await exit();
  expect(page.sample().viewers).toBe(1);
  expect(types().filter((type) => type === 'ready')).toHaveLength(1);
});

test('a daemon that is told to be of another kind refuses, for good', async () => {
  await start({}, { kind: 'capture' });
  expect(await exit()).toEqual([78, null]);
  await until(() => types().includes('failed'));
  expect(heard.at(-1)).toMatchObject({ errorKind: 'invalid' });
});

test('a malformed message ends the channel, not the daemon', async () => {
  await start();
  await until(() => types().includes('ready'));
  heard = [];
  connection!.send({ type: 'no such thing' } as never);
  await until(() => types().includes('ready'));
  expect(daemon.exitCode).toBeNull();
});

test.each(['SIGINT', 'SIGHUP'] as const)(
  '%s, which a terminal sends to all its processes, does not end a daemon',
  async (signal) => {
    await start();
    await until(() => types().includes('ready'));
    daemon.kill(signal);
    const page = StatusPageReader.open(state.statusPage);
    const { beat } = page.sample();
    await until(() => page.sample().beat > beat + 1);
    expect(daemon.exitCode).toBeNull();
  },
);

test('SIGTERM is a stop in order', async () => {
  await start();
  await until(() => types().includes('ready'));
  daemon.kill('SIGTERM');
  expect(await exit()).toEqual([0, null]);
});

test('a stop cuts a drain short', async () => {
  await start({ drainMs: 60_000 });
  await until(() => types().includes('ready'));
  connection!.send({ type: 'drain', graceMs: 60_000 });
  const page = StatusPageReader.open(state.statusPage);
  await until(() => page.sample().phase === 'draining');
  connection!.send({ type: 'stop' });
  expect(await exit()).toEqual([71, null]);
  expect(page.sample()).toMatchObject({ phase: 'ended', exitCode: 71 });
});

test('a drain that takes longer than its grace is ended', async () => {
  await start({ drainMs: 60_000 });
  await until(() => types().includes('ready'));
  connection!.send({ type: 'drain', graceMs: 100 });
  expect(await exit()).toEqual([71, null]);
});

test('a crash leaves its reason on the channel, on the page and in the log', async () => {
  await start({ onSignal: { do: 'throw' } });
  await until(() => types().includes('ready'));
  const page = StatusPageReader.open(state.statusPage);
  daemon.kill('SIGUSR2');
  expect(await exit()).toEqual([1, null]);
  await until(() => types().includes('failed'));
  expect(heard.at(-1)).toMatchObject({
    type: 'failed',
    errorKind: 'internal',
    message: expect.stringContaining('a defect'),
  });
  expect(page.sample()).toMatchObject({ exitCode: 1, lastError: 'internal' });
  expect(output).toContain('TypeError: a defect');
});

test('a daemon without a supervisor works on for its grace, then ends by itself and leaves word of it', async () => {
  await start({}, { channel: 'orphan' });
  await until(() => types().includes('ready'));
  await server!.close();
  expect(await exit()).toEqual([0, null]);
  expect(readdirSync(directory)).toEqual(['stream_door.7.json']);
  expect(readStateFile(path.join(directory, 'stream_door.7.json')).ended).toEqual({
    code: 0,
    time: expect.any(Number),
    message: null,
    events: [],
  });
});

test('a daemon that finds its supervisor again within its grace stays', async () => {
  await start({}, { channel: 'orphan' });
  await until(() => types().includes('ready'));
  await server!.close();
  await new Promise((resolve) => setTimeout(resolve, 100));
  await listen();
  await until(() => connection);
  await new Promise((resolve) => setTimeout(resolve, 800));
  expect(daemon.exitCode).toBeNull();
});

test.each([
  ['because its reader has gone', undefined],
  ['because the disk is full', '/dev/full'],
])('a log that cannot be written %s does not end a daemon', async (_, log) => {
  const fd = log === undefined ? undefined : openSync(log, 'w');
  await start({ print: 'a line' }, fd === undefined ? {} : { log: fd });
  if (fd === undefined) daemon.stdout!.destroy();
  else closeSync(fd);
  await until(() => types().includes('ready'));
  connection!.send({ type: 'drain', graceMs: 10 });
  expect(await exit()).toEqual([71, null]);
});
