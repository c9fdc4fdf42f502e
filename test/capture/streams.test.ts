/**
 * What arrives in the ring from a real RTSP server, compared byte by byte with the clip that the server plays.
 */
import path from 'node:path';
import { describeTable, type StreamTable, type VideoTrack } from '../../runtime/media/track.ts';
import { startCamera, type Camera } from '../support/camera.ts';
import {
  RingTape,
  captureConfig,
  ringFolder,
  startRunner,
  type KeptRecord,
  type RunningCapture,
} from '../support/capture.ts';
import { readMp4Clip, type ClipPacket } from '../support/mp4-clip.ts';

const CLIPS = path.resolve(import.meta.dirname, '../clips');
const VIDEO = 1;
const AUDIO = 2;

const folder = ringFolder();
let camera: Camera;

function atLeast(count: number, track = VIDEO): (records: Records) => boolean {
  return (records) => records.filter((record) => record.track === track).length >= count;
}

/** What is captured, and until when. All at once, because each takes seconds of real time. */
const RECORDINGS = {
  main: { mount: 'main', until: atLeast(60) },
  sub: { mount: 'sub', until: atLeast(20) },
  longgop: { mount: 'longgop', until: atLeast(60) },
  bframes: { mount: 'bframes', until: atLeast(60) },
  h265: { mount: 'h265', until: atLeast(60) },
  g711: { mount: 'g711', until: atLeast(45) },
  opus: { mount: 'opus', until: (records: Records) => atLeast(30)(records) && atLeast(60, AUDIO)(records) },
  changing: { mount: 'changing', until: (records: Records) => new Set(records.map((r) => r.tableVersion)).size >= 2 },
  udp: { mount: 'h265', transport: 'udp', until: atLeast(30) },
} as const;
type Name = keyof typeof RECORDINGS;

type Records = readonly KeptRecord[];
type Recording = { readonly capture: RunningCapture; readonly tape: RingTape };
const recordings = new Map<Name, Promise<Recording>>();

async function record(name: Name): Promise<Recording> {
  const { mount, until, ...more } = RECORDINGS[name];
  const ringPath = path.join(folder.path, `${name}.ring`);
  const capture = startRunner(captureConfig({ type: 'rtsp', url: camera.url(mount), ...more }, ringPath), ringPath);
  const tape = new RingTape(ringPath);
  try {
    await tape.until(until, 30_000);
  } finally {
    await capture.stop();
    tape.now();
    tape.close();
  }
  return { capture, tape };
}

const taped = async (name: Name): Promise<RingTape> => (await recordings.get(name)!).tape;

const ofTrack = (tape: RingTape, track: number): KeptRecord[] =>
  tape.records.filter((record) => record.track === track);
const tableOf = (tape: RingTape): StreamTable => tape.table(tape.records.at(-1)!);
const videoOf = (table: StreamTable): VideoTrack => table.tracks.find((track) => track.kind === 'video')!;

/** The NAL units of a clip's packet that travel: no delimiters, no parameter sets. Lengths of 4 bytes, as the clips of MP4 have them. */
function travelling(packet: ClipPacket, codec: 'h264' | 'h265'): Buffer {
  const kept: Buffer[] = [];
  for (let at = 0; at + 4 <= packet.data.length;) {
    const end = at + 4 + packet.data.readUInt32BE(at);
    const head = packet.data[at + 4]!;
    const stays = codec === 'h264' ? ![7, 8, 9].includes(head & 0x1f) : ![32, 33, 34, 35].includes((head >> 1) & 0x3f);
    if (stays) kept.push(packet.data.subarray(at, end));
    at = end;
  }
  return Buffer.concat(kept);
}

/** What must hold of every recording, whatever the camera. */
function expectSound(tape: RingTape): void {
  const { records } = tape;
  expect(tape.gaps).toEqual([]);
  expect(records.map(({ seq }) => seq)).toEqual(records.map((_, i) => i + 1));
  expect(records[0]).toMatchObject({ track: VIDEO, key: true, discontinuity: true });
  for (const track of [VIDEO, AUDIO]) {
    const own = ofTrack(tape, track);
    own.forEach((record, i) => {
      expect(record.pts).toBeGreaterThanOrEqual(record.dts);
      if (i > 0) expect(record.dts).toBeGreaterThan(own[i - 1]!.dts);
      expect(record.discontinuity).toBe(i === 0);
    });
  }
}

/** Every picture in the ring is the clip's, in the clip's order, over and over. A camera that plays for others already begins in the middle. */
function expectPicturesOf(tape: RingTape, clipName: string, codec: 'h264' | 'h265'): void {
  const clip = readMp4Clip(path.join(CLIPS, clipName))[0]!.packets;
  const pictures = ofTrack(tape, VIDEO);
  const start = clip.findIndex((packet) => travelling(packet, codec).equals(pictures[0]!.payload));
  expect(start).toBeGreaterThanOrEqual(0);
  pictures.forEach((record, i) => {
    const expected = clip[(start + i) % clip.length]!;
    expect(record.payload.equals(travelling(expected, codec))).toBe(true);
    expect(record.key).toBe(expected.key);
  });
}

beforeAll(async () => {
  camera = await startCamera();
  for (const name of Object.keys(RECORDINGS) as Name[]) {
    const recording = record(name);
    recording.catch(() => {}); // its test says so
    recordings.set(name, recording);
  }
});

afterAll(async () => {
  await Promise.allSettled(recordings.values());
  await camera?.stop();
  folder.remove();
});

