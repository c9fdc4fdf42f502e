import { exists, Home, Supervised, captureSpec, streamSpec, until } from '../support/supervised.ts';

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

test('a declared daemon is spawned, configured and ready', async () => {
  at.supervisor.declare(streamSpec('door', { viewers: 3 }));
  const pid = await at.ready('stream:door');
  expect(exists(pid)).toBe(true);
  expect(at.view('stream:door')).toMatchObject({
    state: 'ready',
    generation: 1,
    restarts: 0,
    pid,
    viewers: 3,
    channel: 'door',
  });
});

test('a daemon that is killed when ready is back with the next generation', async () => {
  at.supervisor.declare(streamSpec('door'));
  const pid = await at.ready('stream:door');
  process.kill(pid, 'SIGKILL');
  const respawned = await at.event('daemon.respawned');
  expect(respawned).toMatchObject({ channel: 'door', reason: 'crash', daemon: { generation: 2 } });
  expect(respawned.detail['recoveryMs']).toBeGreaterThan(0);
  expect(at.view('stream:door')).toMatchObject({
    generation: 2,
    restarts: 1,
    lastExit: { signal: 'SIGKILL', reason: 'crash' },
  });
  expect(exists(pid)).toBe(false);
});
