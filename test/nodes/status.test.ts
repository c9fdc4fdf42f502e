import { cameraStatus, failureStatus, streamStatus } from '../../nodes/status.ts';
import { ERROR_KINDS, type ErrorKind } from '../../runtime/errors.ts';
import type { CameraStatus, DaemonView } from '../../runtime/supervisor/view.ts';
import { daemonView } from '../support/daemon-view.ts';

const STATES: readonly DaemonView['state'][] = [
  'stopped',
  'spawning',
  'initialising',
  'ready',
  'degraded',
  'draining',
  'stopping',
  'killing',
  'backoff',
  'held',
  'failed',
];

const daemon = (change: Partial<DaemonView> = {}): DaemonView => daemonView('capture', change);

const media = (width: number, height: number, fps: number) => ({
  codec: 'h264' as const,
  width,
  height,
  fps,
  audio: null,
  leftOut: [],
});
const online: CameraStatus = { state: 'online', errorKind: null, message: null, retryMs: null };
const offline = (errorKind: ErrorKind, message = 'away'): CameraStatus => ({
  state: 'offline',
  errorKind,
  message,
  retryMs: 1000,
});

test('no status is 20 characters long or empty, whatever happens', () => {
  const cameras = [
    null,
    online,
    { ...online, state: 'connecting' as const },
    ...ERROR_KINDS.map((kind) => offline(kind)),
  ];
  const medias = [null, media(15360, 8640, 1000), media(16384, 16384, 59.94)];
  const errors = [null, ...ERROR_KINDS.map((kind) => ({ kind, message: 'why', time: 0 }))];
  const texts = new Set<string>();
  for (const state of STATES) {
    for (const lastError of errors) {
      for (const camera of cameras) {
        for (const picture of medias) {
          const capture = daemon({ state, lastError, camera, media: picture });
          texts.add(cameraStatus(capture).text);
          for (const viewers of [0, 1, 1000]) {
            const stream = daemon({ kind: 'stream', state, lastError, viewers });
            texts.add(streamStatus({ channel: 'front', daemon: stream, capture }).text);
          }
        }
      }
    }
  }
  for (const kind of ERROR_KINDS) texts.add(failureStatus(kind).text);
  texts.add(streamStatus({ channel: null, daemon: null, capture: null }).text);
  for (const text of texts) {
    expect(text.length).toBeGreaterThan(0);
    expect(text.length).toBeLessThan(20);
  }
});

test('a camera that is online shows its size and rate with a dot, others a ring', () => {
  expect(cameraStatus(daemon({ camera: online, media: media(1920, 1080, 29.97) }))).toEqual({
    fill: 'green',
    shape: 'dot',
    text: '1920x1080 30 fps',
  });
  expect(cameraStatus(daemon({ camera: { ...online, state: 'connecting' } }))).toMatchObject({
    shape: 'ring',
    text: 'connecting',
  });
  expect(cameraStatus(daemon({ camera: offline('unavailable', 'connection refused') }))).toEqual({
    fill: 'red',
    shape: 'ring',
    text: 'offline: refused',
  });
  expect(cameraStatus(daemon({ camera: offline('timeout') })).text).toBe('offline: timeout');
});

test('a stream shows rate and viewers, and never a picture that is not there', () => {
  const capture = daemon({ camera: online, media: media(1280, 720, 25) });
  const stream = daemon({ kind: 'stream', viewers: 3 });
  expect(streamStatus({ channel: 'front', daemon: stream, capture })).toEqual({
    fill: 'green',
    shape: 'dot',
    text: '25 fps - 3 viewers',
  });
  expect(streamStatus({ channel: 'front', daemon: { ...stream, viewers: 1 }, capture }).text).toBe('25 fps - 1 viewer');
  const away = daemon({ camera: offline('timeout') });
  expect(streamStatus({ channel: 'front', daemon: stream, capture: away }).text).toBe('no picture');
  expect(streamStatus({ channel: 'front', daemon: daemon({ state: 'backoff', starved: true }), capture }).text).toBe(
    'no picture',
  );
  expect(streamStatus({ channel: null, daemon: null, capture: null })).toMatchObject({ fill: 'grey', shape: 'ring' });
});

test('a port that is taken says so', () => {
  const stream = daemon({ state: 'backoff', lastError: { kind: 'conflict', message: 'port', time: 0 } });
  expect(streamStatus({ channel: 'front', daemon: stream, capture: null }).text).toBe('port taken');
});
