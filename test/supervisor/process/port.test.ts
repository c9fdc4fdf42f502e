import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { LIMIT_MS } from '../../../runtime/supervisor/service.ts';
import type { Behaviour } from '../../support/fake-daemon.ts';
import {
  captureSpec,
  exists,
  freePort,
  Home,
  impatient,
  streamSpec,
  Supervised,
  until,
} from '../../support/supervised.ts';

let home: Home;
let at: Supervised;
let port: number;

beforeEach(async () => {
  home = new Home();
  at = await Supervised.open(home);
  port = await freePort();
});
afterEach(async () => {
  await at.supervisor.close();
  expect(home.leftovers()).toEqual([]);
  await expect(ask(port)).rejects.toThrow();
  home.remove();
});

const channel = (behaviour: Behaviour = {}, more: object = {}) =>
  streamSpec('door', { serve: true, ...behaviour }, { port, ...more });

const starving = () => channel({ onSignal: { do: 'leave', meaning: 'starved' } });
const starve = async (): Promise<void> => {
  process.kill(at.view('stream:door').pid!, 'SIGUSR2');
  await at.event('stream.starved');
};

/** The pid that answers. */
async function ask(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
  return Number(await response.text());
}

/** Asks again and again, twenty at a time, until told to stop; what came of it. */
function load() {
  const pids = new Set<number>();
  const refused: string[] = [];
  const over = new AbortController();
  const one = async (): Promise<void> => {
    while (!over.signal.aborted) {
      try {
        pids.add(await ask(port));
      } catch (error) {
        const { code } = (error as { cause?: { code?: string } }).cause ?? {};
        // A connection that the dead process had accepted is reset: nothing can save that. Refusing is what must not happen.
        if (code === 'ECONNREFUSED') refused.push(code);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const workers = Array.from({ length: 20 }, one);
  return {
    end: async () => {
      over.abort();
      await Promise.all(workers);
      return { pids, refused };
    },
  };
}

test('while a daemon is killed and respawned, again and again under load, its port refuses nobody', async () => {
  at.supervisor.declare(channel());
  await at.ready('stream:door');
  const clients = load();
  for (let generation = 1; generation <= 3; generation++) {
    process.kill(await at.ready('stream:door', generation), 'SIGKILL');
    const pid = await at.ready('stream:door', generation + 1);
    await until(async () => (await ask(port).catch(() => 0)) === pid);
  }
  const { pids, refused } = await clients.end();
  expect(refused).toEqual([]);
  expect(pids.size).toBeGreaterThanOrEqual(3);
});

test('a soft restart lets the next generation take over before the old one ends', async () => {
  at.supervisor.declare(channel({ drainMs: 300 }));
  const old = await at.ready('stream:door');
  const clients = load();
  const generation = at.supervisor.restart('stream:door', 'soft');
  expect(generation).toBe(2);
  const recycled = await at.event('daemon.recycled');
  expect(recycled).toMatchObject({ reason: 'operator', daemon: { generation: 2 } });
  // The old one drains while the new one serves.
  expect(exists(old)).toBe(true);
  expect(at.view('stream:door')).toMatchObject({ state: 'ready', generation: 2, restarts: 1 });
  const exited = await at.event('daemon.exited');
  expect(exited).toMatchObject({ reason: 'operator', daemon: { pid: old }, detail: { outcome: 'recycled' } });
  const { refused, pids } = await clients.end();
  expect(refused).toEqual([]);
  expect(pids).toContain(at.view('stream:door').pid);
  expect(at.view('stream:door').lastExit).toMatchObject({ outcome: 'recycled' });
});

test('a daemon that drains for too long, or is killed while it drains, does not disturb its successor', async () => {
  at.supervisor.declare(channel({ drainMs: 60_000 }));
  const old = await at.ready('stream:door');
  at.supervisor.restart('stream:door', 'soft');
  await at.event('daemon.recycled');
  process.kill(old, 'SIGKILL');
  await at.event('daemon.exited');
  expect(at.view('stream:door')).toMatchObject({ state: 'ready', generation: 2, restarts: 1 });
  expect(await ask(port)).toBe(at.view('stream:door').pid);
});

test('a soft restart whose new generation cannot start is called off, and the old one serves on', async () => {
  const entry = jest.fn(() => require.resolve('../../support/fake-daemon.ts'));
  await at.supervisor.close();
  at = await Supervised.open(home, { daemonEntry: entry });
  at.supervisor.declare(channel());
  const old = await at.ready('stream:door');
  entry.mockReturnValue('/nowhere/daemon.ts');
  at.supervisor.restart('stream:door', 'soft');
  expect(await at.event('daemon.exited')).toMatchObject({ daemon: { generation: 2 }, reason: 'crash' });
  expect(at.view('stream:door')).toMatchObject({ state: 'ready', generation: 1, pid: old });
  expect(await ask(port)).toBe(old);
});

test('when the old generation dies while its successor starts, the successor is all there is', async () => {
  at.supervisor.declare(channel({ startMs: 500 }));
  const old = await at.ready('stream:door');
  at.supervisor.restart('stream:door', 'soft');
  process.kill(old, 'SIGKILL');
  const pid = await at.ready('stream:door', 2);
  expect(await ask(port)).toBe(pid);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(at.view('stream:door')).toMatchObject({ state: 'ready', generation: 2, pid });
});

test('a hard restart kills, and the port waits for the next generation', async () => {
  at.supervisor.declare(channel());
  const old = await at.ready('stream:door');
  const clients = load();
  expect(at.supervisor.restart('stream:door', 'hard')).toBe(2);
  expect(await at.event('daemon.exited')).toMatchObject({ reason: 'operator', detail: { signal: 'SIGKILL' } });
  expect(await at.event('daemon.recycled')).toMatchObject({ reason: 'operator', daemon: { generation: 2 } });
  expect(exists(old)).toBe(false);
  expect((await clients.end()).refused).toEqual([]);
});

test('when a daemon cannot be started, its port is closed instead of letting viewers hang, and opens when it can', async () => {
  at.supervisor.declare(channel());
  const pid = await at.ready('stream:door');
  const aside = `${home.run}.aside`;
  renameSync(home.run, aside);
  writeFileSync(home.run, 'in the way');
  process.kill(pid, 'SIGKILL');
  await at.event('daemon.blocked');
  await until(() =>
    ask(port).then(
      () => false,
      (error: { cause?: { code?: string } }) => error.cause?.code === 'ECONNREFUSED',
    ),
  );
  rmSync(home.run);
  renameSync(aside, home.run);
  // What the dead process left in the folder while that was away.
  rmSync(path.join(home.run, 'stream_door.1.json'), { force: true });
  const next = await at.ready('stream:door', 2);
  expect(await ask(port)).toBe(next);
});

test('a daemon whose log cannot be written is started all the same', async () => {
  rmSync(home.logs, { recursive: true, force: true });
  writeFileSync(home.logs, 'in the way');
  at.supervisor.declare(channel());
  expect(await ask(port).catch(() => at.ready('stream:door').then(() => ask(port)))).toBe(at.view('stream:door').pid);
});

test('a soft restart of a daemon that shares nothing is stop and then start', async () => {
  at.supervisor.declare(captureSpec('door'));
  await at.ready('capture:door');
  expect(at.supervisor.restart('capture:door', 'soft')).toBe(2);
  await at.ready('capture:door', 2);
  const types = at.events.map(({ type }) => type);
  expect(types.indexOf('daemon.exited')).toBeLessThan(types.lastIndexOf('daemon.ready'));
  expect(at.ofType('daemon.exited')).toMatchObject([{ reason: 'operator', detail: { outcome: 'done' } }]);
});

test('a daemon that asks for it is replaced in order', async () => {
  at.supervisor.declare(channel({ onSignal: { do: 'recycle' } }));
  process.kill(await at.ready('stream:door'), 'SIGUSR2');
  expect(await at.event('daemon.recycled')).toMatchObject({ reason: 'memory', daemon: { generation: 2 } });
  await at.event('daemon.exited');
  expect(at.view('stream:door')).toMatchObject({ generation: 2, state: 'ready' });
});

test('what is not there cannot be restarted', () => {
  expect(() => at.supervisor.restart('stream:door', 'hard')).toThrow(expect.objectContaining({ kind: 'notFound' }));
});

test('a new configuration on the same port takes over without a refused connection; one on another port closes the old one', async () => {
  at.supervisor.declare(channel());
  await at.ready('stream:door');
  const clients = load();
  at.supervisor.declare(channel({ viewers: 1 }));
  expect(await at.event('daemon.recycled')).toMatchObject({ reason: 'config' });
  await at.event('daemon.exited');
  expect((await clients.end()).refused).toEqual([]);
  const other = await freePort();
  at.supervisor.declare(streamSpec('door', { serve: true }, { port: other }));
  const pid = await at.ready('stream:door', 3);
  expect(await ask(other)).toBe(pid);
  await expect(ask(port)).rejects.toThrow();
});

test('two channels that swap their ports in one deploy do so without a false alarm', async () => {
  const other = await freePort();
  const garden = (at: number) => streamSpec('garden', { serve: true }, { port: at });
  at.supervisor.declare(channel());
  at.supervisor.declare(garden(other));
  await at.ready('stream:door');
  await at.ready('stream:garden');
  at.supervisor.declare(channel({}, { port: other }));
  at.supervisor.declare(garden(port));
  const pids = [await at.ready('stream:door', 2), await at.ready('stream:garden', 2)];
  expect([await ask(other), await ask(port)]).toEqual(pids);
  expect(at.ofType('daemon.blocked')).toEqual([]);
});

test('a restart says truly how long nobody served', async () => {
  at.supervisor.declare(channel({ startMs: 300 }));
  await at.ready('stream:door');
  at.supervisor.restart('stream:door', 'hard');
  const hard = await at.event('daemon.recycled');
  expect(hard).toMatchObject({ reason: 'operator', daemon: { generation: 2 } });
  expect(hard.detail['recoveryMs']).toBeGreaterThanOrEqual(300);
  expect(at.view('stream:door').lastExit).toMatchObject({ reason: 'operator', outcome: 'killed' });
  at.supervisor.restart('stream:door', 'soft');
  expect(await at.event('daemon.recycled', () => true, hard.id)).toMatchObject({ detail: { recoveryMs: 0 } });
});

test('when the old one dies before its successor is ready, the world is told how long nobody served', async () => {
  at.supervisor.declare(channel({ startMs: 600 }));
  const old = await at.ready('stream:door');
  at.supervisor.restart('stream:door', 'soft');
  process.kill(old, 'SIGKILL');
  const back = await at.event('daemon.respawned');
  expect(back).toMatchObject({ reason: 'crash', daemon: { generation: 2 } });
  expect(back.detail['recoveryMs']).toBeGreaterThan(0);
  expect(at.ofType('daemon.recycled')).toEqual([]);
});

describe('a port that somebody else has', () => {
  let other: Server;
  beforeEach(async () => {
    other = createServer();
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  });
  afterEach(() => new Promise((resolve) => other.close(resolve)));

  test('is said once, clearly, and tried again until it is free', async () => {
    at.supervisor.declare(channel());
    const blocked = await at.event('daemon.blocked');
    expect(blocked).toMatchObject({
      channel: 'door',
      daemon: { id: 'stream:door' },
      detail: { message: expect.stringContaining(`Port ${port} on 127.0.0.1 is taken by another program`) },
    });
    expect(at.view('stream:door')).toMatchObject({ state: 'backoff', pid: null, lastError: { kind: 'conflict' } });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(at.ofType('daemon.blocked')).toHaveLength(1);
    await new Promise((resolve) => other.close(resolve));
    const pid = await at.ready('stream:door');
    expect(await ask(port)).toBe(pid);
    expect(at.view('stream:door').lastError).toBeNull();
  });
});

describe('a starved channel', () => {
  const online = { type: 'camera', state: 'online', errorKind: null, message: null, retryMs: null } as const;

  test('has a closed port: no camera, no picture', async () => {
    at.supervisor.declare(starving());
    await at.ready('stream:door');
    await starve();
    expect(at.view('stream:door')).toMatchObject({ state: 'backoff', starved: true, lastExit: { reason: 'starved' } });
    await expect(ask(port)).rejects.toThrow();
    expect(at.ofType('stream.starved')).toMatchObject([{ reason: 'starved', channel: 'door' }]);
  });

  test('is back as soon as its capture daemon says that the camera is online', async () => {
    at.supervisor.declare(captureSpec('door', { onSignal: { do: 'send', messages: [online] } }));
    at.supervisor.declare(captureSpec('garden', { send: [online] }));
    at.supervisor.declare(starving());
    const capture = await at.ready('capture:door');
    await at.ready('stream:door');
    await starve();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(at.view('stream:door').state).toBe('backoff');
    process.kill(capture, 'SIGUSR2');
    expect(await at.event('daemon.respawned')).toMatchObject({ reason: 'starved', channel: 'door' });
    expect(await ask(port)).toBe(at.view('stream:door').pid);
  });

  test('is back as soon as its capture daemon writes a packet', async () => {
    at.supervisor.declare(captureSpec('door', { onSignal: { do: 'packet' } }));
    at.supervisor.declare(starving());
    const capture = await at.ready('capture:door');
    await at.ready('stream:door');
    await starve();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(at.view('stream:door').state).toBe('backoff');
    process.kill(capture, 'SIGUSR2');
    await at.ready('stream:door', 2);
  });

  test('is tried again after a while even when nobody says anything', async () => {
    await at.supervisor.close();
    at = await Supervised.open(home, { clock: impatient((ms) => (ms === LIMIT_MS.starved ? 300 : ms)) });
    at.supervisor.declare(starving());
    await at.ready('stream:door');
    await starve();
    await at.ready('stream:door', at.view('stream:door').generation + 1);
  });
});
