import { channelState, channelViews } from '../../runtime/server/api/channel-view.ts';
import type { DaemonView } from '../../runtime/supervisor/view.ts';
import { daemonView as daemon } from '../support/daemon-view.ts';

const camera = (state: 'connecting' | 'online' | 'offline') =>
  daemon('capture', {
    camera: { state, errorKind: null, message: state === 'offline' ? 'it is away' : null, retryMs: null },
  });
const away = { errorKind: 'timeout' as const, message: 'no answer', retryMs: 1 };

test.each<[string, DaemonView[], string]>([
  ['packets flow and the port answers', [camera('online'), daemon('stream')], 'live'],
  ['packets flow and no stream is wired', [camera('online')], 'live'],
  [
    'packets flow and the port does not answer yet',
    [camera('online'), daemon('stream', { state: 'spawning' })],
    'starting',
  ],
  [
    'one of two ports does not answer',
    [camera('online'), daemon('stream'), daemon('stream', { state: 'backoff' })],
    'starting',
  ],
  ['no packet has reached the port yet', [camera('online'), daemon('stream', { recordsOut: 0 })], 'starting'],
  [
    'the stream cannot read its ring',
    [camera('online'), daemon('stream', { state: 'degraded', degraded: 'no ring' })],
    'starting',
  ],
  ['the camera is being dialled', [camera('connecting'), daemon('stream')], 'starting'],
  ['the camera is away', [camera('offline'), daemon('stream')], 'starved'],
  [
    'the stream closed its port',
    [camera('connecting'), daemon('stream', { state: 'backoff', starved: true })],
    'starved',
  ],
  ['a daemon fails again and again', [camera('online'), daemon('stream', { state: 'held' })], 'held'],
  ['a daemon cannot work as it is configured', [daemon('capture', { state: 'failed' }), daemon('stream')], 'held'],
  [
    'the stream has starved and capture has not noticed yet',
    [camera('online'), daemon('stream', { state: 'backoff', starved: true })],
    'starved',
  ],
  [
    'an operator stopped its only stream',
    [camera('online'), daemon('stream', { state: 'stopped', stopped: true })],
    'stopped',
  ],
  [
    'an operator stopped its camera, and its stream starves for that reason',
    [daemon('capture', { state: 'stopped', stopped: true }), daemon('stream', { state: 'backoff', starved: true })],
    'stopped',
  ],
  [
    'an operator stopped one of two streams',
    [camera('online'), daemon('stream'), daemon('stream', { state: 'stopped', stopped: true })],
    'live',
  ],
  ['nothing runs', [], 'stopped'],
])('when %s the channel is %s', (_what, daemons, state) => {
  expect(channelState(daemons)).toBe(state);
});

const source = {
  id: 'tab/camera:0',
  channel: 'front',
  name: 'Front door',
  ringPath: '/dev/shm/secret/place.ring',
  settingsHash: 'hash-with-password',
  epoch: 'e',
  media: null,
};

test('a channel shows why it is not live, and nothing of where its ring is', () => {
  const offline = daemon('capture', { camera: { state: 'offline', ...away } });
  const [view] = channelViews({ sources: [source], streams: [], daemons: [offline], callerHost: 'localhost' });
  expect(view).toMatchObject({ state: 'starved', problem: 'no answer', number: null, port: null, url: null });
  expect(JSON.stringify(view)).not.toMatch(/place|hash-with/);
});

test.each([
  ['127.0.0.1', 'http://127.0.0.1:8101/'],
  ['0.0.0.0', 'http://nas.local:8101/'],
  ['::', 'http://nas.local:8101/'],
  ['fe80::1', 'http://[fe80::1]:8101/'],
])('a stream on %s is found at %s', (host, url) => {
  const stream = { number: 1, host, port: 8101, channel: 'front', daemonId: 'stream:1' };
  const [view] = channelViews({ sources: [source], streams: [stream], daemons: [], callerHost: 'nas.local' });
  expect(view?.url).toBe(url);
});

test('a camera that feeds two streams shows both, and the first as its own', () => {
  const streams = [
    { number: 7, host: '127.0.0.1', port: 9000, channel: 'front', daemonId: 'stream:7' },
    { number: 2, host: '127.0.0.1', port: 8102, channel: 'front', daemonId: 'stream:2' },
    { number: 3, host: '127.0.0.1', port: 8103, channel: 'yard', daemonId: 'stream:3' },
  ];
  const [view] = channelViews({ sources: [source], streams, daemons: [], callerHost: 'localhost' });
  expect(view).toMatchObject({ number: 2, port: 8102, url: 'http://127.0.0.1:8102/' });
  expect(view?.streams).toEqual([
    { number: 2, port: 8102, url: 'http://127.0.0.1:8102/', daemon: 'stream:2' },
    { number: 7, port: 9000, url: 'http://127.0.0.1:9000/', daemon: 'stream:7' },
  ]);
});
