/**
 * HTTP sources: a file, a live MPEG-TS, a live HLS playlist; and what cannot be had over HTTP.
 */
import path from 'node:path';
import { startClipServer, type ClipServer } from '../support/clip-server.ts';
import {
  RingTape,
  captureConfig,
  ringFolder,
  startRunner,
  type KeptRecord,
  type RunningCapture,
} from '../support/capture.ts';

const PASSWORD = 'p@ss:word/1';
const folder = ringFolder();
let server: ClipServer;
const captures: RunningCapture[] = [];

function start(name: string, source: object): { capture: RunningCapture; tape: RingTape } {
  const ringPath = path.join(folder.path, `${name}.ring`);
  const capture = startRunner(captureConfig({ type: 'http', ...source }, ringPath), ringPath);
  captures.push(capture);
  return { capture, tape: new RingTape(ringPath) };
}

const video = (records: readonly KeptRecord[]): KeptRecord[] => records.filter(({ track }) => track === 1);

beforeAll(async () => {
  server = await startClipServer(PASSWORD);
});

afterAll(async () => {
  await Promise.all(captures.map((capture) => capture.kill('SIGKILL')));
  await server.close();
  folder.remove();
});

test('an MP4 comes at its own pace, picture and sound, behind a password as well', async () => {
  const { capture, tape } = start('mp4', {
    url: server.url('/locked/main.mp4'),
    username: 'viewer',
    password: PASSWORD,
  });
  await tape.until((records) => video(records).length >= 50);
  await capture.stop();
  const pictures = video(tape.now());
  pictures.forEach((record, i) => expect(record.dts).toBe(pictures[0]!.dts + i * 3600));
  const took = pictures.at(-1)!.captureUs - pictures[0]!.captureUs;
  expect(took / 1e6).toBeGreaterThan(((pictures.length - 1) / 25) * 0.9);
  expect(tape.records.some(({ track }) => track === 2)).toBe(true);
  tape.close();
});

test('a live MPEG-TS is read as it comes, with its change of parameters', async () => {
  const { capture, tape } = start('ts', { url: server.url('/live.ts') });
  await tape.until((records) => new Set(records.map((r) => r.tableVersion)).size >= 2);
  await capture.stop();
  const pictures = video(tape.now());
  pictures.forEach((record, i) => expect(record.dts).toBe(pictures[0]!.dts + i * 3600));
  tape.close();
});

test('a live HLS playlist comes picture by picture, not segment by segment', async () => {
  const { capture, tape } = start('hls', { url: server.url('/hls/live.m3u8') });
  await tape.until((records) => video(records).length >= 50);
  await capture.stop();
  const pictures = video(tape.now());
  const took = pictures.at(-1)!.captureUs - pictures[0]!.captureUs;
  expect(took / 1e6).toBeGreaterThan(((pictures.length - 1) / 25) * 0.9);
  tape.close();
});

test.each([
  ['mjpeg', '/mjpeg', 'unsupported', /sends MJPEG video; only H\.264 and H\.265 can be carried/],
  ['missing', '/nowhere.mp4', 'notFound', /nowhere\.mp4 does not exist/],
  ['locked', '/locked/main.mp4', 'unauthorised', /asks for a user name and a password/],
  ['text', '/text', 'unsupported', /gives nothing that can be read as video/],
  ['broken', '/500', 'unavailable', /answers with an error of its own/],
])('%s at %s: %s', async (name, url, kind, message) => {
  const { capture } = start(name, { url: server.url(url) });
  const first = await capture.message((m) => m.type === 'camera' && m['state'] !== 'connecting');
  await capture.stop();
  expect(first).toMatchObject({ state: 'offline', errorKind: kind, message: expect.stringMatching(message) });
});
