import { type Facts, statusOf } from '../../../ui/player/status.ts';

const facts = (more: Partial<Facts> = {}): Facts => ({
  connected: true,
  wasConnected: true,
  described: true,
  lastPictureAgeMs: 40,
  intervalMs: 40,
  shown: true,
  unsupported: undefined,
  blocked: false,
  reason: '',
  streamUrl: 'http://camera:8101/stream.mp4',
  ...more,
});

test('LIVE means: connected, a picture has just come, and it is on the screen', () => {
  expect(statusOf(facts())).toEqual({ state: 'live', badge: 'LIVE', message: '' });
  for (const missing of [
    { connected: false },
    { described: false },
    { shown: false },
    { lastPictureAgeMs: 5000 },
    { blocked: true },
  ]) {
    expect(statusOf(facts(missing)).badge).not.toBe('LIVE');
  }
});

test('a picture that stands still says so, and how old it is', () => {
  expect(statusOf(facts({ lastPictureAgeMs: 4200 }))).toMatchObject({
    state: 'stale',
    badge: 'NOT LIVE',
    message: 'Not live: nothing comes from the camera · last picture 4 s ago',
  });
});

test('a camera of a picture every two seconds is live', () => {
  expect(statusOf(facts({ intervalMs: 2000, lastPictureAgeMs: 2500 })).state).toBe('live');
});

test('a lost connection says that it is being made again, with the reason that was given', () => {
  const { state, message } = statusOf(
    facts({ connected: false, lastPictureAgeMs: 130_000, reason: 'The channel is full.' }),
  );
  expect(state).toBe('reconnecting');
  expect(message).toBe('Not live: reconnecting · The channel is full · last picture 2 min ago');
});

test('without a picture yet it waits for the camera', () => {
  expect(statusOf(facts({ described: false, lastPictureAgeMs: null })).message).toBe('Waiting for the camera');
});

test('a codec that the browser cannot play is named, with a way out', () => {
  const { state, message } = statusOf(facts({ unsupported: 'H.265', shown: false }));
  expect(state).toBe('unsupported');
  expect(message).toBe(
    'This browser cannot play H.265. Open http://camera:8101/stream.mp4 in VLC, or set the camera to H.264.',
  );
});
