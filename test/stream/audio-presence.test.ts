import { AudioPresence } from '../../daemon/stream/audio-presence.ts';

const SECOND = 1_000_000;

/** Picture at 25 fps throughout, sound at 50 a second where `heard` says so; the times at which presence changes. */
function changes(seconds: number, heard: (second: number) => boolean): [number, boolean][] {
  const presence = new AudioPresence();
  const seen: [number, boolean][] = [];
  let last = presence.present;
  for (let us = 0; us < seconds * SECOND; us += 20_000) {
    if (heard(us / SECOND)) presence.sound(us);
    if (us % 40_000 === 0) presence.picture(us);
    if (presence.present !== last) seen.push([us / SECOND, presence.present]);
    last = presence.present;
  }
  return seen;
}

test('steady sound is offered all the time', () => {
  expect(changes(20, () => true)).toEqual([]);
});

test('sound that never comes is offered for two seconds and no longer', () => {
  expect(changes(20, () => false)).toEqual([[expect.closeTo(2, 1), false]]);
});

test('sound that falls silent goes after two seconds, and comes back after one of steady sound', () => {
  expect(changes(20, (second) => second < 5 || second >= 12)).toEqual([
    [expect.closeTo(7, 1), false],
    [expect.closeTo(13, 1), true],
  ]);
});

test('a short gap changes nothing', () => {
  expect(changes(20, (second) => second < 5 || second > 6.5)).toEqual([]);
});

test('a few lone packets do not bring it back', () => {
  expect(changes(20, (second) => second < 2 || (second > 8 && second < 8.5))).toEqual([[expect.closeTo(4, 1), false]]);
});
