import * as fc from 'fast-check';
import { type CameraStamps, Timeline } from '../../runtime/media/timeline.ts';

const VIDEO = { track: 1, timescale: 90_000 };
const AUDIO = { track: 2, timescale: 48_000 };
/** Any moment on the monotonic clock: five days after boot. */
const START_US = 432_000_000_000;

function frame(n: number, captureUs: number, origin = 1_000_000): CameraStamps {
  return { ...VIDEO, pts: origin + n * 3600, dts: origin + n * 3600, captureUs };
}
const ticks = (us: number): number => Math.round((us * 90_000) / 1e6);

function picture(cameraUs: number, captureUs: number): CameraStamps {
  return frame(0, captureUs, ticks(cameraUs));
}

function sound(cameraUs: number, captureUs: number): CameraStamps {
  const dts = Math.round((cameraUs * 48_000) / 1e6);
  return { ...AUDIO, pts: dts, dts, captureUs };
}

test('the first packet stands at the moment of its capture, the next at exact distances whatever the network does', () => {
  const timeline = new Timeline();
  const jitter = [0, 31_000, 2_000, 190_000, 5_000];
  const placed = jitter.map((late, n) => timeline.place(frame(n, START_US + n * 40_000 + late)));
  expect(placed.map(({ dts }) => dts - ticks(START_US))).toEqual([0, 3600, 7200, 10800, 14400]);
  expect(placed.map(({ discontinuity }) => discontinuity)).toEqual([true, false, false, false, false]);
});

test('sound stays with the picture: the tracks of a run share one anchor', () => {
  const timeline = new Timeline();
  timeline.place(frame(0, START_US));
  // Sound of the same camera time, delivered 300 ms late, and of another origin in ticks but the same clock.
  const heard = timeline.place({ ...AUDIO, pts: 533_333, dts: 533_333, captureUs: START_US + 300_000 });
  const cameraSeconds = 533_333 / 48_000 - 1_000_000 / 90_000;
  expect(heard.dts / 48_000).toBeCloseTo(START_US / 1e6 + cameraSeconds, 4);
  expect(heard.discontinuity).toBe(true);
});

test('pictures out of order keep their distance between pts and dts', () => {
  const timeline = new Timeline();
  const packets = [
    [0, 7200],
    [3600, 18000],
    [7200, 10800],
  ] as const;
  const placed = packets.map(([dts, pts]) => timeline.place({ ...VIDEO, dts, pts, captureUs: START_US + dts }));
  expect(placed.map(({ dts, pts }) => pts - dts)).toEqual([7200, 14400, 3600]);
});

test('a new run is anchored to its own first packet, behind everything of the last run', () => {
  const timeline = new Timeline();
  for (let n = 0; n < 50; n++) timeline.place(frame(n, START_US));
  timeline.startRun();
  // The camera's clock began again at zero; this packet was captured before the last run's burst would have ended.
  const next = timeline.place(frame(0, START_US + 100_000, 0));
  expect(next.discontinuity).toBe(true);
  expect(next.dts).toBeGreaterThan(ticks(START_US) + 49 * 3600);
});

test('a clock that goes back, or leaps by more than ten seconds, is a break with a new anchor', () => {
  for (const jump of [-900_000, 3_000_000]) {
    const timeline = new Timeline();
    for (let n = 0; n < 10; n++) timeline.place(frame(n, START_US + n * 40_000));
    const captureUs = START_US + 400_000;
    const after = timeline.place(frame(10, captureUs, 1_000_000 + jump));
    expect(after.discontinuity).toBe(true);
    expect(Math.abs(after.dts - ticks(captureUs))).toBeLessThanOrEqual(1);
    const next = timeline.place(frame(11, captureUs + 40_000, 1_000_000 + jump));
    expect(next).toMatchObject({ discontinuity: false, dts: after.dts + 3600 });
  }
});

test('when picture and sound leap together they come to share an anchor again', () => {
  const timeline = new Timeline();
  timeline.place(picture(50e6, START_US));
  timeline.place(sound(50e6, START_US + 1000));
  timeline.place(picture(9000e6, START_US + 40_000));
  const late = timeline.place(sound(50.04e6, START_US + 41_000)); // still by the old clock
  expect(late.discontinuity).toBe(false);
  const a = timeline.place(sound(9000.06e6, START_US + 180_000));
  const v = timeline.place(picture(9000.06e6, START_US + 100_000));
  expect(a.dts / 48_000).toBeCloseTo(v.dts / 90_000, 4);
});

test('small steps back are evened out without a break', () => {
  const timeline = new Timeline();
  timeline.place(frame(0, START_US));
  const a = timeline.place(frame(2, START_US + 80_000));
  const b = timeline.place(frame(1, START_US + 90_000));
  expect(b).toMatchObject({ discontinuity: false, dts: a.dts + 1 });
});

test('a pause of the camera leaves a gap of the same length', () => {
  const timeline = new Timeline();
  const before = timeline.place(frame(0, START_US));
  const after = timeline.place(frame(25 * 12, START_US + 12_000_000));
  expect(after.dts - before.dts).toBe(25 * 12 * 3600);
});

test('a camera whose clock runs fast is led back slowly, never stepped', () => {
  const timeline = new Timeline();
  const fast = 1.0002; // 200 ppm: a second in 83 minutes
  let last = timeline.place(frame(0, START_US));
  let worstTicks = 0;
  const hours = 8;
  const lastFrame = hours * 3600 * 5;
  for (let n = 1; n <= lastFrame; n++) {
    const captureUs = START_US + n * 200_000;
    const dts = 1_000_000 + Math.round(n * 18_000 * fast);
    const placed = timeline.place({ ...VIDEO, pts: dts, dts, captureUs });
    expect(placed.discontinuity).toBe(false);
    worstTicks = Math.max(worstTicks, Math.abs(placed.dts - last.dts - 18_000));
    last = placed;
  }
  const driftMs = Math.abs(last.dts / 90 - (START_US + lastFrame * 200_000) / 1000);
  expect(driftMs).toBeLessThan(1100); // without slewing: 5760
  expect(worstTicks).toBeLessThanOrEqual(18_000 * 700e-6 + 1);
});

test('whatever a camera sends, dts strictly increases on every track and pts never falls below it', () => {
  const packet = fc.record({
    track: fc.constantFrom(1, 2),
    step: fc.oneof(fc.integer({ min: 1, max: 9000 }), fc.integer({ min: -(2 ** 33), max: 2 ** 33 })),
    composition: fc.integer({ min: -9000, max: 9000 }),
    waitUs: fc.integer({ min: 0, max: 20_000_000 }),
    newRun: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 60 }), (packets) => {
      const timeline = new Timeline(START_US - 1);
      const last = new Map<number, number>();
      const camera = new Map<number, number>();
      let captureUs = START_US;
      for (const { track, step, composition, waitUs, newRun } of packets) {
        captureUs += waitUs;
        if (newRun) timeline.startRun();
        const dts = (camera.get(track) ?? 0) + step;
        camera.set(track, dts);
        const placed = timeline.place({ track, timescale: 90_000, dts, pts: dts + composition, captureUs });
        expect(placed.dts).toBeGreaterThan(last.get(track) ?? 0);
        expect(placed.pts).toBeGreaterThanOrEqual(placed.dts);
        last.set(track, placed.dts);
      }
    }),
  );
});
