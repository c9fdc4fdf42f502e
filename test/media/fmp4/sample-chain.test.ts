import * as fc from 'fast-check';
import { type ChainPlace, SampleChain } from '../../../runtime/media/fmp4/sample-chain.ts';
import { readClip } from '../../support/clip-stream.ts';

const NOMINAL = 3600;
const picture = (dts: number, more: { pts?: number; key?: boolean; discontinuity?: boolean } = {}) => ({
  pts: dts,
  dts,
  key: false,
  discontinuity: false,
  ...more,
});

/** Each sample begins where the one before ended. */
function expectContiguous(places: readonly ChainPlace[]): void {
  for (const [i, place] of places.entries()) {
    expect(place.duration).toBeGreaterThan(0);
    expect(place.compositionOffset).toBeGreaterThanOrEqual(0);
    const before = places[i - 1];
    if (before) expect(place.decodeTime).toBe(before.decodeTime + before.duration);
  }
}

test('pictures of a real clip with some missing are contiguous, with exact presentation times', () => {
  const { packets } = readClip('bframes.mp4');
  const chain = new SampleChain();
  const kept = packets.filter((_, i) => i % 25 < 20 || i % 25 === 24);
  const places = kept.map((packet) => chain.placePicture(packet, packet.duration));
  expectContiguous(places);
  expect(places.map((place) => place.decodeTime + place.compositionOffset)).toEqual(kept.map(({ pts }) => pts));
  // The step that Chromium measures is never larger than the duration it was told.
  for (const [i, place] of places.entries()) {
    const step = (places[i + 1]?.decodeTime ?? place.decodeTime) - place.decodeTime;
    expect(step).toBeLessThanOrEqual(place.duration);
  }
});

test('a break at a keyframe begins anew, with the usual duration', () => {
  const chain = new SampleChain();
  chain.placePicture(picture(90_000, { key: true }), NOMINAL);
  const after = chain.placePicture(picture(900_000, { key: true, discontinuity: true }), NOMINAL);
  expect(after).toEqual({ decodeTime: 900_000 - NOMINAL, duration: NOMINAL, compositionOffset: NOMINAL });
});

test('a break in the middle of a GOP is bridged: players keep what they can decode', () => {
  const chain = new SampleChain();
  chain.placePicture(picture(90_000, { key: true }), NOMINAL);
  const after = chain.placePicture(picture(270_000, { discontinuity: true }), NOMINAL);
  expect(after).toEqual({ decodeTime: 90_000, duration: 180_000, compositionOffset: 180_000 });
});

test('sound never leaps, not even over a pause', () => {
  const chain = new SampleChain();
  const times = [1000, 2024, 3048, 51_000, 52_024, 52_030, 54_000];
  expectContiguous(times.map((pts) => chain.placeSound({ pts }, 1024)));
  expect(chain.end).toBe(55_024);
});

test('whatever the time stamps, samples are contiguous, have a duration and are never shown before they are decoded', () => {
  const packet = fc.record({
    step: fc.integer({ min: -5000, max: 200_000 }),
    composition: fc.integer({ min: -9000, max: 9000 }),
    key: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(packet), (packets) => {
      const pictures = new SampleChain();
      const sounds = new SampleChain();
      let dts = 1_000_000;
      const placed = packets.map(({ step, composition, key }) => {
        dts += step;
        return [
          pictures.placePicture(picture(dts, { pts: dts + composition, key }), NOMINAL),
          sounds.placeSound({ pts: dts }, 1024),
        ] as const;
      });
      expectContiguous(placed.map(([place]) => place));
      expectContiguous(placed.map(([, place]) => place));
    }),
  );
});
