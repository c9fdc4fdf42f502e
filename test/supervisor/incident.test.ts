import { once } from 'node:events';
import { exists, Home, captureSpec, streamSpec, Supervised, supervisorProcess, until } from '../support/supervised.ts';

let home: Home;
let at: Supervised | undefined;

const open = async (...options: Parameters<typeof Supervised.open> extends [Home, ...infer R] ? R : never) =>
  (at = await Supervised.open(home, ...options));
beforeEach(() => {
  home = new Home();
});
afterEach(async () => {
  await at?.supervisor.close();
  at = undefined;
  expect(home.leftovers()).toEqual([]);
  home.remove();
});

const names = Array.from({ length: 8 }, (_, i) => `door-${i}`);

test('eight channels whose daemons are all killed at once come back, and one incident is told', async () => {
  await open();
  for (const name of names) at!.supervisor.declare(streamSpec(name));
  const pids = await Promise.all(names.map((name) => at!.ready(`stream:${name}`)));
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await Promise.all(names.map((name) => at!.ready(`stream:${name}`, 2)));
  const incident = await at!.event('daemon.incident');
  expect(incident).toMatchObject({ reason: 'crash', detail: { count: 8, cause: 'crash' } });
  expect(String(incident.detail['daemons']).split(' ').toSorted()).toEqual(names.map((name) => `stream:${name}`));
  expect(at!.ofType('daemon.incident')).toHaveLength(1);
  expect(at!.ofType('daemon.exited')).toHaveLength(8);
});

test('when all stop beating at once, those that beat again within seconds are not killed', async () => {
  await open();
  const four = names.slice(0, 4);
  for (const name of four) at!.supervisor.declare(streamSpec(name));
  const pids = await Promise.all(four.map((name) => at!.ready(`stream:${name}`)));
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  // Told as soon as it is most of them: a fourth one may become late a moment later.
  const incident = await at!.event('daemon.incident');
  expect(incident).toMatchObject({ reason: 'hang', detail: { cause: 'hang' } });
  expect(incident.detail['count']).toBeGreaterThanOrEqual(3);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  for (const pid of pids) process.kill(pid, 'SIGCONT');
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(at!.ofType('daemon.hung')).toEqual([]);
  expect(pids.every(exists)).toBe(true);
});

test('when all stop beating at once and stay away, all are killed and come back', async () => {
  await open();
  const four = names.slice(0, 4);
  for (const name of four) at!.supervisor.declare(streamSpec(name));
  const pids = await Promise.all(four.map((name) => at!.ready(`stream:${name}`)));
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  await Promise.all(four.map((name) => at!.ready(`stream:${name}`, 2)));
  expect(at!.ofType('daemon.hung')).toHaveLength(4);
  expect(at!.ofType('daemon.incident')).toHaveLength(1);
});

test('a supervisor that was stopped for a while kills nobody when it goes on', async () => {
  const specs = names.slice(0, 3).map((name) => streamSpec(name));
  const { process: supervisor, pids } = await supervisorProcess(home, 'stay', specs);
  supervisor.kill('SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 3000));
  supervisor.kill('SIGCONT');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(Object.values(pids).every(exists)).toBe(true);
  supervisor.kill('SIGTERM');
  await once(supervisor, 'exit');
  await until(() => !Object.values(pids).some(exists));
});

describe('a daemon with input and no output', () => {
  const quick = { progress: { stalledMs: 600, hopelessMs: 1200 } };

  test('is told and shown as degraded, and killed as one that hangs when it stays so', async () => {
    await open(quick);
    at!.supervisor.declare(captureSpec('door', { onSignal: { do: 'work', stuck: true } }));
    process.kill(await at!.ready('capture:door'), 'SIGUSR2');
    expect(await at!.event('daemon.stalled')).toMatchObject({ reason: 'hang', channel: 'door' });
    expect(at!.view('capture:door')).toMatchObject({
      state: 'degraded',
      degraded: expect.stringContaining('no output'),
    });
    expect(await at!.event('daemon.exited')).toMatchObject({ reason: 'hang', detail: { outcome: 'killed' } });
    expect(await at!.event('daemon.respawned')).toMatchObject({ reason: 'hang', daemon: { generation: 2 } });
    expect(at!.ofType('daemon.stalled')).toHaveLength(1);
  });

  test('is no trouble while there is output as well, or no input', async () => {
    await open(quick);
    at!.supervisor.declare(captureSpec('door', { onSignal: { do: 'work', stuck: false } }));
    at!.supervisor.declare(captureSpec('quiet-one'));
    process.kill(await at!.ready('capture:door'), 'SIGUSR2');
    await at!.ready('capture:quiet-one');
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(at!.events.map(({ type }) => type)).toEqual(['daemon.ready', 'daemon.ready']);
  });
});
