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
    for (const [i, bytes] of fragments(packets).entries()) {
      const packet = packets[i];
      expect(readFragment(bytes, seen)).toEqual({
        track: packet?.track.id,
        seconds: expect.closeTo((packet?.pts ?? 0) / (packet?.track.timescale ?? 1), 3) as number,
        key: packet?.key,
      });
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
