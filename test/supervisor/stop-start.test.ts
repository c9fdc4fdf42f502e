import { LIMIT_MS } from '../../runtime/supervisor/service.ts';
import {
  captureSpec,
  exists,
  freePort,
  Home,
  impatient,
  streamSpec,
  Supervised,
  until,
} from '../support/supervised.ts';

let home: Home;
let at: Supervised;

beforeEach(async () => {
  home = new Home();
  at = await Supervised.open(home);
});
afterEach(async () => {
  await at.supervisor.close();
  expect(home.leftovers()).toEqual([]);
  home.remove();
});

const refusal = async (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/`).then(
    () => false,
    () => true,
  );

async function stopped(id: string): Promise<void> {
  at.supervisor.stop(id);
  await until(() => at.view(id).state === 'stopped');
}

test('a daemon that the operator stops ends, closes its port and is still there to be started', async () => {
  const port = await freePort();
  at.supervisor.declare(streamSpec('door', { serve: true }, { port }));
  const pid = await at.ready('stream:door');
  await stopped('stream:door');
  expect(at.view('stream:door')).toMatchObject({ stopped: true, pid: null, lastExit: { reason: 'operator' } });
  expect(exists(pid)).toBe(false);
  expect(await refusal(port)).toBe(true);
  expect(at.ofType('daemon.exited')).toMatchObject([{ reason: 'operator', detail: { outcome: 'done' } }]);
  expect(at.supervisor.start('stream:door')).toBe(2);
  expect(at.view('stream:door').stopped).toBe(false);
  await at.ready('stream:door', 2);
  expect(await refusal(port)).toBe(false);
});

test('it stays down over deploys that leave it as it is, and comes up with one that changes it', async () => {
  at.supervisor.declare(captureSpec('door'));
  await at.ready('capture:door');
  await stopped('capture:door');
  at.supervisor.release('capture:door');
  at.supervisor.declare(captureSpec('door'));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(at.view('capture:door')).toMatchObject({ state: 'stopped', stopped: true });
  at.supervisor.declare(captureSpec('door', { viewers: 1 }));
  await at.ready('capture:door', 2);
  expect(at.view('capture:door')).toMatchObject({ stopped: false, viewers: 1 });
});

test('a deploy that takes it away and brings it back later begins anew', async () => {
  at.supervisor.declare(streamSpec('door'));
  await at.ready('stream:door');
  await stopped('stream:door');
  at.supervisor.release('stream:door', { holdMs: 0 });
  expect(at.supervisor.daemons()).toEqual([]);
  at.supervisor.declare(streamSpec('door'));
  await at.ready('stream:door', 2);
});

test.each(['soft', 'hard'] as const)('a %s restart of a stopped daemon starts it', async (mode) => {
  at.supervisor.declare(streamSpec('door'));
  await at.ready('stream:door');
  await stopped('stream:door');
  expect(at.supervisor.restart('stream:door', mode)).toBe(2);
  await at.ready('stream:door', 2);
  expect(at.view('stream:door').stopped).toBe(false);
});

test('one that is started again while it stops comes back when it has stopped', async () => {
  at.supervisor.declare(streamSpec('door'));
  await at.ready('stream:door');
  at.supervisor.stop('stream:door');
  expect(at.view('stream:door').state).toBe('stopping');
  expect(at.supervisor.start('stream:door')).toBe(2);
  await at.ready('stream:door', 2);
});

test('starting what runs changes nothing', async () => {
  at.supervisor.declare(streamSpec('door'));
  const pid = await at.ready('stream:door');
  expect(at.supervisor.start('stream:door')).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(at.view('stream:door')).toMatchObject({ pid, generation: 1, state: 'ready' });
});

test('starting what waits for its next try does not wait', async () => {
  at.supervisor.declare(streamSpec('door', { start: 'invalid' }));
  await until(() => at.view('stream:door').state === 'failed');
  at.supervisor.start('stream:door');
  await until(() => at.view('stream:door').generation === 2);
});

test('stopping ends a successor that is on its way as well', async () => {
  const port = await freePort();
  at.supervisor.declare(streamSpec('door', { serve: true, startMs: 400 }, { port }));
  await at.ready('stream:door');
  at.supervisor.restart('stream:door', 'soft');
  await stopped('stream:door');
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(at.ofType('daemon.ready')).toHaveLength(1);
  expect(await refusal(port)).toBe(true);
});

test('a stopped daemon is not woken by its camera', async () => {
  at.supervisor.declare(captureSpec('door', { onSignal: { do: 'packet' } }));
  at.supervisor.declare(streamSpec('door', { onSignal: { do: 'leave', meaning: 'starved' } }));
  process.kill(await at.ready('stream:door'), 'SIGUSR2');
  await at.event('stream.starved');
  at.supervisor.stop('stream:door');
  expect(at.view('stream:door')).toMatchObject({ state: 'stopped', starved: false });
  process.kill(await at.ready('capture:door'), 'SIGUSR2');
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(at.view('stream:door').state).toBe('stopped');
});

test('memory is no reason to bring back what the operator has just stopped', async () => {
  await at.supervisor.close();
  const memory = {
    readMs: 100,
    softMarginBytes: 0,
    softFactor: 0.5,
    softSustainedMs: 100,
    baselineFromMs: 0,
    baselineToMs: 300,
    leastAgeMs: 1_500,
    hardFloorBytes: { stream: 1e12, capture: 1e12, probe: 1e12 },
    machineShare: 1e6,
  };
  at = await Supervised.open(home, { memory, clock: impatient((ms) => (ms === LIMIT_MS.stopping ? 2_500 : ms)) });
  at.supervisor.declare(captureSpec('door', { stop: 'stubborn', leakMiBPerSecond: 50 }));
  await at.ready('capture:door');
  // So much that it ought to be replaced as soon as it is old enough, which is while it stops.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  at.supervisor.stop('capture:door');
  await at.event('daemon.exited');
  expect(at.view('capture:door')).toMatchObject({ state: 'stopped', stopped: true });
});

test('what is not declared can be neither stopped nor started', () => {
  for (const verb of ['stop', 'start'] as const) {
    expect(() => at.supervisor[verb]('stream:door')).toThrow(expect.objectContaining({ kind: 'notFound' }));
  }
});
