import * as fc from 'fast-check';
import { planCatchUp } from '../../daemon/stream/catch-up.ts';
import { type Format, formatOf } from '../../daemon/stream/format.ts';
import type { GopEntry } from '../../daemon/stream/gop.ts';
import { SampleChain } from '../../runtime/media/fmp4/sample-chain.ts';
import type { AudioTrack, VideoTrack } from '../../runtime/media/track.ts';

const FRAME = 3600;
const START = 90_000 * 1000;
const picture: VideoTrack = {
  kind: 'video',
  id: 1,
  codec: 'h264',
  codecString: 'avc1.4d401f',
  width: 640,
  height: 360,
  fps: 25,
  timescale: 90_000,
  config: new Uint8Array(),
};
const sound: AudioTrack = {
  kind: 'audio',
  id: 2,
  codec: 'aac',
  codecString: 'mp4a.40.2',
  sampleRate: 48_000,
  channels: 1,
  timescale: 48_000,
  config: new Uint8Array(),
};
const silent = formatOf({ tracks: [picture], leftOut: [] }, 1, true);
const withSound = formatOf({ tracks: [picture, sound], leftOut: [] }, 1, true);

/** Pictures in decode order; `shown[i]` = the place of picture i in the order in which they are shown. */
function pictures(shown: readonly number[], delay = 0): GopEntry[] {
  return shown.map((place, i) => ({
    seq: 10 + i,
    track: 1,
    dts: START + i * FRAME,
    pts: START + (place + delay) * FRAME,
    duration: FRAME,
  }));
}
const inOrder = (count: number): GopEntry[] => pictures(Array.from({ length: count }, (_, i) => i));

/** What a viewer gets for the GOP: where each picture is decoded, for how long, and when it is shown. */
function sent(entries: readonly GopEntry[], format: Format): { decode: number; end: number; shown: number }[] {
  const plan = planCatchUp(entries, format);
  if (!plan) throw new Error('no plan');
  const chain = new SampleChain(plan.chainEnd);
  return entries
    .filter(({ track }) => track === 1)
    .map((entry, i) => {
      const true_ = { ...entry, key: i === 0, discontinuity: false };
      const place = plan.squeezed[i] ?? chain.placePicture(true_, FRAME);
      return {
        decode: place.decodeTime,
        end: place.decodeTime + place.duration,
        shown: place.decodeTime + place.compositionOffset,
      };
    });
}