describe('a real RTSP camera', () => {
  test('H.264 with AAC arrives byte for byte, at its own rate, with sound end to end', async () => {
    const tape = await taped('main');
    expectSound(tape);
    expectPicturesOf(tape, 'main.mp4', 'h264');
    expect(describeTable(tableOf(tape))).toEqual({
      codec: 'h264',
      width: 640,
      height: 360,
      fps: 25,
      audio: { codec: 'aac', sampleRate: 48_000, channels: 1 },
      leftOut: [],
    });
    expect(videoOf(tableOf(tape)).codecString).toBe('avc1.4d401e');
    expect(ofTrack(tape, VIDEO).filter(({ key }) => key)).toHaveLength(2);
    const sound = ofTrack(tape, AUDIO);
    sound.forEach((record, i) => expect(record.pts).toBe(sound[0]!.pts + i * 1024));
    // The clip's own sound, wherever in it the camera was when the first picture came.
    const clip = readMp4Clip(path.join(CLIPS, 'main.mp4'))[1]!.packets;
    const isAt = (start: number): boolean =>
      sound.slice(0, 60).every(({ payload }, i) => clip[start + i]?.data.equals(payload));
    expect(clip.some((_, start) => isAt(start))).toBe(true);
  });

  test('the first record is the first keyframe, whose timestamp the parser had lost', async () => {
    const tape = await taped('sub');
    expectSound(tape);
    expectPicturesOf(tape, 'sub.mp4', 'h264');
    const [first, second, third] = ofTrack(tape, VIDEO);
    expect(second!.pts - first!.pts).toBe(6000);
    // The server rounds 1/15 s to nanoseconds and back.
    expect(Math.abs(third!.pts - second!.pts - 6000)).toBeLessThanOrEqual(1);
  });

  test('a keyframe every ten seconds is enough: packets flow from the first one on', async () => {
    const tape = await taped('longgop');
    expectSound(tape);
    expectPicturesOf(tape, 'longgop.mp4', 'h264');
    expect(tape.records.filter(({ key }) => key)).toHaveLength(1);
  });

  test('pictures with B-frames keep their order of showing and get the clip’s order of decoding', async () => {
    const tape = await taped('bframes');
    expectSound(tape);
    expectPicturesOf(tape, 'bframes.mp4', 'h264');
    const clip = readMp4Clip(path.join(CLIPS, 'bframes.mp4'))[0]!;
    const [first] = tape.records;
    ofTrack(tape, VIDEO).forEach((record, i) => {
      const expected = clip.packets[i]!;
      expect(record.dts - first!.dts).toBe((expected.dts - clip.packets[0]!.dts) * (90_000 / clip.timescale));
      expect(record.pts - first!.pts).toBe((expected.pts - clip.packets[0]!.pts) * (90_000 / clip.timescale));
    });
  });

  test('H.265 arrives byte for byte with its parameters', async () => {
    const tape = await taped('h265');
    expectSound(tape);
    expectPicturesOf(tape, 'h265.mp4', 'h265');
    expect(describeTable(tableOf(tape))).toMatchObject({ codec: 'h265', width: 320, height: 180, fps: 25 });
    expect(videoOf(tableOf(tape)).codecString).toMatch(/^hvc1\.1\./);
  });

  test('G.711 becomes AAC that lasts as long as the sound it came from, and the picture does not wait for it', async () => {
    const tape = await taped('g711');
    expectSound(tape);
    expectPicturesOf(tape, 'g711.mov', 'h264');
    const audio = tableOf(tape).tracks[1];
    expect(audio).toMatchObject({ codec: 'aac', sampleRate: 16_000, channels: 1, transcodedFrom: 'pcm_alaw' });
    const sound = ofTrack(tape, AUDIO);
    sound.forEach((record, i) => expect(record.pts).toBe(sound[0]!.pts + i * 1024));
    const pictures = ofTrack(tape, VIDEO);
    const soundSeconds = (sound.at(-1)!.pts + 1024 - sound[0]!.pts) / 16_000;
    const pictureSeconds = (pictures.at(-1)!.pts + 6000 - pictures[0]!.pts) / 90_000;
    expect(Math.abs(soundSeconds - pictureSeconds)).toBeLessThan(0.4);
  });

  test('Opus becomes AAC as well', async () => {
    const tape = await taped('opus');
    expectSound(tape);
    expect(tableOf(tape).tracks[1]).toMatchObject({
      codec: 'aac',
      sampleRate: 48_000,
      channels: 2,
      transcodedFrom: 'opus',
    });
  });

  test('parameters that change in the middle take effect with the very keyframe that brings them', async () => {
    const tape = await taped('changing');
    expectSound(tape);
    const sizes = tape.records.map((record) => videoOf(tape.table(record)).width);
    const change = sizes.indexOf(480);
    expect(sizes.slice(0, change)).toEqual(Array(100).fill(320));
    expect(tape.records[change]).toMatchObject({ key: true });
    expect(videoOf(tape.table(tape.records[change]!)).height).toBe(270);
    const { capture } = await recordings.get('changing')!;
    expect(
      capture.messages.filter(({ type }) => type === 'media').map(({ media }) => (media as { width: number }).width),
    ).toEqual([320, 480]);
  });

  test('UDP brings the same pictures', async () => {
    const tape = await taped('udp');
    expectSound(tape);
    expectPicturesOf(tape, 'h265.mp4', 'h265');
  });
});
