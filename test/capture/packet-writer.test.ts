/**
 * What becomes of streams whose description no ring takes: the picture goes on without such sound, and a picture that cannot be described is
 * refused in words.
 */
import path from 'node:path';
import { Losses } from '../../daemon/capture/losses.ts';
import type { SourceAudio, SourcePacket, SourceVideo } from '../../daemon/capture/media-source.ts';
import { PacketWriter } from '../../daemon/capture/packet-writer.ts';
import { openAacLane } from '../../daemon/capture/sound/aac-lane.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { StreamTable } from '../../runtime/media/track.ts';
import { readExtradata, videoConfigFromParameterSets } from '../../runtime/media/video-config.ts';
import { RingWriter } from '../../runtime/ring/writer.ts';
import { RingTape, ringFolder } from '../support/capture.ts';
import { readMp4Clip } from '../support/mp4-clip.ts';

const clip = readMp4Clip(path.resolve(import.meta.dirname, '../clips/sub.mp4'))[0]!;
const folder = ringFolder();
afterAll(() => folder.remove());

const video: SourceVideo = { kind: 'video', codec: 'h264', timescale: clip.timescale, extradata: clip.config, fps: 0 };

/** An AudioSpecificConfig of AAC-LC at 48 kHz with a program config element: front, side and back pairs, and low frequency channels. */
function programConfig(pairs: readonly [number, number, number], lfe: number): Uint8Array {
  const binary = (value: number, bits: number): string => value.toString(2).padStart(bits, '0');
  const counts = pairs.map((count) => binary(count, 4)).join('');
  const elements = '10000'.repeat(pairs[0] + pairs[1] + pairs[2]);
  const bits = `${binary(2, 5)}${binary(3, 4)}${'0'.repeat(4 + 3 + 10)}${counts}${binary(lfe, 2)}`;
  const all = `${bits}${'0'.repeat(7 + 3)}${elements}${'0'.repeat(64)}`;
  return Uint8Array.from(all.match(/.{8}/g)!, (byte) => Number.parseInt(byte, 2));
}

const soundOf = (config: Uint8Array): SourceAudio => ({
  kind: 'audio',
  timescale: 48_000,
  config,
  transcodedFrom: undefined,
});

function picture(at: number, extradata?: Uint8Array): SourcePacket {
  const { data, key, pts, dts, duration } = clip.packets[at]!;
  return { track: 0, key, pts, dts, duration, bytes: data, extradata, captureUs: (dts / clip.timescale) * 1e6 };
}

const unit = (pts: number): SourcePacket => ({
  track: 1,
  key: true,
  pts,
  dts: pts,
  duration: 1024,
  bytes: Uint8Array.of(1, 2, 3),
  extradata: undefined,
  captureUs: pts,
});

function open(name: string): { writer: PacketWriter; tape: RingTape; tables: StreamTable[]; close: () => void } {
  const ringPath = path.join(folder.path, `${name}.ring`);
  const ring = RingWriter.open({ path: ringPath, dataBytes: 4 << 20, slots: 1024 });
  const tables: StreamTable[] = [];
  const tape = new RingTape(ringPath);
  const writer = new PacketWriter({
    ring,
    afterUs: 0,
    losses: new Losses(systemClock, () => {}),
    onRecord: () => {},
    onTable: (table) => tables.push(table),
    onFps: () => {},
  });
  return { writer, tape, tables, close: () => (tape.close(), ring.close()) };
}

test.each([
  ['more channels than a table can say', programConfig([15, 15, 15], 3)],
  ['parameters that are larger than a table', Buffer.concat([Uint8Array.of(0x11, 0x90), Buffer.alloc(9000)])],
])('a picture goes on without sound that has %s', (name, config) => {
  const { writer, tape, tables, close } = open(name);
  writer.begin({ tracks: [video, soundOf(config)], leftOut: ['Something else.'] });
  for (let i = 0; i < 5; i++) {
    expect(writer.write(picture(i))).toBe(1);
    expect(writer.write(unit(i * 1024))).toBe(0);
  }
  expect(tape.now().map(({ track }) => track)).toEqual([1, 1, 1, 1, 1]);
  expect(tables).toHaveLength(1);
  expect(tape.table(tape.records[0]!)).toEqual(tables[0]);
  expect(tables[0]!.tracks.map(({ kind }) => kind)).toEqual(['video']);
  expect(tables[0]!.leftOut).toEqual(['Something else.', expect.stringMatching(/^The sound is left out: /)]);
  close();
});

test('a picture that no table can describe is refused in words, at every keyframe, and nothing of it is in the ring', () => {
  const { writer, tape, tables, close } = open('large');
  const sets = readExtradata('h264', clip.config).parameterSets;
  // Parameter sets may have any length: this one has 9000 bytes behind its end.
  const large = sets.map((set) => Buffer.concat([set, Buffer.alloc(9000, 0x55)]));
  const { config } = videoConfigFromParameterSets('h264', large);
  writer.begin({ tracks: [{ ...video, extradata: config }], leftOut: [] });
  for (let i = 0; i < 2; i++) {
    expect(() => writer.write(picture(0))).toThrow(expect.objectContaining({ kind: 'unsupported' }));
  }
  expect(tape.now()).toEqual([]);
  expect(tables).toEqual([]);
  close();
});

test('AAC of more than eight channels is refused with their number, and 7.1 is carried', () => {
  expect(() => openAacLane(programConfig([15, 15, 15], 3))).toThrow(
    expect.objectContaining({ kind: 'unsupported', message: expect.stringContaining('93 channels') }),
  );
  expect(openAacLane(programConfig([1, 1, 1], 2)).track()).toMatchObject({ timescale: 48_000 });
});
