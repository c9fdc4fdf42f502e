import { normaliseAccessUnit } from '../../runtime/media/access-unit.ts';
import { parseAvcConfig } from '../../runtime/media/avc-config.ts';
import { parseHevcConfig } from '../../runtime/media/hevc-config.ts';
import { joinAnnexB, joinLengthPrefixed, splitLengthPrefixed } from '../../runtime/media/nal.ts';
import { damaged, expectResultOrCorrupt, noise } from './arbitrary.ts';
import { videoTrack } from './clips.ts';

const types = (nals: readonly Uint8Array[], codec: 'h264' | 'h265'): number[] =>
  nals.map((nal) => (codec === 'h264' ? (nal[0] ?? 0) & 31 : ((nal[0] ?? 0) >> 1) & 63));
const join = (pieces: readonly Uint8Array[]): Buffer => Buffer.concat(pieces);

test('delimiters, fillers and parameter sets do not travel; the pictures come out byte for byte', () => {
  const sps = Uint8Array.of(0x67, 1, 2, 3);
  const pps = Uint8Array.of(0x68, 4);
  const idr = Uint8Array.of(0x65, 5, 6);
  const sei = Uint8Array.of(0x06, 5, 1, 0x80);
  const unit = joinAnnexB([Uint8Array.of(0x09, 0xf0), sps, pps, sei, idr, Uint8Array.of(0x0c, 0xff, 0x80)]);
  const normal = normaliseAccessUnit('h264', unit, 'annexb');
  expect(normal.key).toBe(true);
  expect(normal.parameterSets.map((nal) => [...nal])).toEqual([[...sps], [...pps]]);
  expect(join(normal.payload)).toEqual(Buffer.from(joinLengthPrefixed([sei, idr])));
});

test('the same unit gives the same result in either form and with lengths of two bytes', () => {
  const nals = [Uint8Array.of(0x67, 9), Uint8Array.of(0x41, 5, 6, 7)];
  const short = Buffer.concat(nals.map((nal) => Buffer.from([0, nal.length, ...nal])));
  const results = [
    normaliseAccessUnit('h264', joinAnnexB(nals), 'annexb'),
    normaliseAccessUnit('h264', joinLengthPrefixed(nals), 'lengthPrefixed'),
    normaliseAccessUnit('h264', short, 'lengthPrefixed', 2),
  ];
  for (const result of results) {
    expect(result.key).toBe(false);
    expect(join(result.payload)).toEqual(Buffer.from([0, 0, 0, 4, 0x41, 5, 6, 7]));
    expect(result.parameterSets.map((nal) => [...nal])).toEqual([[0x67, 9]]);
  }
});

test('a unit without a picture has no payload, but its parameter sets are reported', () => {
  const normal = normaliseAccessUnit('h264', joinAnnexB([Uint8Array.of(0x67, 1), Uint8Array.of(0x06, 1)]), 'annexb');
  expect(normal.payload).toEqual([]);
  expect(normal.parameterSets.length).toBe(1);
});

test.each([
  ['main.mp4', 'h264'],
  ['bframes.mp4', 'h264'],
  ['h265.mp4', 'h265'],
] as const)('every packet of %s keeps its pictures and its keyframe flag', (name, codec) => {
  const track = videoTrack(name);
  const sets = (codec === 'h264' ? parseAvcConfig(track.config) : parseHevcConfig(track.config)).parameterSets;
  for (const packet of track.packets) {
    const asCameraSends = joinAnnexB([...sets, ...splitLengthPrefixed(packet.data)]);
    const normal = normaliseAccessUnit(codec, asCameraSends, 'annexb');
    expect(normal.key).toBe(packet.key);
    const kept = types(splitLengthPrefixed(join(normal.payload)), codec);
    const pictures = (all: number[]): number[] =>
      all.filter((type) => (codec === 'h264' ? type >= 1 && type <= 5 : type < 32));
    expect(pictures(kept)).toEqual(pictures(types(splitLengthPrefixed(packet.data), codec)));
    expect(kept.some((type) => (codec === 'h264' ? [7, 8, 9, 12] : [32, 33, 34, 35, 38]).includes(type))).toBe(false);
  }
});

test('an H.265 stream can be joined at clean random access and broken link pictures, not only at IDR', () => {
  for (const type of [16, 19, 20, 21]) {
    expect(normaliseAccessUnit('h265', joinAnnexB([Uint8Array.of(type << 1, 1, 9)]), 'annexb').key).toBe(true);
  }
  expect(normaliseAccessUnit('h265', joinAnnexB([Uint8Array.of(1 << 1, 1, 9)]), 'annexb').key).toBe(false);
});

test('hostile access units never fail other than as corrupt', () => {
  const good = Uint8Array.from(videoTrack('sub.mp4').packets[1]?.data.subarray(0, 400) ?? []);
  for (const codec of ['h264', 'h265'] as const) {
    for (const input of [noise, damaged(good)]) {
      expectResultOrCorrupt(input, (bytes) => normaliseAccessUnit(codec, bytes, 'annexb'));
      expectResultOrCorrupt(input, (bytes) => normaliseAccessUnit(codec, bytes, 'lengthPrefixed'));
    }
  }
});
