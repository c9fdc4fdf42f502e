import { assert, integer, property, uniqueArray } from 'fast-check';
import { median, theilSen } from '../../../runtime/supervisor/policy/median.ts';

test('the median is the middle one, or between the two middle ones', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([1, 2, 3, 100])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test('points on a line give that line', () => {
  assert(
    property(
      uniqueArray(integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 20 }),
      integer({ min: -50, max: 50 }),
      integer({ min: -1000, max: 1000 }),
      (xs, slope, offset) => {
        const line = theilSen(xs.map((x) => ({ x, y: slope * x + offset })))!;
        expect(line.slope).toBeCloseTo(slope, 9);
        expect(line.at(7)).toBeCloseTo(slope * 7 + offset, 9);
      },
    ),
  );
});

test('a quarter of the points may be wild, and the line stays where the others are', () => {
  const points = Array.from({ length: 12 }, (_, x) => ({ x, y: x % 4 === 2 ? 1e9 : 10 * x }));
  expect(theilSen(points)!.slope).toBeCloseTo(10, -1);
});

test('there is no line through one point, or through points above each other', () => {
  expect(theilSen([{ x: 1, y: 2 }])).toBeNull();
  expect(
    theilSen([
      { x: 1, y: 2 },
      { x: 1, y: 9 },
    ]),
  ).toBeNull();
});
