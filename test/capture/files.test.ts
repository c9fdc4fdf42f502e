/**
 * A file played as a camera: at its own pace, over and over, without a seam; and the built-in test camera, whose clock is right.
 */
import path from 'node:path';
import {
  cameraChanges,
  RingTape,
  captureConfig,
  ringFolder,
  startRunner,
  type KeptRecord,
  type RunningCapture,
} from '../support/capture.ts';
import { decodeAac } from '../support/decode-aac.ts';
import { readMp4Clip } from '../support/mp4-clip.ts';

const CLIPS = path.resolve(import.meta.dirname, '../clips');
const TEST_CAMERA = path.resolve(import.meta.dirname, '../../daemon/capture/assets/test-camera.mp4');

type Records = readonly KeptRecord[];
type Recording = { readonly capture: RunningCapture; readonly tape: RingTape };

const folder = ringFolder();
const recordings = new Map<string, Promise<Recording>>();

const video = (records: Records): KeptRecord[] => records.filter(({ track }) => track === 1);
const sound = (records: Records): KeptRecord[] => records.filter(({ track }) => track === 2);

function start(name: string, source: object, until: (records: Records) => boolean): void {
  const ringPath = path.join(folder.path, `${name}.ring`);
  const capture = startRunner(captureConfig(source, ringPath), ringPath);
  const tape = new RingTape(ringPath);
  const recording = (async () => {
    try {
      await tape.until(until, 40_000);
    } finally {
      await capture.stop();
    }
    return { capture, tape };
  })();
  recording.catch(() => {}); // its test says so
  recordings.set(name, recording);
}

const taped = async (name: string): Promise<Recording> => recordings.get(name)!;

beforeAll(() => {
  start('test', { type: 'test' }, (records) => video(records).length >= 45);
  // Ten seconds and a little more.
  start('g711', { type: 'file', path: path.join(CLIPS, 'g711.mov') }, (records) => video(records).length >= 165);
  start(
    'changing',
    { type: 'file', path: path.join(CLIPS, 'changing.mpegts') },
    (records) => video(records).length >= 215,
  );
  start('bframes', { type: 'file', path: path.join(CLIPS, 'bframes.mp4') }, (records) => video(records).length >= 310);
});

afterAll(async () => {
  await Promise.allSettled(recordings.values());
  for (const recording of recordings.values()) (await recording).tape.close();
  folder.remove();
});

test.each([
  ['changing', 200, 3600],
  ['bframes', 300, 3600],
  ['g711', 150, 6000],
])('%s goes on over the loop point as if it were endless', async (name, clipLength, frameTicks) => {
  const { tape, capture } = await taped(name);
  const pictures = video(tape.now());
  expect(pictures.length).toBeGreaterThan(clipLength);
  pictures.forEach((record, i) => {
    expect(record.dts).toBe(pictures[0]!.dts + i * frameTicks);
    expect(record.discontinuity).toBe(i === 0);
  });
  expect(pictures[clipLength]!.key).toBe(true);
  expect(pictures[clipLength]!.payload.equals(pictures[0]!.payload)).toBe(true);
  expect(cameraChanges(capture)).toEqual(['online']);
});

test('pictures with B-frames are shown in the order of the clip', async () => {
  const { tape } = await taped('bframes');
  const pictures = video(tape.now());
  const clip = readMp4Clip(path.join(CLIPS, 'bframes.mp4'))[0]!;
  pictures.slice(0, clip.packets.length).forEach((record, i) => {
    const shift = (clip.packets[i]!.pts - clip.packets[i]!.dts) * (90_000 / clip.timescale);
    expect(record.pts - record.dts).toBe(shift);
  });
});

test('transcoded sound goes on over the loop point: every access unit follows the one before', async () => {
  const { tape } = await taped('g711');
  const units = sound(tape.now());
  units.forEach((record, i) => expect(record.pts).toBe(units[0]!.pts + i * 1024));
  const pictures = video(tape.now());
  const atEnd = units.at(-1)!.pts / 16_000 - pictures.at(-1)!.pts / 90_000;
  const atStart = units[0]!.pts / 16_000 - pictures[0]!.pts / 90_000;
  // It begins one access unit early (the encoder's start) and ends within the last packet of the clip.
  expect(Math.abs(atEnd - atStart)).toBeLessThan(0.3);
});

test('transcoded sound stands where it stood in the clip, to a few samples: its beep of each second at that second', async () => {
  const { tape } = await taped('g711');
  const units = sound(tape.now());
  const samples = decodeAac(
    units.map(({ payload }) => payload),
    16_000,
  );
  const start = units[0]!.pts / 16_000 - video(tape.records)[0]!.pts / 90_000;
  const beeps: number[] = [];
  samples.forEach((sample, i) => {
    const seconds = start + i / 16_000;
    if (Math.abs(sample) > 1500 && seconds - (beeps.at(-1) ?? -1) > 0.5) beeps.push(seconds);
  });
  expect(beeps.length).toBeGreaterThan(8);
  for (const seconds of beeps) expect(Math.abs(seconds - Math.round(seconds))).toBeLessThan(0.005);
});

test('a stream table that changes in the middle of a clip changes back with the next round', async () => {
  const { tape } = await taped('changing');
  const widths = video(tape.now())
    .map((record) => tape.table(record).tracks[0])
    .map((track) => (track?.kind === 'video' ? track.width : 0));
  expect(widths.slice(0, 205)).toEqual([...Array(100).fill(320), ...Array(100).fill(480), ...Array(5).fill(320)]);
});

test('packets come at the pace of the clip and not faster', async () => {
  const { tape } = await taped('changing');
  const pictures = video(tape.now());
  const took = (pictures.at(-1)!.captureUs - pictures[0]!.captureUs) / 1e6;
  const lasts = (pictures.at(-1)!.dts - pictures[0]!.dts) / 90_000;
  expect(Math.abs(took - lasts)).toBeLessThan(0.05);
});

test('the test camera shows the second that it is', async () => {
  const { tape } = await taped('test');
  const [clip] = readMp4Clip(TEST_CAMERA);
  const wallMinusMonotonicMs = Date.now() - Number(process.hrtime.bigint() / 1_000_000n);
  for (const record of video(tape.now())) {
    const position = clip!.packets.findIndex(({ data }) => data.subarray(-64).equals(record.payload.subarray(-64)));
    expect(position).toBeGreaterThanOrEqual(0);
    const wallSeconds = ((record.captureUs / 1000 + wallMinusMonotonicMs) / 1000) % 60;
    const offBy = Math.abs(wallSeconds - position / 15);
    expect(Math.min(offBy, 60 - offBy)).toBeLessThan(0.25);
  }
});

test('the test camera is what its description says, with sound, and small enough to ship', async () => {
  const { capture } = await taped('test');
  const media = capture.messages.find((m) => m.type === 'media')!['media'];
  expect(media).toEqual({
    codec: 'h264',
    width: 640,
    height: 360,
    fps: 15,
    audio: { codec: 'aac', sampleRate: 32_000, channels: 1 },
    leftOut: [],
  });
  const [pictures] = readMp4Clip(TEST_CAMERA);
  expect(pictures!.packets).toHaveLength(900);
});