/** Indices in the order of their values. */
function order(values: readonly number[]): number[] {
  return values.map((_, i) => i).toSorted((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
}

function soundAt(seq: number, seconds: number): GopEntry {
  const pts = Math.round(seconds * 48_000);
  return { seq, track: 2, pts, dts: pts, duration: 1024 };
}

test('of ten seconds without B-frames all but the newest picture are squeezed into a few milliseconds before it', () => {
  const entries = inOrder(250);
  const places = sent(entries, silent);
  const newest = entries.at(-1)?.pts ?? 0;
  expect(places.at(-1)?.shown).toBe(newest);
  const earliest = Math.min(...places.map(({ shown }) => shown));
  expect((newest - earliest) / 90).toBeLessThan(50); // one picture's time and 249 ticks
  expect(planCatchUp(entries, silent)).toMatchObject({ fromSeq: 10, startSeconds: earliest / 90_000 });
});

test('an hour without a keyframe is planned like any other GOP', () => {
  const entries = inOrder(200_000);
  const plan = planCatchUp(entries, silent);
  expect(plan?.squeezed).toHaveLength(199_999);
  const [first] = plan?.squeezed ?? [];
  expect(plan?.startSeconds).toBe(((first?.decodeTime ?? 0) + (first?.compositionOffset ?? 0)) / 90_000);
});

test('the first picture of a GOP alone is sent as it is', () => {
  const places = sent(inOrder(1), silent);
  expect(places).toEqual([{ decode: START - FRAME, end: START, shown: START }]);
});

test('the first shared fragment joins without a seam', () => {
  const entries = inOrder(100);
  const next = { pts: START + 100 * FRAME, dts: START + 100 * FRAME, key: false, discontinuity: false };
  // At the live edge a chain has run through all of it.
  const live = new SampleChain();
  for (const entry of entries) live.placePicture({ ...entry, key: false, discontinuity: false }, FRAME);
  expect(live.placePicture(next, FRAME).decodeTime).toBe(sent(entries, silent).at(-1)?.end);
});

test('B-frames: the cut is where no picture is shown across, and what is to come may still be shown early', () => {
  // I P B B P B B, and then a P that has come before its B-frames.
  const entries = pictures([0, 3, 1, 2, 6, 4, 5, 9], 1);
  const plan = planCatchUp(entries, silent);
  // The last P (shown at 9) stays at its time, because B-frames shown at 7 and 8 are still to come.
  const cut = plan?.squeezed.length ?? 0;
  expect(cut).toBeGreaterThanOrEqual(4);
  expect(cut).toBeLessThanOrEqual(7);
  const places = sent(entries, silent);
  expect(order(places.map(({ shown }) => shown))).toEqual(order(entries.map(({ pts }) => pts)));
});

test('whatever the reordering: samples leave no hole, are shown in order, never before they are decoded, and true from the cut on', () => {
  /** GOPs as encoders make them: mini-GOPs of a reference and the B-frames shown before it. */
  const gop = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 30 }).map((groups) => {
    const shown = [0];
    for (const bFrames of groups) {
      const first = shown.length;
      shown.push(first + bFrames, ...Array.from({ length: bFrames }, (_, i) => first + i));
    }
    return shown;
  });
  fc.assert(
    fc.property(gop, fc.nat({ max: 200 }), (shown, cutOff) => {
      const entries = pictures(shown.slice(0, Math.max(1, shown.length - (cutOff % shown.length))), 3);
      const plan = planCatchUp(entries, silent);
      const places = sent(entries, silent);
      for (const [i, place] of places.entries()) {
        expect(place.shown).toBeGreaterThanOrEqual(place.decode);
        if (i > 0) {
          expect(place.decode).toBeGreaterThan(places[i - 1]!.decode);
          expect(place.decode).toBeLessThanOrEqual(places[i - 1]!.end);
        }
        if (i >= (plan?.squeezed.length ?? 0)) expect(place.shown).toBe(entries[i]?.pts);
      }
      const times = order(entries.map(({ pts }) => pts)).map((i) => places[i]?.shown ?? 0);
      for (const [i, time] of times.entries()) if (i > 0) expect(time).toBeGreaterThan(times[i - 1] ?? 0);
    }),
  );
});

describe('with sound', () => {
  test('sound begins at the cut', () => {
    const entries = [...inOrder(100), soundAt(200, 1000 + 99 / 25)];
    expect(planCatchUp(entries, withSound)?.soundAfterSeconds).toBeCloseTo(1000 + 99 / 25, 5);
  });

  test('where sound arrives later than the picture, the cut goes back to where there is sound', () => {
    const entries = [...inOrder(100), soundAt(200, 1000 + 99 / 25 - 0.4)];
    const plan = planCatchUp(entries, withSound);
    expect(plan?.soundAfterSeconds).toBeLessThanOrEqual(1000 + 99 / 25 - 0.4 + 1024 / 48_000);
    expect(plan?.soundAfterSeconds).toBeGreaterThan(1000 + 99 / 25 - 0.5);
  });

  test('sound that lags by seconds is not waited for', () => {
    const entries = [...inOrder(250), soundAt(300, 1001)];
    expect(planCatchUp(entries, withSound)?.squeezed.length).toBe(249);
  });
});

test('without a keyframe there is nothing to begin with', () => {
  expect(planCatchUp([], silent)).toBeUndefined();
});
