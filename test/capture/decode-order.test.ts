import * as fc from 'fast-check';
import { DecodeOrder } from '../../daemon/capture/decode-order.ts';

type Stamps = { pts: number; dts: number };
const TIMESCALE = 90_000;
const FRAME = 3600;

/** What becomes of pictures whose timestamps, in decoding order, are given in frames. */
function order(framesSaid: readonly (number | undefined)[], fps = 25): Stamps[] {
  const decodeOrder = new DecodeOrder<number>(TIMESCALE, fps);
  return framesSaid.flatMap((frame, i) =>
    decodeOrder
      .push(i, frame === undefined ? undefined : frame * FRAME, 0)
      .map(({ pts, dts }) => ({ pts: pts / FRAME, dts: dts / FRAME })),
  );
}

test('without reordering a picture is decoded when it is shown', () => {
  expect(order([10, 11, 12, 13])).toEqual([10, 11, 12, 13].map((n) => ({ pts: n, dts: n })));
});

test('the keyframe whose timestamp the parser loses is reckoned back from what follows', () => {
  expect(order([undefined, 1, 2, 3])[0]).toEqual({ pts: 0, dts: 0 });
  expect(order([undefined, 4, 2, 1, 3])[0]).toEqual({ pts: 0, dts: -2 });
});

test('the first picture waits for no more than the two that show how the stream goes on', () => {
  const decodeOrder = new DecodeOrder<string>(TIMESCALE, 25);
  expect(decodeOrder.push('I', undefined, 0)).toEqual([]);
  expect(decodeOrder.push('P', FRAME, 0)).toEqual([]);
  expect(decodeOrder.push('P', 2 * FRAME, 0)).toHaveLength(3);
  expect(decodeOrder.push('P', 3 * FRAME, 0)).toHaveLength(1);
});

test('B-frames with a pyramid are decoded two pictures ahead, from the first one on', () => {
  expect(order([0, 4, 2, 1, 3, 8, 6, 5, 7])).toEqual(
    [0, 4, 2, 1, 3, 8, 6, 5, 7].map((pts, i) => ({ pts, dts: i - 2 })),
  );
});

test('B-frames that begin later misplace the pictures until the depth is known, and lose none', () => {
  const placed = order([0, 1, 2, 3, 6, 4, 5, 9, 7, 8, 12, 10, 11]);
  expect(placed).toHaveLength(13);
  expect(placed.slice(-4)).toEqual([
    { pts: 8, dts: 8 },
    { pts: 12, dts: 9 },
    { pts: 10, dts: 10 },
    { pts: 11, dts: 11 },
  ]);
});

test('a picture without a timestamp in the middle follows the one before', () => {
  expect(order([0, 1, 2, undefined, 4]).map(({ pts }) => pts)).toEqual([0, 1, 2, 3, 4]);
});

test('the distance of pictures is measured when nobody announces it', () => {
  expect(order([undefined, 2, 4, 6, 8], 0).map(({ pts }) => pts)).toEqual([0, 2, 4, 6, 8]);
});

test('a camera that sets its clock back is followed at once', () => {
  expect(order([1000, 1001, 1002, 3, 4]).slice(3)).toEqual([
    { pts: 3, dts: 3 },
    { pts: 4, dts: 4 },
  ]);
});

/** A stream with up to `depth` B-frames between references, in decoding order. */
const reordered = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 30 })).map(([depth, groups]) => {
  const frames = [0];
  for (let group = 0; group < groups; group++) {
    const first = group * (depth + 1) + 1;
    frames.push(first + depth);
    for (let b = 0; b < depth; b++) frames.push(first + b);
  }
  return frames;
});

test('whatever the depth: decoding timestamps increase, never lie behind presentation, and no presentation timestamp is changed', () => {
  fc.assert(
    fc.property(reordered, fc.boolean(), (frames, loseFirst) => {
      const placed = order(loseFirst ? [undefined, ...frames.slice(1)] : frames);
      expect(placed.length === 0 || placed.length === frames.length).toBe(true);
      placed.forEach(({ pts, dts }, i) => {
        expect(pts).toBe(frames[i]);
        expect(dts).toBeLessThanOrEqual(pts);
        if (i > 0) expect(dts).toBeGreaterThan(placed[i - 1]!.dts);
      });
    }),
  );
});

test('arbitrary timestamps never break the order of decoding within a run', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 4, maxLength: 60 }), (frames) => {
      const placed = order(frames);
      placed.forEach(({ pts, dts }, i) => {
        expect(pts).toBeGreaterThanOrEqual(dts);
        if (i > 0) expect(dts).toBeGreaterThan(placed[i - 1]!.dts);
      });
    }),
  );
});
