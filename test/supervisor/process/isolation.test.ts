import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import {
  captureSpec,
  exists,
  Home,
  standbyOf,
  streamSpec,
  Supervised,
  supervisorProcess,
  until,
} from '../../support/supervised.ts';

let home: Home;
let at: Supervised | undefined;

beforeEach(() => {
  home = new Home();
});
afterEach(async () => {
  await at?.supervisor.close();
  at = undefined;
  expect(home.leftovers()).toEqual([]);
  home.remove();
});

const proc = (pid: number | 'self', file: string): string => readFileSync(`/proc/${pid}/${file}`, 'latin1');
const oomScore = (pid: number | 'self'): number => Number(proc(pid, 'oom_score_adj'));
/** Field 19 of stat. */
const nice = (pid: number | 'self'): number => Number(proc(pid, 'stat').split(') ')[1]!.split(' ')[16]);
const descriptors = (pid: number): number => Number(/Max open files\s+(\d+)/.exec(proc(pid, 'limits'))![1]);

test('when memory runs out viewers go before standbys, and standbys before cameras; a camera waits for nobody', async () => {
  at = await Supervised.open(home, { standby: ['light'] });
  at.supervisor.declare(streamSpec('door'));
  at.supervisor.declare(captureSpec('door'));
  const [stream, capture] = [await at.ready('stream:door'), await at.ready('capture:door')];
  const standby = await standbyOf(home, 'light');
  const ours = oomScore('self');
  expect([stream, standby, capture].map((pid) => oomScore(pid) - ours)).toEqual([600, 500, 200]);
  expect([stream, standby, capture].map((pid) => nice(pid) - nice('self'))).toEqual([2, 0, 0]);

  // What a standby was is not added to what it becomes.
  process.kill(stream, 'SIGKILL');
  expect(await at.ready('stream:door', 2)).toBe(standby);
  expect(oomScore(standby) - ours).toBe(600);
  expect(nice(standby) - nice('self')).toBe(2);
});

test('a daemon may have as many descriptors as it can need, a channel more for each viewer', async () => {
  at = await Supervised.open(home);
  at.supervisor.declare(streamSpec('door'));
  at.supervisor.declare(captureSpec('door'));
  const { config } = streamSpec('garden');
  at.supervisor.declare({ ...streamSpec('garden'), config: { ...config, maxViewers: 500 } as typeof config });
  const [few, many] = [await at.ready('stream:door'), await at.ready('stream:garden')];
  expect(descriptors(few)).toBe(192 + 64 + 50);
  expect(descriptors(many)).toBe(192 + 64 + 500);
  expect(descriptors(await at.ready('capture:door'))).toBe(192);
});

test('in development daemons end with their supervisor, however that ends', async () => {
  const { process: supervisor, pids } = await supervisorProcess(
    home,
    'stay',
    [streamSpec('door'), captureSpec('door')],
    {
      DEVELOPMENT: '1',
    },
  );
  // One that cannot see it end as well.
  process.kill(pids['capture:door']!, 'SIGSTOP');
  supervisor.kill('SIGKILL');
  await once(supervisor, 'exit');
  for (const pid of Object.values(pids)) await until(() => !exists(pid));
  at = await Supervised.open(home);
});

test('a daemon works on without a supervisor for as long as it was told', async () => {
  const { process: supervisor, pids } = await supervisorProcess(home, 'stay', [streamSpec('door')], {
    ORPHAN_GRACE_MS: '1500',
  });
  supervisor.kill('SIGKILL');
  await once(supervisor, 'exit');
  const goneMs = performance.now();
  await until(() => !exists(pids['stream:door']!));
  expect(performance.now() - goneMs).toBeGreaterThan(1_400);
  at = await Supervised.open(home);
});

test.each(['the control socket', 'the run directory'])(
  '%s is there again after somebody has removed it',
  async (what) => {
    at = await Supervised.open(home);
    at.supervisor.declare(streamSpec('door'));
    at.supervisor.declare(streamSpec('garden'));
    const first = await at.ready('stream:door');
    const other = await at.ready('stream:garden');
    rmSync(what === 'the run directory' ? home.run : path.join(home.run, 'control.sock'), { recursive: true });
    await until(() => home.leftovers().includes('control.sock'));
    process.kill(first, 'SIGKILL');
    await at.ready('stream:door', 2);
    // Nobody who was connected has noticed, another supervisor is kept out, and one that comes later finds them all.
    expect(at.view('stream:garden')).toMatchObject({ pid: other, generation: 1 });
    await expect(Supervised.open(home)).rejects.toMatchObject({ kind: 'conflict' });
    expect(home.leftovers().filter((name) => name.endsWith('.json')).length).toBe(2);
  },
);
