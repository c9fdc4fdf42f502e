/**
 * A camera's password is nowhere to be seen: not in the process table, not in its environment, not in the log, not in a message, whatever happens.
 */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { startCamera, type Camera } from '../support/camera.ts';
import { captureConfig, ringFolder, startRunner, type RunningCapture } from '../support/capture.ts';
import { impostor, silent, type Impostor } from '../support/impostor.ts';

/** One that changes its looks when it is encoded. */
const PASSWORD = 'Tr@ulein/4711%';
const FORMS = [PASSWORD, encodeURIComponent(PASSWORD), Buffer.from(`viewer:${PASSWORD}`).toString('base64')];

const folder = ringFolder();
let camera: Camera | undefined;
let wall: Impostor;
const captures: RunningCapture[] = [];

async function run(name: string, source: object): Promise<RunningCapture> {
  const ringPath = path.join(folder.path, `${name}.ring`);
  const capture = startRunner(captureConfig(source, ringPath, { connectTimeoutMs: 1000 }), ringPath);
  captures.push(capture);
  await capture.message((m) => m.type === 'camera' && m['state'] !== 'connecting');
  return capture;
}

/** What anybody on the machine, or any reader of its log and events, gets to see. */
function everythingVisible(capture: RunningCapture): string {
  const proc = path.join('/proc', String(capture.pid));
  const ofProcess = ['cmdline', 'environ', 'comm'].map((file) => readFileSync(path.join(proc, file), 'latin1'));
  const files = readdirSync(folder.path, { withFileTypes: true }).filter((entry) => entry.isFile());
  const ring = files.map(({ name }) => readFileSync(path.join(folder.path, name), 'latin1'));
  return [...ofProcess, ...ring, JSON.stringify(capture.messages), capture.output()].join('\n');
}

function expectNoSecret(text: string): void {
  for (const form of FORMS) expect(text).not.toContain(form);
}

const withFields = (): object => ({
  type: 'rtsp',
  url: camera!.url('sub'),
  username: 'viewer',
  password: PASSWORD,
});

beforeAll(async () => {
  wall = await impostor(silent);
  camera = await startCamera({ only: ['sub'], user: 'viewer', password: PASSWORD });
});

afterAll(async () => {
  await Promise.all(captures.map((capture) => capture.kill('SIGKILL')));
  await camera?.stop();
  await wall.close();
  folder.remove();
});

(process.platform === 'linux' ? describe : describe.skip)('against a real camera that asks for a password', () => {
  test('digest authentication succeeds and leaves no trace of the password', async () => {
    const capture = await run('accepted', withFields());
    expect(capture.messages.at(-1) ?? {}).not.toMatchObject({ type: 'failed' });
    expect(capture.messages.some((m) => m['state'] === 'online')).toBe(true);
    expectNoSecret(everythingVisible(capture));
    await capture.stop();
    expectNoSecret(capture.output());
  });

  test('a password inside the address works, and is not shown with the address', async () => {
    const url = camera!.url('sub').replace('//', `//viewer:${encodeURIComponent(PASSWORD)}@`);
    const capture = await run('in-url', { type: 'rtsp', url });
    expect(capture.messages.some((m) => m['state'] === 'online')).toBe(true);
    expectNoSecret(everythingVisible(capture));
    await capture.stop();
  });

  test('a wrong password is not quoted in the refusal, nor in what FFmpeg says at level debug', async () => {
    const url = camera!.url('nowhere');
    const capture = await run('wrong', { type: 'rtsp', url, username: 'stranger', password: PASSWORD });
    // FFmpeg's own lines come up to a second late.
    await capture.message((m) => m.type === 'camera' && m['state'] === 'connecting' && m['message'] !== null);
    await capture.stop();
    expect(capture.output()).toContain('FFmpeg says');
    expectNoSecret(capture.output() + JSON.stringify(capture.messages));
  });
});

test('a camera that never answers does not bring the password to light either', async () => {
  const url = `rtsp://viewer:${encodeURIComponent(PASSWORD)}@127.0.0.1:${wall.port}/x`;
  const capture = await run('silent', { type: 'rtsp', url });
  await capture.stop();
  expectNoSecret(capture.output() + JSON.stringify(capture.messages));
});
