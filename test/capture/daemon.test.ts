/**
 * The capture and probe daemons as the supervisor runs them: real harness, real control channel, real exit codes.
 */
import { closeSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { EXIT } from '../../runtime/exit-code.ts';
import { captureConfigSchema, probeConfigSchema } from '../../runtime/message/config.ts';
import { parse } from '../../runtime/message/parse.ts';
import type { Spec } from '../../runtime/supervisor/supervisor.ts';
import { RingTape, ringFolder } from '../support/capture.ts';
import { Home, Supervised, until } from '../support/supervised.ts';
import { daemonEntry } from '../../runtime/supervisor/process/spawn.ts';

const CLIPS = path.resolve(import.meta.dirname, '../clips');
const home = new Home();
const folder = ringFolder();
let supervised: Supervised;

function spec(channel: string, source: object): Spec & { readonly ringPath: string } {
  const ringPath = path.join(folder.path, `${channel}.ring`);
  const config = parse(captureConfigSchema, {
    kind: 'capture',
    channel,
    source,
    ring: { path: ringPath, dataBytes: 4 << 20, slots: 2048 },
  });
  return { id: `capture:${channel}`, channel, config, ringPath };
}

function probe(source: object): ReturnType<Supervised['supervisor']['probe']> {
  return supervised.supervisor.probe(
    parse(probeConfigSchema, { kind: 'probe', channel: 'test', source, timeoutMs: 8000 }),
  );
}

beforeAll(async () => {
  supervised = await Supervised.open(home, { daemonEntry });
});

afterAll(async () => {
  await supervised.supervisor.close();
  home.remove();
  folder.remove();
});

test('a capture daemon gets ready, describes its stream, and fills its ring', async () => {
  const one = spec('clip', { type: 'file', path: path.join(CLIPS, 'main.mp4') });
  supervised.supervisor.declare(one);
  await supervised.ready(one.id);
  const tape = new RingTape(one.ringPath);
  await tape.until((records) => records.length > 20);
  expect(tape.records[0]).toMatchObject({ seq: 1, key: true });
  await until(() => supervised.view(one.id).media?.fps === 25);
  expect(supervised.view(one.id)).toMatchObject({
    state: 'ready',
    media: { codec: 'h264', width: 640, height: 360, audio: { codec: 'aac' } },
    camera: { state: 'online' },
  });
  tape.close();
});

test('killed, it is respawned and goes on in the same ring with rising numbers and times', async () => {
  const one = spec('clip', { type: 'file', path: path.join(CLIPS, 'main.mp4') });
  const tape = new RingTape(one.ringPath);
  await tape.until((records) => records.length > 5);
  process.kill(supervised.view(one.id).pid!, 'SIGKILL');
  await tape.until((records) => records.some(({ epoch }) => epoch === 2));
  const pictures = tape.records.filter(({ track }) => track === 1);
  pictures.forEach((record, i) => {
    if (i > 0) expect(record.dts).toBeGreaterThan(pictures[i - 1]!.dts);
  });
  expect(tape.gaps).toEqual([]);
  expect(tape.records.map(({ seq }) => seq)).toEqual(tape.records.map((_, i) => i + 1));
  tape.close();
});

test('released, it closes its ring and exits as asked', async () => {
  const one = spec('short', { type: 'test' });
  supervised.supervisor.declare(one);
  const pid = await supervised.ready(one.id);
  const tape = new RingTape(one.ringPath);
  await tape.until((records) => records.length > 5);
  supervised.supervisor.release(one.id, { holdMs: 0 });
  const exited = await supervised.event('daemon.exited', ({ daemon }) => daemon.id === one.id);
  expect(exited.daemon.pid).toBe(pid);
  expect(exited.detail).toMatchObject({ code: EXIT.done });
  tape.close();
});

test.each<[string, (ringPath: string) => void]>([
  ['removed', (ringPath) => rmSync(ringPath)],
  [
    'damaged',
    (ringPath) => {
      const file = openSync(ringPath, 'r+');
      writeSync(file, Buffer.alloc(64, 0x5a), 0, 64, 0);
      closeSync(file);
    },
  ],
  [
    'replaced by something else',
    (ringPath) => {
      writeFileSync(`${ringPath}.other`, 'this is no ring');
      renameSync(`${ringPath}.other`, ringPath);
    },
  ],
])('a ring that was %s under its writer is made anew, and filled', async (how, harm) => {
  const one = spec(`ring-${how.split(' ')[0]}`, { type: 'file', path: path.join(CLIPS, 'sub.mp4') });
  supervised.supervisor.declare(one);
  await supervised.ready(one.id);
  await until(() => supervised.view(one.id).camera?.state === 'online');
  harm(one.ringPath);
  await supervised.ready(one.id, 2);
  const tape = new RingTape(one.ringPath);
  await tape.until((records) => records.length > 20);
  expect(tape.records[0]).toMatchObject({ seq: 1, key: true });
  tape.close();
});

test('a camera that is away leaves its daemon ready, and says why', async () => {
  const one = spec('away', { type: 'rtsp', url: 'rtsp://127.0.0.1:1/main' });
  supervised.supervisor.declare(one);
  await supervised.ready(one.id);
  const offline = await supervised.event('camera.offline', ({ channel }) => channel === 'away');
  expect(offline).toMatchObject({ daemon: { kind: 'capture' }, detail: { errorKind: 'unavailable' } });
  expect(supervised.view(one.id)).toMatchObject({ state: 'ready' });
});

test('an address that can never work ends the daemon for good, with the reason', async () => {
  const one = spec('nonsense', { type: 'rtsp', url: 'gopher://camera/main' });
  supervised.supervisor.declare(one);
  const exited = await supervised.event('daemon.exited', ({ daemon }) => daemon.id === one.id);
  expect(exited.detail).toMatchObject({ code: EXIT.config });
  await until(() => supervised.view(one.id).state === 'failed');
  expect(supervised.view(one.id).lastError?.message).toMatch(/must begin with rtsp/);
});

test('a probe answers what a source is, and why it cannot be had', async () => {
  expect(await probe({ type: 'file', path: path.join(CLIPS, 'h265.mp4') })).toMatchObject({
    codec: 'h265',
    width: 320,
    height: 180,
    fps: 25,
  });
  await expect(probe({ type: 'rtsp', url: 'rtsp://127.0.0.1:1/main' })).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/refuses the connection/),
  });
});
