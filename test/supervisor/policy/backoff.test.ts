import { afterFailure, NO_FAILURES, type Failure, type Tally } from '../../../runtime/supervisor/policy/backoff.ts';

const failure = (more: Partial<Failure> = {}): Failure => ({
  atMs: 0,
  healthyForMs: 0,
  counted: true,
  random: 0.5,
  ...more,
});

/** Fails `times` times, each time as soon as it was started. */
function crashLoop(times: number, more: (atMs: number) => Partial<Failure> = () => ({})) {
  let tally: Tally = NO_FAILURES;
  let atMs = 0;
  return Array.from({ length: times }, () => {
    const step = afterFailure(tally, failure({ atMs, ...more(atMs) }));
    tally = step.tally;
    atMs += step.delayMs;
    return { delayMs: step.delayMs, held: tally.held };
  });
}

test('after ten seconds of health a daemon is back at once', () => {
  expect(afterFailure(NO_FAILURES, failure({ healthyForMs: 10_000 })).delayMs).toBe(0);
  expect(afterFailure(NO_FAILURES, failure({ healthyForMs: 9_999 })).delayMs).toBe(250);
});

test('failures in a row wait 250 ms, doubling to 30 s', () => {
  const delays = crashLoop(10, () => ({ counted: false })).map(({ delayMs }) => delayMs);
  expect(delays).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test('another cap holds for those that have one', () => {
  let tally = NO_FAILURES;
  for (let i = 0; i < 6; i++) tally = afterFailure(tally, failure(), 5_000).tally;
  expect(afterFailure(tally, failure(), 5_000).delayMs).toBe(5_000);
});

test('the wait is spread by a fifth either way, so that those who died together do not come back together', () => {
  expect(afterFailure(NO_FAILURES, failure({ random: 0 })).delayMs).toBe(200);
  expect(afterFailure(NO_FAILURES, failure({ random: 0.999999 })).delayMs).toBeCloseTo(300, 3);
});

test('more than ten failures in five minutes are held, with one try a minute', () => {
  const steps = crashLoop(14);
  expect(steps.slice(0, 10).every(({ held }) => !held)).toBe(true);
  expect(steps.slice(10).map(({ held, delayMs }) => [held, delayMs])).toEqual([
    [true, 60_000],
    [true, 60_000],
    [true, 60_000],
    [true, 60_000],
  ]);
});

test('ten failures spread over more than five minutes are not held', () => {
  let tally = NO_FAILURES;
  for (let i = 0; i < 50; i++) tally = afterFailure(tally, failure({ atMs: i * 30_001, healthyForMs: 0 })).tally;
  expect(tally.held).toBe(false);
});

test('a daemon that was well before each crash is back at once each time: held, its viewers would have next to nothing', () => {
  let tally = NO_FAILURES;
  for (let i = 0; i < 100; i++) {
    const step = afterFailure(tally, failure({ atMs: i * 11_000, healthyForMs: 11_000 }));
    expect(step.delayMs).toBe(0);
    tally = step.tally;
  }
  expect(tally.held).toBe(false);
});

test('who is held stays held until a try was well for a minute', () => {
  const held: Tally = { failuresMs: Array.from({ length: 11 }, () => 0), step: 5, held: true };
  expect(afterFailure(held, failure({ atMs: 600_000, healthyForMs: 59_999 }))).toMatchObject({
    delayMs: 60_000,
    tally: { held: true },
  });
  expect(afterFailure(held, failure({ atMs: 600_000, healthyForMs: 60_000 }))).toMatchObject({
    delayMs: 0,
    tally: { held: false },
  });
});

test('a temporary failure delays the next try and never leads to held', () => {
  const steps = crashLoop(100, () => ({ counted: false }));
  expect(steps.some(({ held }) => held)).toBe(false);
  expect(steps.at(-1)?.delayMs).toBe(30_000);
});

test('the memory of failures does not grow', () => {
  let tally = NO_FAILURES;
  for (let i = 0; i < 1000; i++) tally = afterFailure(tally, failure()).tally;
  expect(tally.failuresMs.length).toBeLessThanOrEqual(11);
});
