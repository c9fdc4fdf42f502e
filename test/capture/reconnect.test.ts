import { GOOD_AFTER_MS, INITIAL, afterFailure, firstWaitMs } from '../../daemon/capture/reconnect.ts';

const MIDDLE = 0.5;

function waits(packetsForMs: readonly number[], random = MIDDLE): number[] {
  let state = INITIAL;
  return packetsForMs.map((ms) => {
    const next = afterFailure(state, ms, random);
    state = next.state;
    return next.waitMs;
  });
}

test('a camera that stays away is dialled after 1, 2, 5, 10 and then every 30 seconds', () => {
  expect(waits([0, 0, 0, 0, 0, 0, 0])).toEqual([1000, 2000, 5000, 10_000, 30_000, 30_000, 30_000]);
});

test('ten seconds of packets begin the waits anew; a shorter success does not', () => {
  expect(waits([0, 0, 0, GOOD_AFTER_MS, 0])).toEqual([1000, 2000, 5000, 1000, 2000]);
  expect(waits([0, 0, 0, GOOD_AFTER_MS - 1, 0])).toEqual([1000, 2000, 5000, 10_000, 30_000]);
});

test('every wait is spread by a fifth either way', () => {
  expect(waits([0, 0], 0)).toEqual([800, 1600]);
  expect(waits([0, 0], 0.999_999)).toEqual([1200, 2400]);
});

test('a first daemon dials at once, a respawned one after a tenth of a second', () => {
  expect(firstWaitMs(1, MIDDLE)).toBe(0);
  expect(firstWaitMs(2, MIDDLE)).toBe(100);
  expect(firstWaitMs(7, 0)).toBe(80);
});
