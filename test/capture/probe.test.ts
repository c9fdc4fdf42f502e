/**
 * The probe: what the Test button of the editor gets to hear, always, and always in time.
 */
import path from 'node:path';
import { startCamera, type Camera } from '../support/camera.ts';
import { startRunner, type RunningCapture } from '../support/capture.ts';
import { floods, impostor, silent, type Impostor } from '../support/impostor.ts';

const CLIPS = path.resolve(import.meta.dirname, '../clips');
const TIMEOUT_MS = 4000;

let camera: Camera | undefined;
const impostors: Impostor[] = [];
const probes: RunningCapture[] = [];

/** Probes run all at once: most of their time is waiting. */
const results = new Map<string, Promise<RunningCapture>>();

/** Starts a probe, which runs to its own end. */
function probe(name: string, source: object): void {
  const one = startRunner({ kind: 'probe', channel: 'test', source, timeoutMs: TIMEOUT_MS }, '');
  probes.push(one);
  results.set(
    name,
    one.exited.then(() => one),
  );
}

async function expectResult(name: string, expected: object): Promise<void> {
  const one = await results.get(name)!;
  expect(one.messages.filter((m) => m.type === 'media' || m.type === 'failed')).toEqual([
    expect.objectContaining(expected),
  ]);
  expect(await one.exited).toEqual({ code: 0, signal: null });
}

const clip = (name: string): object => ({ type: 'file', path: path.join(CLIPS, name) });
const rtsp = (mount: string, password = 'word'): object => ({
  type: 'rtsp',
  url: camera!.url(mount),
  username: 'viewer',
  password,
});

async function wall(treat: Parameters<typeof impostor>[0]): Promise<object> {
  const one = await impostor(treat);
  impostors.push(one);
  return { type: 'rtsp', url: `rtsp://127.0.0.1:${one.port}/x` };
}

beforeAll(async () => {
  probe('file', clip('opus.mkv'));
  probe('missing', clip('nowhere.mp4'));
  probe('scheme', { type: 'http', url: 'ftp://camera/x' });
  probe('silent', await wall(silent));
  probe('flood', await wall(floods));
  camera = await startCamera({ only: ['g711', 'bframes', 'sound-only'], user: 'viewer', password: 'word' });
  probe('g711', rtsp('g711'));
  probe('bframes', rtsp('bframes'));
  probe('wrong', rtsp('g711', 'wrong'));
  probe('sound-only', rtsp('sound-only'));
});

afterAll(async () => {
  await Promise.all(probes.map((one) => one.kill('SIGKILL')));
  await camera?.stop();
  await Promise.all(impostors.map((one) => one.close()));
});

test('a file is described: codec, size, measured rate, sound, and what is left out', async () => {
  const audio = { codec: 'aac', sampleRate: 48_000, channels: 2 };
  await expectResult('file', { media: { codec: 'h264', width: 320, height: 180, fps: 15, audio, leftOut: [] } });
});

test('a source that does not exist, or makes no sense, is refused with a reason', async () => {
  await expectResult('missing', { type: 'failed', errorKind: 'notFound' });
  await expectResult('scheme', { type: 'failed', errorKind: 'invalid' });
});

test('a host that says nothing is given up before the time is over', async () => {
  await expectResult('silent', { errorKind: 'timeout', message: expect.stringMatching(/did not answer within/) });
});

test('a host that never stops talking is given up before the time is over', async () => {
  await expectResult('flood', { errorKind: 'invalid', message: expect.stringMatching(/not in RTSP/) });
});

describe('a real RTSP camera', () => {
  test('is described with the sound it will have here', async () => {
    const audio = { codec: 'aac', sampleRate: 16_000, channels: 1 };
    await expectResult('g711', { media: { codec: 'h264', width: 320, height: 180, fps: 15, audio, leftOut: [] } });
  });

  test('with B-frames is measured at its true rate', async () => {
    await expectResult('bframes', { media: expect.objectContaining({ fps: 25 }) });
  });

  test('that refuses, or has no picture, says so', async () => {
    await expectResult('wrong', { errorKind: 'unauthorised' });
    await expectResult('sound-only', { errorKind: 'unsupported' });
  });
});
