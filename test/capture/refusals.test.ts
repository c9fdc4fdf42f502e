/**
 * Each way in which a camera cannot be had gives exactly one clear message, is tried again, and never ends the daemon.
 */
import path from 'node:path';
import { startCamera, type Camera } from '../support/camera.ts';
import {
  cameraChanges,
  captureConfig,
  ringFolder,
  startRunner,
  type Message,
  type RunningCapture,
} from '../support/capture.ts';
import { describesNothing, floods, hangsUp, impostor, silent, speaksSsh, type Impostor } from '../support/impostor.ts';

const PASSWORD = 'p@ss/w:rd%20';
const CLIPS = path.resolve(import.meta.dirname, '../clips');

const folder = ringFolder();
const impostors: Impostor[] = [];
let open: Camera | undefined;
let locked: Camera | undefined;

/** The first word on the camera after `connecting`, and what was said until then. */
type Refusal = { readonly first: Message; readonly capture: RunningCapture };
const refusals = new Map<string, Promise<Refusal>>();

function dial(name: string, source: object): void {
  const ringPath = path.join(folder.path, `${name}.ring`);
  const capture = startRunner(captureConfig(source, ringPath, { connectTimeoutMs: 1500 }), ringPath);
  const refusal = (async () => {
    try {
      const first = await capture.message((m) => m.type === 'camera' && m['state'] !== 'connecting', 25_000);
      // Dialled again, by itself, without being asked to.
      await capture.message((m) => m.type === 'camera' && m['state'] === 'connecting' && m['message'] !== null, 25_000);
      return { first, capture };
    } finally {
      await capture.stop();
    }
  })();
  refusal.catch(() => {}); // its test says so
  refusals.set(name, refusal);
}

const rtsp = (port: number): object => ({ type: 'rtsp', url: `rtsp://127.0.0.1:${port}/main` });

async function listen(treat: Parameters<typeof impostor>[0]): Promise<number> {
  const one = await impostor(treat);
  impostors.push(one);
  return one.port;
}

beforeAll(async () => {
  dial('refused', rtsp(1));
  dial('unknown-host', { type: 'rtsp', url: 'rtsp://nowhere.invalid/main' });
  dial('silent', rtsp(await listen(silent)));
  dial('hangs-up', rtsp(await listen(hangsUp)));
  dial('ssh', rtsp(await listen(speaksSsh)));
  dial('flood', rtsp(await listen(floods)));
  dial('nothing', rtsp(await listen(describesNothing)));
  dial('missing-file', { type: 'file', path: path.join(CLIPS, 'nowhere.mp4') });
  dial('not-media', { type: 'file', path: import.meta.filename });
  dial('mjpeg-file', { type: 'file', path: path.join(CLIPS, 'mjpeg.mov') });
  [open, locked] = await Promise.all([
    startCamera({ only: ['main', 'mjpeg', 'sound-only'] }),
    startCamera({ only: ['main'], user: 'viewer', password: PASSWORD }),
  ]);
  dial('no-credentials', { type: 'rtsp', url: locked.url('main') });
  dial('wrong-password', { type: 'rtsp', url: locked.url('main'), username: 'viewer', password: 'guess-4711' });
  dial('no-such-path', { type: 'rtsp', url: open.url('nowhere') });
  dial('mjpeg', { type: 'rtsp', url: open.url('mjpeg') });
  dial('sound-only', { type: 'rtsp', url: open.url('sound-only') });
});

afterAll(async () => {
  await Promise.allSettled(refusals.values());
  await Promise.all([open?.stop(), locked?.stop(), ...impostors.map((one) => one.close())]);
  folder.remove();
});

type Case = [name: string, kind: string, message: RegExp];

async function expectRefusal([name, kind, message]: Case): Promise<void> {
  const { first, capture } = await refusals.get(name)!;
  expect(first).toMatchObject({ state: 'offline', errorKind: kind, message: expect.stringMatching(message) });
  expect(first['retryMs']).toBeGreaterThan(0);
  expect(cameraChanges(capture)).toEqual(['offline']);
  expect(capture.messages.filter((m) => m.type === 'ready')).toHaveLength(1);
  expect((await capture.exited).code).toBe(0);
}

test.each<Case>([
  ['refused', 'unavailable', /127\.0\.0\.1:1\/main refuses the connection/],
  ['unknown-host', 'unavailable', /host of nowhere\.invalid\/main is not known/],
  ['silent', 'timeout', /did not answer within 1\.5 s/],
  ['hangs-up', 'unavailable', /has closed the connection/],
  ['ssh', 'invalid', /answers, but not in RTSP/],
  ['flood', 'invalid', /answers, but not in RTSP/],
  ['nothing', 'unsupported', /has no video/],
  ['missing-file', 'notFound', /There is no file .*nowhere\.mp4/],
  ['not-media', 'unsupported', /gives nothing that can be read as video/],
  ['mjpeg-file', 'unsupported', /sends MJPEG video; only H\.264 and H\.265 can be carried/],
])('%s: one message of kind %s, and another try', async (...given) => {
  await expectRefusal(given);
});

describe('a real RTSP camera', () => {
  test.each<Case>([
    ['no-credentials', 'unauthorised', /asks for a user name and a password, and none is given/],
    ['wrong-password', 'unauthorised', /does not accept this user name and password/],
    ['no-such-path', 'notFound', /nowhere does not exist/],
    ['mjpeg', 'unsupported', /sends MJPEG video/],
    ['sound-only', 'unsupported', /has no video, only sound \(G\.711 µ-law\)/],
  ])('%s: one message of kind %s, and another try', async (...given) => {
    await expectRefusal(given);
  });
});

describe('a configuration that can never work', () => {
  test.each([
    ['another scheme', { type: 'rtsp', url: 'http://camera/main' }, /must begin with rtsp/],
    [
      'a password RTSP cannot carry',
      { type: 'rtsp', url: 'rtsp://camera/x', username: 'u', password: 'x'.repeat(200) },
      /too long/,
    ],
  ])('%s is refused at once', async (name, source, message) => {
    const ringPath = path.join(folder.path, `${name}.ring`);
    const capture = startRunner(captureConfig(source, ringPath), ringPath);
    expect(await capture.message((m) => m.type === 'failed')).toMatchObject({
      errorKind: 'invalid',
      message: expect.stringMatching(message),
    });
    await capture.stop();
  });
});
