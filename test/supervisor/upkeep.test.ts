import type { MemoryPolicy } from '../../runtime/supervisor/policy/memory-policy.ts';
import type { Behaviour } from '../support/fake-daemon.ts';
import { captureSpec, exists, freePort, Home, streamSpec, Supervised, until } from '../support/supervised.ts';

const MIB = 1 << 20;
let home: Home;
let at: Supervised;

const open = async (memory: Partial<MemoryPolicy>): Promise<void> => {
  at = await Supervised.open(home, { memory: { readMs: 100, retryMs: 1000, ...memory } });
};
beforeEach(() => {
  home = new Home();
});
afterEach(async () => {
  await at.supervisor.close();
  expect(home.leftovers()).toEqual([]);
  home.remove();
});

const ask = async (port: number): Promise<number> =>
  Number(await (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text());

const leak = (mibPerSecond: number): Behaviour => ({ serve: true, onSignal: { do: 'leak', mibPerSecond } });

test('a stream that leaks is replaced at its limit by one that takes over before it ends', async () => {
  await open({});
  const port = await freePort();
  at.supervisor.declare(streamSpec('door', leak(60), { port, memoryLimitBytes: 150 * MIB }));
  const old = await at.ready('stream:door');
  process.kill(old, 'SIGUSR2');
  expect(await at.event('daemon.recycled')).toMatchObject({
    reason: 'memory',
    daemon: { generation: 2 },
    detail: { recoveryMs: 0 },
  });
  expect(await ask(port)).toBe(at.view('stream:door').pid);
  expect(await at.event('daemon.exited')).toMatchObject({
    reason: 'memory',
    daemon: { pid: old },
    detail: { outcome: 'recycled' },
  });
  expect(at.ofType('daemon.held')).toEqual([]);
});

test('a capture daemon that leaks ends first, because its ring has one writer, and the gap is told', async () => {
  await open({});
  at.supervisor.declare(captureSpec('door', leak(60), { memoryLimitBytes: 150 * MIB }));
  const old = await at.ready('capture:door');
  process.kill(old, 'SIGUSR2');
  const recycled = await at.event('daemon.recycled');
  expect(recycled).toMatchObject({ reason: 'memory', daemon: { generation: 2 } });
  expect(recycled.detail['recoveryMs']).toBeGreaterThan(0);
  expect(at.ofType('daemon.exited')).toMatchObject([{ reason: 'memory', detail: { outcome: 'done' } }]);
  expect(exists(old)).toBe(false);
});

test('one that grows faster than a successor can start is killed', async () => {
  await open({ hardReadings: 1_000 });
  at.supervisor.declare(captureSpec('door', leak(300), { memoryLimitBytes: 150 * MIB }));
  process.kill(await at.ready('capture:door'), 'SIGUSR2');
  expect(await at.event('daemon.exited')).toMatchObject({
    reason: 'memory',
    detail: { outcome: 'killed', signal: 'SIGKILL' },
  });
  expect(await at.event('daemon.respawned')).toMatchObject({ reason: 'memory' });
});

test('one that leaks in every generation raises one alarm', async () => {
  await open({ retryMs: 100 });
  at.supervisor.declare(captureSpec('door', { leakMiBPerSecond: 400 }, { memoryLimitBytes: 150 * MIB }));
  expect(await at.event('daemon.leak')).toMatchObject({ reason: 'memory', channel: 'door', detail: { recycles: 4 } });
  await until(() => at.ofType('daemon.exited').length >= 5);
  expect(at.ofType('daemon.leak')).toHaveLength(1);
});

test('one that is only above its soft limit waits until nobody watches', async () => {
  const soft = { softMarginBytes: 0, softSustainedMs: 300, leastAgeMs: 0, baselineFromMs: 0, baselineToMs: 500 };
  await open({
    ...soft,
    softFactor: 0.5,
    hardFloorBytes: { stream: 1e12, capture: 1e12, probe: 1e12 },
    machineShare: 1e6,
  });
  const port = await freePort();
  at.supervisor.declare(streamSpec('door', { serve: true, viewers: 1 }, { port }));
  at.supervisor.declare(streamSpec('garden', { serve: true }, { port: await freePort() }));
  const watched = await at.ready('stream:door');
  expect(await at.event('daemon.recycled')).toMatchObject({ reason: 'memory', channel: 'garden' });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(at.view('stream:door').pid).toBe(watched);
});
