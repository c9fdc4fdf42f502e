import { Starvation } from '../../daemon/stream/starvation.ts';

/** Looks every 250 ms, as the daemon does; `packets` says whether one comes at that time. */
function run(starvation: Starvation, fromMs: number, toMs: number, packets: (nowMs: number) => boolean): string[] {
  const seen: string[] = [];
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += 250) {
    if (packets(nowMs)) starvation.packet(nowMs, nowMs);
    const state = starvation.look(nowMs);
    if (seen.at(-1) !== state) seen.push(state);
  }
  return seen;
}

test('a camera that never comes: starting, then starved', () => {
  const starvation = new Starvation(10_000, 0);
  expect(run(starvation, 0, 9_750, () => false)).toEqual(['starting']);
  expect(run(starvation, 10_000, 10_000, () => false)).toEqual(['starved']);
});

test('a camera that stops: live, stalled, starved', () => {
  const starvation = new Starvation(10_000, 0);
  expect(run(starvation, 0, 20_000, (nowMs) => nowMs < 5000)).toEqual(['live', 'stalled', 'starved']);
});

test('a hiccup is a stall and no starvation', () => {
  const starvation = new Starvation(10_000, 0);
  expect(run(starvation, 0, 30_000, (nowMs) => nowMs < 5000 || nowMs > 14_000)).toEqual(['live', 'stalled', 'live']);
});

test('a camera of one picture in four seconds is live all the time, once its rate is known', () => {
  const starvation = new Starvation(10_000, 0);
  starvation.expect(0.25);
  expect(run(starvation, 0, 60_000, (nowMs) => nowMs % 4000 === 0)).toEqual(['live']);
});

test('what an earlier camera left in the ring is no sign of life', () => {
  const starvation = new Starvation(10_000, 100_000);
  starvation.packet(60_000, 100_000);
  expect(starvation.look(100_000)).toBe('starting');
  expect(starvation.ageMs(100_000)).toBeNull();
  expect(run(starvation, 100_250, 110_000, () => false)).toEqual(['starting', 'starved']);
});

test('after a sleep of our own the silence begins anew: what was not looked at does not count', () => {
  const starvation = new Starvation(10_000, 0);
  run(starvation, 0, 5000, () => true);
  expect(starvation.look(65_000)).toBe('stalled');
  expect(run(starvation, 65_250, 74_750, () => false)).toEqual(['stalled']);
  expect(starvation.look(75_000)).toBe('starved');
});

test('a packet stamped in the future counts as of now', () => {
  const starvation = new Starvation(10_000, 0);
  starvation.packet(3_600_000, 1000);
  expect(starvation.ageMs(2000)).toBe(1000);
});
