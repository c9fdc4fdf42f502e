import { type Evidence, judge } from '../../ui/player/liveness.ts';

const live: Evidence = {
  connected: true,
  everConnected: true,
  unsupported: false,
  segmentAgeMs: 40,
  packetAgeMs: 60,
  intervalMs: 40,
};

test('is live while segments come and the ring is fresh', () => {
  expect(judge(live)).toBe('live');
});

test('is not live when segments have stopped', () => {
  expect(judge({ ...live, segmentAgeMs: 1600 })).toBe('stale');
});

test('is not live when what came is an old picture from the ring', () => {
  expect(judge({ ...live, segmentAgeMs: 10, packetAgeMs: 30_000 })).toBe('stale');
});

test('gives a slow camera four of its own intervals', () => {
  expect(judge({ ...live, segmentAgeMs: 3000, packetAgeMs: 3000, intervalMs: 1000 })).toBe('live');
  expect(judge({ ...live, segmentAgeMs: 4100, packetAgeMs: 10, intervalMs: 1000 })).toBe('stale');
});

test('waits for a camera that has never sent anything', () => {
  expect(judge({ ...live, segmentAgeMs: undefined, packetAgeMs: null })).toBe('waiting');
});

test('tells a first connection from a lost one', () => {
  expect(judge({ ...live, connected: false, everConnected: false })).toBe('connecting');
  expect(judge({ ...live, connected: false })).toBe('reconnecting');
});

test('says before anything else that the browser cannot play the codec', () => {
  expect(judge({ ...live, connected: false, unsupported: true })).toBe('unsupported');
});
