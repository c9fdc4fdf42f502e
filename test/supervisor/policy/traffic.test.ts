import { Traffic } from '../../../runtime/supervisor/policy/traffic.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Days of the same traffic, looked at every minute. */
function days(count: number, viewersAt: (hour: number) => number, traffic = new Traffic(), firstDay = 100): Traffic {
  for (let minute = 0; minute < count * 24 * 60; minute++) {
    const wallMs = firstDay * 24 * HOUR_MS + minute * MINUTE_MS;
    traffic.count(wallMs, viewersAt(Math.floor(minute / 60) % 24), MINUTE_MS);
  }
  return traffic;
}

const at = (hour: number): number => 500 * 24 * HOUR_MS + hour * HOUR_MS + 30 * MINUTE_MS;

test('without viewers it is quiet, whatever is known', () => {
  expect(new Traffic().isQuiet(0, 0)).toBe(true);
  expect(days(2, () => 9).isQuiet(at(12), 0)).toBe(true);
});

test('before a day has been seen, no hour is known to be the quietest', () => {
  const traffic = new Traffic();
  for (let minute = 0; minute < 23 * 60; minute++) traffic.count(minute * MINUTE_MS, 5, MINUTE_MS);
  for (let hour = 0; hour < 24; hour++) expect(traffic.isQuiet(at(hour), 1)).toBe(false);
});

test('where somebody always watches, the quietest hour is quiet and the others are not', () => {
  const traffic = days(3, (hour) => (hour === 4 ? 1 : 3 + (hour % 5)));
  const quiet = Array.from({ length: 24 }, (_, hour) => hour).filter((hour) => traffic.isQuiet(at(hour), 2));
  expect(quiet).toEqual([4]);
});

test('a channel whose day has moved is learnt anew', () => {
  const traffic = days(5, (hour) => (hour === 4 ? 1 : 5));
  days(5, (hour) => (hour === 16 ? 1 : 5), traffic, 105);
  expect(traffic.isQuiet(at(16), 2)).toBe(true);
  expect(traffic.isQuiet(at(4), 2)).toBe(false);
});
