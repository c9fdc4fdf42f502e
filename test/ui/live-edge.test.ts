import fc from 'fast-check';
import { adaptTarget, followLiveEdge, MAX_TARGET_S, MIN_TARGET_S, type Range } from '../../ui/player/live-edge.ts';

test('stays where it is while nothing is buffered', () => {
  expect(followLiveEdge(0, [], 0.3, 1)).toEqual({ type: 'stay' });
});

test('seeks to the live edge when the first range begins far from zero', () => {
  expect(followLiveEdge(0, [[5000, 5000.5]], 0.3, 1)).toEqual({ type: 'seek', toS: 5000.2 });
});

test('jumps over a gap into the newest range', () => {
  expect(
    followLiveEdge(
      10,
      [
        [8, 10.02],
        [14, 14.2],
      ],
      0.3,
      1,
    ),
  ).toEqual({ type: 'seek', toS: 14 });
});

test('seeks when it is too far behind to catch up by playing faster', () => {
  expect(followLiveEdge(10, [[0, 30]], 0.3, 1)).toEqual({ type: 'seek', toS: 29.7 });
});

test('plays a little faster when a little behind, and at its own pace again when it has caught up', () => {
  expect(followLiveEdge(10, [[0, 11]], 0.3, 1)).toEqual({ type: 'rate', rate: 1.1 });
  expect(followLiveEdge(10, [[0, 10.42]], 0.3, 1)).toEqual({ type: 'rate', rate: 1.04 });
  expect(followLiveEdge(10, [[0, 10.3]], 0.3, 1.1)).toEqual({ type: 'rate', rate: 1 });
});

test('comes back from beyond the end', () => {
  expect(followLiveEdge(12, [[0, 10]], 0.3, 1)).toEqual({ type: 'seek', toS: 9.7 });
});

test('whatever is buffered, a seek lands inside the newest range', () => {
  const range = fc.tuple(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.double({ min: 0, max: 100, noNaN: true }));
  fc.assert(
    fc.property(
      fc.array(range, { minLength: 1, maxLength: 4 }),
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      (parts, currentS) => {
        const ranges: Range[] = parts.map(([startS, lengthS]) => [startS, startS + lengthS]);
        const action = followLiveEdge(currentS, ranges, 0.3, 1);
        const [startS, endS] = ranges.at(-1)!;
        if (action.type === 'seek') {
          expect(action.toS).toBeGreaterThanOrEqual(startS);
          expect(action.toS).toBeLessThanOrEqual(endS);
        }
      },
    ),
  );
});

test('aims further back after stalls and closer after calm, within its limits', () => {
  let targetS = 0.3;
  for (let n = 0; n < 20; n += 1) targetS = adaptTarget(targetS, 'stalled', 0.04);
  expect(targetS).toBe(MAX_TARGET_S);
  for (let n = 0; n < 100; n += 1) targetS = adaptTarget(targetS, 'calm', 0.04);
  expect(targetS).toBe(MIN_TARGET_S);
});

test('a slow camera is not followed closer than three of its frames', () => {
  expect(adaptTarget(0.1, 'calm', 0.2)).toBeCloseTo(0.6);
});
