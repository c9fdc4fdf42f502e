import { mkdirSync, rmdirSync } from 'node:fs';
import { captureSpec, exists, freePort, Home, streamSpec, Supervised, until } from '../support/supervised.ts';

let home: Home;
let at: Supervised;

beforeEach(async () => {
  home = new Home();
  at = await Supervised.open(home);
});
afterEach(async () => {
  await at.supervisor.close();
  home.remove();
});

test('a deploy that changes nothing touches no process', async () => {
  const specs = [streamSpec('door'), captureSpec('door')];
  for (const spec of specs) at.supervisor.declare(spec);
  const pids = [await at.ready('stream:door'), await at.ready('capture:door')];
  for (let deploy = 0; deploy < 3; deploy++) {
    for (const { id } of specs) at.supervisor.release(id);
    for (const spec of [streamSpec('door'), captureSpec('door')]) at.supervisor.declare(spec);
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect([at.view('stream:door').pid, at.view('capture:door').pid]).toEqual(pids);
  expect(at.events.map(({ type }) => type)).toEqual(['daemon.ready', 'daemon.ready']);
});

test('what is released and not declared again is stopped when its hold is over, and is gone', async () => {
  at.supervisor.declare(streamSpec('door'));
  const pid = await at.ready('stream:door');
  at.supervisor.release('stream:door', { holdMs: 300 });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(at.view('stream:door')).toMatchObject({ state: 'ready', pid });
  await until(() => at.supervisor.daemons().length === 0);
  expect(exists(pid)).toBe(false);
  expect(at.ofType('daemon.exited')).toMatchObject([{ reason: 'deploy', detail: { outcome: 'done', code: 0 } }]);
  expect(home.leftovers()).toEqual(['control.sock']);
});

test('a changed spec replaces that daemon and no other', async () => {
  at.supervisor.declare(captureSpec('door'));
  at.supervisor.declare(captureSpec('garden'));
  const door = await at.ready('capture:door');
  const garden = await at.ready('capture:garden');
  at.supervisor.declare(captureSpec('door', { viewers: 1 }));
  at.supervisor.declare(captureSpec('garden'));
  await at.ready('capture:door', 2);
  expect(await at.event('daemon.recycled')).toMatchObject({ reason: 'config', channel: 'door' });
  expect(exists(door)).toBe(false);
  expect(at.view('capture:door').viewers).toBe(1);
  expect(at.view('capture:garden')).toMatchObject({ pid: garden, generation: 1 });
});

test('the last of several changes in a row is what runs', async () => {
  for (let viewers = 0; viewers < 5; viewers++) at.supervisor.declare(captureSpec('door', { viewers }));
  await until(() => at.supervisor.daemons()[0]?.viewers === 4);
  expect(at.view('capture:door').state).toBe('ready');
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(at.view('capture:door').viewers).toBe(4);
});

test('a change that is taken back before its process is ready leaves what runs as it is', async () => {
  const port = await freePort();
  const first = streamSpec('door', { serve: true, viewers: 1 }, { port });
  const second = streamSpec('door', { serve: true, viewers: 2, startMs: 500 }, { port });
  at.supervisor.declare(first);
  const pid = await at.ready('stream:door');
  at.supervisor.declare(second);
  await until(() => home.leftovers().filter((name) => name.endsWith('.json')).length === 2);
  // Late enough for the successor to have its configuration.
  await new Promise((resolve) => setTimeout(resolve, 300));
  at.supervisor.declare(first);
  await until(() => home.leftovers().filter((name) => name.endsWith('.json')).length === 1);
  expect(at.view('stream:door')).toMatchObject({ pid, viewers: 1, state: 'ready' });
  expect(at.ofType('daemon.recycled')).toEqual([]);
});

test('what is released is gone also where the disk takes nothing', async () => {
  at.supervisor.declare(streamSpec('door'));
  await at.ready('stream:door');
  at.supervisor.stop('stream:door');
  await until(() => at.view('stream:door').state === 'stopped');
  const inTheWay = `${home.run}/generations.json.${process.pid}.tmp`;
  mkdirSync(inTheWay);
  at.supervisor.release('stream:door', { holdMs: 0 });
  expect(at.supervisor.daemons()).toEqual([]);
  rmdirSync(inTheWay);
});

test('a daemon that is declared again while it stops comes back', async () => {
  at.supervisor.declare(streamSpec('door'));
  await at.ready('stream:door');
  at.supervisor.release('stream:door', { holdMs: 0 });
  expect(at.view('stream:door').state).toBe('stopping');
  at.supervisor.declare(streamSpec('door'));
  await at.ready('stream:door', 2);
});

test.each([
  ['an id that cannot name a file', { ...streamSpec('door'), id: '../door' }],
  [
    'a configuration that does not parse',
    { ...streamSpec('door'), config: { ...streamSpec('door').config, number: -1 } },
  ],
])('%s is refused at once, and nothing is started', (_, spec) => {
  expect(() => at.supervisor.declare(spec)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  expect(at.supervisor.daemons()).toEqual([]);
});

test('what was never declared can be released', () => {
  at.supervisor.release('stream:nobody');
  expect(at.supervisor.daemons()).toEqual([]);
});

describe('closing', () => {
  test('ends everything and leaves nothing behind', async () => {
    for (const name of ['one', 'two', 'three']) at.supervisor.declare(streamSpec(name));
    at.supervisor.declare(streamSpec('silent'));
    at.supervisor.declare(streamSpec('mute'));
    const pids = [];
    for (const name of ['one', 'two', 'three']) pids.push(await at.ready(`stream:${name}`));
    const silent = await until(() => at.view('stream:silent').pid);
    await at.supervisor.close();
    expect([...pids, silent].filter(exists)).toEqual([]);
    expect(home.leftovers()).toEqual([]);
    expect(at.ofType('daemon.exited').filter(({ reason }) => reason === 'operator').length).toBeGreaterThanOrEqual(4);
  });

  test('kills what does not listen', async () => {
    at.supervisor.declare(streamSpec('door', { stop: 'stubborn' }));
    const pid = await at.ready('stream:door');
    await at.supervisor.close();
    expect(exists(pid)).toBe(false);
    expect(at.ofType('daemon.exited')).toMatchObject([{ reason: 'operator', detail: { signal: 'SIGKILL' } }]);
  });

  test('may be asked for again, and afterwards nothing is started any more', async () => {
    await Promise.all([at.supervisor.close(), at.supervisor.close()]);
    expect(() => at.supervisor.declare(streamSpec('door'))).toThrow(expect.objectContaining({ kind: 'conflict' }));
    await expect(at.supervisor.probe({} as never)).rejects.toMatchObject({ kind: 'conflict' });
  });

  test('while a daemon is being replaced ends both', async () => {
    at.supervisor.declare(captureSpec('door'));
    const old = await at.ready('capture:door');
    at.supervisor.restart('capture:door', 'soft');
    await at.supervisor.close();
    expect(exists(old)).toBe(false);
    expect(home.leftovers()).toEqual([]);
  });
});
