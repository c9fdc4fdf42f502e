import { exists, Home, streamSpec, Supervised, until } from '../support/supervised.ts';

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

test('a daemon that is stopped by a signal is killed and respawned, and the reason is hang', async () => {
  at.supervisor.declare(streamSpec('door'));
  at.supervisor.declare(streamSpec('garden'));
  const pid = await at.ready('stream:door');
  await at.ready('stream:garden');
  process.kill(pid, 'SIGSTOP');
  expect(await at.event('daemon.hung')).toMatchObject({ reason: 'hang', daemon: { id: 'stream:door', pid } });
  const respawned = await at.event('daemon.respawned');
  expect(respawned).toMatchObject({ reason: 'hang', daemon: { id: 'stream:door', generation: 2 } });
  // Counted from the last beat, so it is never less than the watchdog's time.
  expect(respawned.detail['recoveryMs']).toBeGreaterThanOrEqual(1000);
  expect(exists(pid)).toBe(false);
  expect(at.view('stream:garden')).toMatchObject({ generation: 1, restarts: 0 });
});

test('a daemon whose main loop is busy is killed, although it would handle SIGTERM if it could', async () => {
  at.supervisor.declare(streamSpec('door', { onSignal: { do: 'busy' } }));
  process.kill(await at.ready('stream:door'), 'SIGUSR2');
  expect(await at.event('daemon.exited')).toMatchObject({ reason: 'hang', detail: { signal: 'SIGKILL' } });
  await at.ready('stream:door', 2);
});

test('each daemon has the patience that its spec gives it, and changing it does not restart anything', async () => {
  at.supervisor.declare(streamSpec('door', {}, { watchdogMs: 60_000 }));
  const pid = await at.ready('stream:door');
  process.kill(pid, 'SIGSTOP');
  await until(() => (at.view('stream:door').beatAgeMs ?? 0) > 1500);
  expect(at.view('stream:door')).toMatchObject({ state: 'ready', pid });
  at.supervisor.declare(streamSpec('door', {}, { watchdogMs: 300 }));
  expect(await at.event('daemon.hung')).toMatchObject({ daemon: { pid } });
});

test('a daemon that takes its time to start is not hanging', async () => {
  at.supervisor.declare(streamSpec('door', { startMs: 1500 }, { watchdogMs: 300 }));
  await at.ready('stream:door');
  expect(at.ofType('daemon.hung')).toEqual([]);
});

test('after supervisor and daemon were away together, as in a suspend, nobody is killed', async () => {
  at.supervisor.declare(streamSpec('door'));
  const pid = await at.ready('stream:door');
  process.kill(pid, 'SIGSTOP');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
  process.kill(pid, 'SIGCONT');
  await new Promise((resolve) => setTimeout(resolve, 1200));
  expect(at.ofType('daemon.hung')).toEqual([]);
  expect(at.view('stream:door')).toMatchObject({ state: 'ready', pid });
});
