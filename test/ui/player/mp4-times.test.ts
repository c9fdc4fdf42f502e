import * as fc from 'fast-check';
import { initSegment } from '../../../runtime/media/fmp4/init-segment.ts';
import { fragments, readClip } from '../../support/clip-stream.ts';
import { readFragment, readTracks } from '../../../ui/player/mp4-times.ts';

test.each(['main.mp4', 'bframes.mp4', 'h265.mp4'])(
  'tracks, times and keyframes of %s are read from what the daemon writes',
  (name) => {
    const { tracks, packets } = readClip(name);
    const seen = readTracks(initSegment(tracks));
    expect([...seen.entries()]).toEqual(tracks.map(({ id, kind, timescale }) => [id, { kind, timescale }]));
    const lasting = new Map<number, number>();
    for (const [i, bytes] of fragments(packets).entries()) {
      const packet = packets[i];
      expect(readFragment(bytes, seen)).toEqual({
        track: packet?.track.id,
        seconds: expect.closeTo((packet?.pts ?? 0) / (packet?.track.timescale ?? 1), 3) as number,
        durationSeconds: expect.any(Number) as number,
        key: packet?.key,
      });
      const { track = 0, durationSeconds = 0 } = readFragment(bytes, seen) ?? {};
      lasting.set(track, (lasting.get(track) ?? 0) + durationSeconds);
    }
    // All of them together last as long as the clip.
    for (const { id, timescale } of tracks) {
      const times = packets.filter(({ track }) => track.id === id).map(({ dts }) => dts / timescale);
      expect(Math.abs((lasting.get(id) ?? 0) - ((times.at(-1) ?? 0) - (times[0] ?? 0)))).toBeLessThan(0.1);
    }
  },
);

test('bytes that are no fragment are nothing, and do no harm', () => {
  const { tracks, packets } = readClip('main.mp4');
  const seen = readTracks(initSegment(tracks));
  const [good] = fragments(packets.slice(0, 1));
  expect(readFragment(initSegment(tracks), seen)).toBeUndefined();
  expect(readFragment(new Uint8Array(), seen)).toBeUndefined();
  const cut = fc.nat({ max: 103 });
  fc.assert(
    fc.property(cut, (length) =>
      expect(readFragment((good ?? Buffer.alloc(0)).subarray(0, length), seen)).toBeUndefined(),
    ),
  );
});
