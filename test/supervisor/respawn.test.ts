import { mkdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '../../runtime/clock.ts';
import { EXIT } from '../../runtime/exit-code.ts';
import type { MediaDescription } from '../../runtime/media/track.ts';
import { LIMIT_MS } from '../../runtime/supervisor/service.ts';
import { captureSpec, exists, Home, impatient, streamSpec, Supervised, until } from '../support/supervised.ts';

let home: Home;
let at: Supervised;

const open = async (...options: Parameters<typeof Supervised.open> extends [Home, ...infer R] ? R : never) => {
  at = await Supervised.open(home, ...options);
};
beforeEach(() => {
  home = new Home();
});
afterEach(async () => {
  await at.supervisor.close();
  expect(home.leftovers()).toEqual([]);
  home.remove();
});

test('a declared daemon is spawned, configured and ready', async () => {
  await open();
  at.supervisor.declare(streamSpec('door', { viewers: 3 }));
  const pid = await at.ready('stream:door');
  expect(exists(pid)).toBe(true);
  expect(at.view('stream:door')).toMatchObject({
    kind: 'stream',
    channel: 'door',
    state: 'ready',
    generation: 1,
    restarts: 0,
    pid,
    viewers: 3,
    lastExit: null,
    lastError: null,
  });
  await until(() => at.view('stream:door').privateBytes);
  expect(at.view('stream:door').beatAgeMs).not.toBeNull();
});

test('a limit holds also where every timer of the supervisor is late', async () => {
  const clock = {
    ...systemClock,
    nowMs: () => systemClock.nowMs() * 10,
    after: (delayMs: number, run: () => void) => systemClock.after(delayMs / 10 + 50, run),
  };
  await open({ clock });
  at.supervisor.declare(streamSpec('silent'));
  expect(await at.event('daemon.exited')).toMatchObject({ reason: 'hang' });
});

test('a daemon that is restarted twice in one moment is given all the time that a start may take', async () => {
  await open({ clock: impatient((ms) => (ms === LIMIT_MS.killing ? 400 : ms)) });
  at.supervisor.declare(captureSpec('door', { start: 'never' }));
  await until(() => at.view('capture:door').state === 'initialising');
  for (let times = 0; times < 2; times++) at.supervisor.restart('capture:door', 'hard');
  await until(() => at.view('capture:door').state === 'initialising' && at.view('capture:door').generation === 2);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(at.ofType('daemon.exited')).toHaveLength(1);
});

describe('a daemon that is killed', () => {
  test('while the disk takes nothing is back all the same', async () => {
    await open();
    at.supervisor.declare(streamSpec('door'));
    const pid = await at.ready('stream:door');
    const inTheWay = ['generations.json', 'stream_door.2.json'].map((name) =>
      path.join(home.run, `${name}.${process.pid}.tmp`),
    );
    for (const directory of inTheWay) mkdirSync(directory);
    process.kill(pid, 'SIGKILL');
    await at.event('daemon.respawned');
    expect(at.view('stream:door')).toMatchObject({ state: 'ready', generation: 2 });
    expect(home.leftovers()).toContain('stream_door.2.json');
    for (const directory of inTheWay) rmdirSync(directory);
  });

  test('when it is ready is back with the next generation, and the world knows how long it took', async () => {
    await open();
    at.supervisor.declare(streamSpec('door'));
    at.supervisor.declare(streamSpec('garden'));
    const pid = await at.ready('stream:door');
    const other = await at.ready('stream:garden');
    process.kill(pid, 'SIGKILL');
    const respawned = await at.event('daemon.respawned');
    expect(respawned).toMatchObject({ channel: 'door', reason: 'crash', daemon: { kind: 'stream', generation: 2 } });
    expect(respawned.detail['recoveryMs']).toBeGreaterThan(0);
    expect(at.view('stream:door')).toMatchObject({
      generation: 2,
      restarts: 1,
      lastExit: { signal: 'SIGKILL', code: null, reason: 'crash' },
    });
    expect(exists(pid)).toBe(false);
    expect(at.view('stream:garden')).toMatchObject({ pid: other, generation: 1, restarts: 0 });
  });

  test('before it has said hello is spawned again', async () => {
    await open();
    at.supervisor.declare(streamSpec('silent'));
    const pid = await until(() => at.view('stream:silent').pid);
    expect(at.view('stream:silent').state).toBe('spawning');
    process.kill(pid, 'SIGKILL');
    await until(() => at.view('stream:silent').generation === 2);
    expect(await at.event('daemon.exited')).toMatchObject({ daemon: { pid }, detail: { signal: 'SIGKILL' } });
  });

  test('before it is ready is spawned again', async () => {
    await open();
    at.supervisor.declare(streamSpec('door', { start: 'never' }));
    const pid = await until(() => at.view('stream:door').state === 'initialising' && at.view('stream:door').pid);
    process.kill(pid, 'SIGKILL');
    await until(() => at.view('stream:door').generation === 2 && at.view('stream:door').state === 'initialising');
  });

  test('while it stops is stopped', async () => {
    await open();
    at.supervisor.declare(streamSpec('door', { stop: 'stubborn' }));
    const pid = await at.ready('stream:door');
    at.supervisor.release('stream:door', { holdMs: 0 });
    expect(at.view('stream:door').state).toBe('stopping');
    process.kill(pid, 'SIGKILL');
    await until(() => at.supervisor.daemons().length === 0);
    expect(await at.event('daemon.exited')).toMatchObject({ reason: 'deploy', detail: { signal: 'SIGKILL' } });
  });
});

describe('a process that is not what was started', () => {
  test('one that never says hello is killed and started again', async () => {
    await open({ clock: impatient((ms) => (ms >= 10_000 ? 1500 : ms)) });
    at.supervisor.declare(streamSpec('silent'));
    expect(await at.event('daemon.exited')).toMatchObject({ reason: 'hang', detail: { signal: 'SIGKILL' } });
    await until(() => at.view('stream:silent').generation === 2);
  });

  test('one that is never ready is killed and started again', async () => {
    await open({ clock: impatient((ms) => (ms >= 10_000 ? 1500 : ms)) });
    at.supervisor.declare(streamSpec('door', { start: 'never' }));
    expect(await at.event('daemon.exited')).toMatchObject({ reason: 'hang', detail: { signal: 'SIGKILL' } });
    await until(() => at.view('stream:door').generation === 2);
  });

  test('one that talks garbage is not listened to', async () => {
    await open({ clock: impatient((ms) => (ms >= 10_000 ? 1500 : ms)) });
    at.supervisor.declare(streamSpec('garbage'));
    expect(await at.event('daemon.exited')).toMatchObject({ reason: 'hang' });
    expect(at.ofType('daemon.ready')).toEqual([]);
  });

  test('one that does not know the nonce is not configured', async () => {
    await open({ clock: impatient((ms) => (ms >= 10_000 ? 1500 : ms)) });
    at.supervisor.declare(streamSpec('liar'));
    expect(await at.event('daemon.exited')).toMatchObject({ reason: 'hang' });
    expect(at.ofType('daemon.ready')).toEqual([]);
  });

  test('one of another protocol version is ended at once, and the reason is told', async () => {
    await open();
    at.supervisor.declare(streamSpec('future'));
    const exited = await at.event('daemon.exited');
    expect(exited).toMatchObject({ reason: 'crash', detail: { message: expect.stringContaining('protocol 99') } });
    expect(at.view('stream:future').lastError).toMatchObject({ kind: 'version' });
  });

  test('one that ends before it has said a word is started again', async () => {
    await open();
    at.supervisor.declare(streamSpec('mute'));
    expect(await at.event('daemon.exited')).toMatchObject({ detail: { outcome: 'crash', code: 3 } });
    await until(() => at.view('stream:mute').generation === 2);
  });

  test('a program that does not exist is a failure like any other', async () => {
    await open({ daemonEntry: () => '/nowhere/daemon.ts' });
    at.supervisor.declare(streamSpec('door'));
    expect(await at.event('daemon.exited')).toMatchObject({ detail: { outcome: 'crash', code: 1 } });
    await until(() => at.view('stream:door').generation === 2);
  });
});

describe('an exit code means', () => {
  test.each([
    ['done', EXIT.done],
    ['recycled', EXIT.recycled],
    ['nothing', 3],
  ])('%s: nobody asked for it, so it is a crash', async (_, code) => {
    await open();
    at.supervisor.declare(streamSpec('door', { onSignal: { do: 'exit', code } }));
    process.kill(await at.ready('stream:door'), 'SIGUSR2');
    expect(await at.event('daemon.exited')).toMatchObject({ reason: 'crash', detail: { code } });
    await at.ready('stream:door', 2);
  });

  test('a configuration error: it is not tried again until the configuration changes', async () => {
    await open();
    at.supervisor.declare(streamSpec('door', { start: 'invalid' }));
    await until(() => at.view('stream:door').state === 'failed');
    expect(at.view('stream:door')).toMatchObject({
      lastExit: { outcome: 'config', reason: 'config' },
      lastError: { kind: 'invalid', message: 'told to fail' },
    });
    at.supervisor.declare(streamSpec('door', { start: 'invalid' }));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(at.view('stream:door')).toMatchObject({ state: 'failed', generation: 1 });
    at.supervisor.declare(streamSpec('door'));
    await at.ready('stream:door', 2);
    expect(at.view('stream:door').lastError).toBeNull();
  });

  test('a temporary failure: it is tried again later, and says why it failed', async () => {
    await open();
    at.supervisor.declare(streamSpec('door', { start: 'exhausted' }));
    const exited = await at.event('daemon.exited');
    expect(exited.detail).toMatchObject({ outcome: 'temporary', code: EXIT.temporary, message: 'told to fail' });
    await until(() => at.view('stream:door').generation === 3);
    expect(at.view('stream:door').lastError).toMatchObject({ kind: 'exhausted', message: 'told to fail' });
  });
});

describe('a defect in a daemon', () => {
  test('while it starts is a crash that says what it was', async () => {
    await open();
    at.supervisor.declare(streamSpec('door', { start: 'throw' }));
    const exited = await at.event('daemon.exited');
    expect(exited).toMatchObject({ reason: 'crash', detail: { outcome: 'crash', message: /a defect/ } });
  });

  test.each(['throw', 'reject'] as const)('while it works (%s) is a crash that says what it was', async (what) => {
    await open();
    at.supervisor.declare(streamSpec('door', { onSignal: { do: what } }));
    process.kill(await at.ready('stream:door'), 'SIGUSR2');
    const exited = await at.event('daemon.exited');
    expect(exited).toMatchObject({ reason: 'crash', detail: { code: 1 } });
    await at.ready('stream:door', 2);
  });

  test('while it stops does not keep it from stopping', async () => {
    await open();
    at.supervisor.declare(streamSpec('door', { stop: 'throw' }));
    await at.ready('stream:door');
    at.supervisor.release('stream:door', { holdMs: 0 });
    expect(await at.event('daemon.exited')).toMatchObject({ reason: 'deploy', detail: { outcome: 'done' } });
  });
});

test('a daemon that fails again and again is held, and one alarm is raised', async () => {
  await open({
    clock: impatient((ms) => (Object.values<number>(LIMIT_MS).includes(ms) ? ms : ms / 100)),
    daemonEntry: () => '/nowhere/daemon.ts',
  });
  at.supervisor.declare(streamSpec('door'));
  expect(await at.event('daemon.held')).toMatchObject({ daemon: { id: 'stream:door', generation: 11 } });
  await until(() => at.view('stream:door').generation === 12);
  await until(() => at.view('stream:door').state === 'held');
  expect(at.ofType('daemon.held')).toHaveLength(1);
});

const media: MediaDescription = { codec: 'h264', width: 640, height: 360, fps: 25, audio: null, leftOut: [] };
const camera = (state: 'connecting' | 'online' | 'offline') =>
  ({ type: 'camera', state, errorKind: null, message: null, retryMs: null }) as const;

describe('what a daemon says', () => {
  test('is shown, and its events are passed on', async () => {
    await open();
    const seen: unknown[] = [];
    at.supervisor.onChange((view) => seen.push([view.state, view.media?.width, view.camera?.state, view.degraded]));
    at.supervisor.declare(
      captureSpec('door', {
        send: [
          { type: 'media', media },
          camera('online'),
          { type: 'degraded', reason: 'the clock drifts' },
          { type: 'event', event: 'viewer.flood', reason: 'memory', detail: { viewers: 51 } },
        ],
      }),
    );
    const event = await at.event('viewer.flood');
    expect(event).toMatchObject({
      channel: 'door',
      reason: 'memory',
      detail: { viewers: 51 },
      daemon: { kind: 'capture' },
    });
    await until(
      () => seen.length > 0 && JSON.stringify(seen.at(-1)) === '["degraded",640,"online","the clock drifts"]',
    );
    expect(at.view('capture:door')).toMatchObject({ media, camera: { state: 'online' } });
  });

  test('of its camera is an event when it changes, and none when it is only said again', async () => {
    await open();
    at.supervisor.declare(
      captureSpec('door', {
        send: [camera('connecting'), camera('online'), camera('connecting'), camera('online')],
        onSignal: { do: 'send', messages: [camera('offline'), camera('online')] },
      }),
    );
    const pid = await at.ready('capture:door');
    process.kill(pid, 'SIGUSR2');
    await until(() => at.ofType('camera.online').length === 2);
    process.kill(pid, 'SIGKILL');
    await at.ready('capture:door', 2);
    process.kill(at.view('capture:door').pid!, 'SIGUSR2');
    await until(() => at.ofType('camera.online').length === 3);
    expect(at.events.map(({ type }) => type).filter((type) => type.startsWith('camera'))).toEqual([
      'camera.online',
      'camera.offline',
      'camera.online',
      'camera.offline',
      'camera.online',
    ]);
  });
});

test('a listener that throws harms nobody', async () => {
  await open();
  at.supervisor.on(() => {
    throw new Error('not my day');
  });
  at.supervisor.onChange(() => {
    throw new Error('not my day');
  });
  at.supervisor.declare(streamSpec('door'));
  await at.ready('stream:door');
  await until(() => at.view('stream:door').state === 'ready');
});
