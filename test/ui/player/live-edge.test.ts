import { type Playback, LiveEdge, forgetBefore } from '../../../ui/player/live-edge.ts';

const playback = (more: Partial<Playback> = {}): Playback => ({
  position: 100,
  ranges: [[90, 100.3]],
  edge: 100.25,
  playing: true,
  hidden: false,
  nowMs: 1_000_000,
  ...more,
});

test('at the edge nothing is done', () => {
  expect(new LiveEdge().advise(playback())).toEqual({ seekTo: undefined, play: true, rate: 1 });
});

test('a new stream, whose clock stands anywhere, is entered at its edge', () => {
  const advice = new LiveEdge().advise(
    playback({ position: 0, ranges: [[5000, 5000.05]], edge: 5000.01, playing: false }),
  );
  expect(advice.seekTo).toBe(5000);
  expect(advice.play).toBe(false);
});

test('it waits until there is something to live on before it plays', () => {
  const edge = new LiveEdge();
  const at = (end: number) => edge.advise(playback({ ranges: [[100, end]], edge: end, playing: false })).play;
  expect(at(100.1)).toBe(false);
  expect(at(100.24)).toBe(true);
});

test('a little late is caught up by playing faster, and no longer than needed', () => {
  const edge = new LiveEdge();
  expect(edge.advise(playback({ edge: 100.8, ranges: [[90, 100.8]] })).rate).toBeGreaterThan(1);
  expect(edge.advise(playback({ edge: 100.3, ranges: [[90, 100.3]] })).rate).toBe(1);
});

test('too late is left out', () => {
  const { seekTo, rate } = new LiveEdge().advise(playback({ edge: 110, ranges: [[90, 110.04]] }));
  expect(seekTo).toBeCloseTo(109.8, 3);
  expect(rate).toBe(1);
});

test('at the end of a part with another behind it, the gap is jumped', () => {
  const { seekTo } = new LiveEdge().advise(
    playback({
      position: 99.98,
      ranges: [
        [90, 100],
        [105, 105.1],
      ],
      edge: 105.06,
    }),
  );
  expect(seekTo).toBeGreaterThan(105);
  expect(seekTo).toBeLessThan(105.02);
});

test('in the middle of a part, a later part is not jumped to before its time', () => {
  const { seekTo } = new LiveEdge().advise(
    playback({
      position: 99,
      ranges: [
        [90, 100],
        [100.5, 100.6],
      ],
      edge: 100.58,
    }),
  );
  expect(seekTo).toBeUndefined();
});

test('in the background nothing is hurried through or jumped over; at the return it is at the edge at once', () => {
  const edge = new LiveEdge();
  const late = playback({ edge: 160, ranges: [[90, 160.04]] });
  expect(edge.advise({ ...late, hidden: true }).seekTo).toBeUndefined();
  expect(edge.advise(late).seekTo).toBeCloseTo(159.8, 3);
});

test('every stall lets it keep more distance, up to a limit, and calm brings it back', () => {
  const edge = new LiveEdge();
  const least = edge.target;
  for (let i = 0; i < 20; i++) edge.stalled(i * 1000);
  expect(edge.target).toBeGreaterThan(least * 2);
  expect(edge.target).toBeLessThanOrEqual(1);
  for (let i = 0; i < 40; i++) edge.advise(playback({ nowMs: 20_000 + i * 25_000 }));
  expect(edge.target).toBe(least);
});

test('several events of one hiccup count once', () => {
  const edge = new LiveEdge();
  edge.stalled(10_000);
  const { target } = edge;
  edge.stalled(10_100);
  expect(edge.target).toBe(target);
});

describe('forgetting', () => {
  test('is up to a keyframe well behind playback, never into the GOP that is being watched', () => {
    expect(forgetBefore(playback({ ranges: [[60, 100.3]] }), [60, 70, 80, 90, 100])).toBe(90);
    expect(forgetBefore(playback({ ranges: [[60, 100.3]] }), [60, 95])).toBeUndefined();
  });

  test('waits until it is worth it', () => {
    expect(forgetBefore(playback({ ranges: [[90.5, 100.3]] }), [90.5, 91, 100])).toBeUndefined();
  });

  test('goes on in the background although playback stands still there', () => {
    const hidden = playback({ position: 100, ranges: [[60, 200]], edge: 200, hidden: true });
    expect(forgetBefore(hidden, [60, 100, 150, 180, 190])).toBe(180);
  });
});
