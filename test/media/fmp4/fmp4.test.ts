import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { FRAGMENT_OVERHEAD_BYTES, writeFragment } from '../../../runtime/media/fmp4/fragment.ts';
import { initSegment } from '../../../runtime/media/fmp4/init-segment.ts';
import type { Track } from '../../../runtime/media/track.ts';
import { type Probe, ffprobe } from '../../support/ffprobe.ts';
import { readMp4Clip } from '../../support/mp4-clip.ts';
import { fragments, readClip } from '../../support/clip-stream.ts';

function probeClip(name: string, startsAt?: ReadonlyMap<number, number>): Probe {
  const { tracks, packets } = readClip(name);
  return ffprobe(Buffer.concat([initSegment(tracks, startsAt), ...fragments(packets)]));
}

test.each([
  [
    'main.mp4',
    {
      codec_name: 'h264',
      codec_tag_string: 'avc1',
      width: 640,
      height: 360,
      r_frame_rate: '25/1',
      nb_read_frames: '300',
    },
  ],
  ['bframes.mp4', { codec_name: 'h264', codec_tag_string: 'avc1', width: 320, height: 180, nb_read_frames: '300' }],
  ['sub.mp4', { codec_name: 'h264', r_frame_rate: '15/1', nb_read_frames: '150' }],
  ['h265.mp4', { codec_name: 'hevc', codec_tag_string: 'hvc1', width: 320, height: 180, nb_read_frames: '300' }],
])(
  'ffprobe decodes every picture of %s, with its codec, size and rate, and has nothing to complain of',
  (name, expected) => {
    const probe = probeClip(name);
    expect(probe.streams[0]).toMatchObject(expected);
    expect(probe.complaints).toBe('');
  },
);

test('ffprobe decodes the sound', () => {
  const sound = probeClip('main.mp4').streams[1];
  const { packets } = readClip('main.mp4');
  const sent = packets.filter(({ track }) => track.kind === 'audio').length;
  expect(sound).toMatchObject({ codec_name: 'aac', profile: 'LC', sample_rate: '48000', channels: 1 });
  expect(sound?.nb_read_packets).toBe(String(sent));
});

test.each(['main.mp4', 'bframes.mp4', 'h265.mp4'])('presentation times of %s are exact to the tick', (name) => {
  const { packets } = readClip(name);
  const probe = probeClip(name);
  for (const stream of [0, 1]) {
    const expected = packets
      .filter(({ track }) => track.id === stream + 1)
      .map((packet) => packet.pts / packet.track.timescale);
    const seen = probe.packets
      .filter((packet) => packet.stream_index === stream)
      .map((packet) => Number(packet.pts_time));
    expect(seen.length).toBe(expected.length);
    for (const [i, time] of seen.entries()) expect(time).toBeCloseTo(expected[i] ?? Number.NaN, 4);
  }
});

test('an edit list makes presentation begin at zero, wherever the clock stands', () => {
  const shift = 5 * 86_400;
  const { tracks, packets } = readClip('main.mp4');
  const late = packets.map((packet) => ({
    ...packet,
    pts: packet.pts + shift * packet.track.timescale,
    dts: packet.dts + shift * packet.track.timescale,
  }));
  const startsAt = new Map(tracks.map((track) => [track.id, (1000 + shift) * track.timescale]));
  const plain = ffprobe(Buffer.concat([initSegment(tracks), ...fragments(late)]));
  expect(Number(plain.format.start_time)).toBeGreaterThan(shift - 1);
  const edited = ffprobe(Buffer.concat([initSegment(tracks, startsAt), ...fragments(late)]));
  expect(Math.abs(Number(edited.format.start_time))).toBeLessThan(0.1);
});

test('pixels that are not square are announced', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-fmp4-'));
  try {
    const file = path.join(folder, 'anamorphic.mp4');
    execFileSync('ffmpeg', [
      '-v',
      'error',
      '-f',
      'lavfi',
      '-i',
      'testsrc2=s=352x288:r=5',
      '-frames:v',
      '2',
      '-vf',
      'setsar=12/11',
      '-c:v',
      'libx264',
      file,
    ]);
    const [source] = readMp4Clip(file);
    if (!source) throw new Error('no track');
    const track: Track = {
      kind: 'video', id: 1, codec: 'h264', codecString: '', width: source.width, height: source.height, fps: 5,
      timescale: source.timescale, config: new Uint8Array(source.config),
    }; // prettier-ignore
    const packets = source.packets.map((packet) => ({ ...packet, track, discontinuity: false }));
    const init = Buffer.from(initSegment([track]));
    const [probed] = ffprobe(Buffer.concat([init, ...fragments(packets)])).streams;
    expect(probed).toMatchObject({ sample_aspect_ratio: '12:11' });
    const pasp = init.indexOf('pasp');
    expect([init.readUInt32BE(pasp + 4), init.readUInt32BE(pasp + 8)]).toEqual([12, 11]);
    const tkhd = init.indexOf('tkhd');
    expect(init.readUInt32BE(tkhd + 4 + 76) >> 16).toBe(384);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the bytes of a fragment are these', () => {
  const fragment = writeFragment(
    7,
    { track: 2, decodeTime: 2 ** 32 + 5, duration: 3600, compositionOffset: 1800, sync: true },
    Uint8Array.of(1, 2, 3),
  );
  const golden = `
    00000068 6d6f6f66
      00000010 6d666864 00000000 00000007
      00000050 74726166
        00000010 74666864 00020000 00000002
        00000014 74666474 01000000 00000001 00000005
        00000024 7472756e 00000f01 00000001 00000070 00000e10 00000003 02000000 00000708
    0000000b 6d646174 010203`;
  expect(fragment.toString('hex')).toBe(golden.replaceAll(/\s/g, ''));
  expect(fragment.length).toBe(FRAGMENT_OVERHEAD_BYTES + 3);
});
