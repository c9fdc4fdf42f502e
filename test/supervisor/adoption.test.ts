import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { identify } from '../../runtime/supervisor/process/identity.ts';
import { statusPageDirectory } from '../../runtime/supervisor/process/page-path.ts';
import { LIMIT_MS } from '../../runtime/supervisor/service.ts';
import { readStateFile } from '../../runtime/supervisor/process/state-file.ts';
import type { Behaviour } from '../support/fake-daemon.ts';
import {
  exists,
  freePort,
  Home,
  impatient,
  streamSpec,
  Supervised,
  supervisorProcess,
  until,
} from '../support/supervised.ts';

let home: Home;
let at: Supervised | undefined;
const bystanders: ChildProcess[] = [];

beforeEach(() => {
  home = new Home();
});
afterEach(async () => {
  await at?.supervisor.close();
  at = undefined;
  for (const child of bystanders.splice(0)) child.kill('SIGKILL');
  expect(home.leftovers()).toEqual([]);
  home.remove();
});

/** A supervisor that is killed when its daemons are ready; their pids. */
async function killedSupervisor(...specs: Parameters<typeof supervisorProcess>[2]): Promise<Record<string, number>> {
  const { process: supervisor, pids } = await supervisorProcess(home, 'stay', specs);
  supervisor.kill('SIGKILL');
  await once(supervisor, 'exit');
  return pids;
}

/** The pid that answers. */
async function ask(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text();
}

const stateFiles = (): string[] => readdirSync(home.run).filter((name) => /\.\d+\.json$/.test(name));

test('daemons outlive a supervisor that is killed, and the next one adopts them untouched', async () => {
  const specs = [streamSpec('door', { viewers: 2 }), streamSpec('garden')];
  const pids = await killedSupervisor(...specs);
  at = await Supervised.open(home);
  for (const spec of specs) at.supervisor.declare(spec);
  await at.event('daemon.adopted', ({ daemon }) => daemon.id === 'stream:door');
  await at.event('daemon.adopted', ({ daemon }) => daemon.id === 'stream:garden');
  expect(at.view('stream:door')).toMatchObject({
    state: 'ready',
    pid: pids['stream:door'],
    generation: 1,
    restarts: 0,
    viewers: 2,
  });
  expect(at.ofType('daemon.ready')).toEqual([]);
  expect(at.ofType('daemon.exited')).toEqual([]);
});

test('an adopted daemon whose spec has changed is replaced, and only that one', async () => {
  const pids = await killedSupervisor(streamSpec('door'), streamSpec('garden'));
  at = await Supervised.open(home);
  at.supervisor.declare(streamSpec('door', { viewers: 1 }));
  at.supervisor.declare(streamSpec('garden'));
  await at.ready('stream:door', 2);
  expect(await at.event('daemon.exited')).toMatchObject({ reason: 'config', daemon: { pid: pids['stream:door'] } });
  expect(at.view('stream:garden')).toMatchObject({ pid: pids['stream:garden'], generation: 1 });
});

test('of two generations that a killed supervisor leaves, the newer one is adopted and the older one ends', async () => {
  const port = await freePort();
  const spec = streamSpec('door', { serve: true, drainMs: 60_000 }, { port });
  const { process: supervisor, pids } = await supervisorProcess(home, 'stay', [spec]);
  supervisor.kill('SIGUSR2');
  await until(
    async () => stateFiles().length === 2 && (await ask(port).catch(() => '')) !== String(pids['stream:door']),
  );
  supervisor.kill('SIGKILL');
  await once(supervisor, 'exit');
  at = await Supervised.open(home);
  at.supervisor.declare(spec);
  expect(await at.event('daemon.adopted')).toMatchObject({ daemon: { generation: 2 } });
  expect(await at.event('daemon.exited')).toMatchObject({ daemon: { generation: 1, pid: pids['stream:door'] } });
  expect(at.view('stream:door')).toMatchObject({ state: 'ready', generation: 2 });
});

test('a successor that was not ready when its supervisor was killed does not take the place of what serves', async () => {
  const port = await freePort();
  const spec = streamSpec('door', { serve: true, startMs: 1_500 }, { port });
  const { process: supervisor, pids } = await supervisorProcess(home, 'stay', [spec]);
  supervisor.kill('SIGUSR2');
  await until(() => stateFiles().length === 2);
  supervisor.kill('SIGKILL');
  await once(supervisor, 'exit');
  at = await Supervised.open(home);
  at.supervisor.declare(spec);
  expect(await at.event('daemon.adopted')).toMatchObject({ daemon: { generation: 1, pid: pids['stream:door'] } });
  await until(() => stateFiles().length === 1);
  expect(at.view('stream:door')).toMatchObject({ state: 'ready', generation: 1, pid: pids['stream:door'] });
  expect(at.ofType('daemon.exited')).toMatchObject([{ daemon: { generation: 2 }, reason: 'deploy' }]);
  expect(at.supervisor.start('stream:door')).toBe(1);
});

test('an adopted daemon that nobody declares is stopped when its time is over', async () => {
  const pids = await killedSupervisor(streamSpec('door'));
  at = await Supervised.open(home, { adoptionHoldMs: 300 });
  await at.event('daemon.adopted');
  await until(() => at!.supervisor.daemons().length === 0);
  expect(at.ofType('daemon.exited')).toMatchObject([{ reason: 'deploy' }]);
  expect(exists(pids['stream:door']!)).toBe(false);
});

test('an adopted daemon that dies is noticed, and respawned with the next generation', async () => {
  const pids = await killedSupervisor(streamSpec('door'));
  at = await Supervised.open(home);
  at.supervisor.declare(streamSpec('door'));
  await at.event('daemon.adopted');
  process.kill(pids['stream:door']!, 'SIGKILL');
  expect(await at.event('daemon.respawned')).toMatchObject({ reason: 'crash', daemon: { generation: 2 } });
});

test('an adopted daemon that ends by itself is understood, although only its parent is told exit codes', async () => {
  const pids = await killedSupervisor(streamSpec('door', { onSignal: { do: 'leave', meaning: 'starved' } }));
  at = await Supervised.open(home);
  at.supervisor.declare(streamSpec('door', { onSignal: { do: 'leave', meaning: 'starved' } }));
  await at.event('daemon.adopted');
  process.kill(pids['stream:door']!, 'SIGUSR2');
  expect(await at.event('daemon.exited')).toMatchObject({ reason: 'starved', detail: { outcome: 'starved' } });
  expect(at.view('stream:door')).toMatchObject({ state: 'backoff', starved: true });
});

test('an adopted daemon that hangs is killed and respawned', async () => {
  const pids = await killedSupervisor(streamSpec('door'));
  at = await Supervised.open(home);
  at.supervisor.declare(streamSpec('door'));
  await at.event('daemon.adopted');
  process.kill(pids['stream:door']!, 'SIGSTOP');
  expect(await at.event('daemon.respawned')).toMatchObject({ reason: 'hang' });
  expect(exists(pids['stream:door']!)).toBe(false);
});

test('a daemon that hung while there was no supervisor is killed when it does not say hello', async () => {
  const pids = await killedSupervisor(streamSpec('door'));
  process.kill(pids['stream:door']!, 'SIGSTOP');
  at = await Supervised.open(home, { clock: impatient((ms) => (ms === LIMIT_MS.adopting ? 500 : ms)) });
  at.supervisor.declare(streamSpec('door'));
  await at.ready('stream:door', 2);
  expect(exists(pids['stream:door']!)).toBe(false);
  expect(at.ofType('daemon.adopted')).toEqual([]);
});

test('a daemon whose state file lies in memory, because the disk was full, is adopted like any other', async () => {
  const pids = await killedSupervisor(streamSpec('door'));
  const [file] = stateFiles();
  copyFileSync(path.join(home.run, file!), path.join(statusPageDirectory(home.run), file!));
  rmSync(path.join(home.run, file!));
  at = await Supervised.open(home);
  at.supervisor.declare(streamSpec('door'));
  expect(await at.event('daemon.adopted')).toMatchObject({ daemon: { pid: pids['stream:door'] } });
});

test('a daemon that died while there was no supervisor is started again', async () => {
  const pids = await killedSupervisor(streamSpec('door'));
  process.kill(pids['stream:door']!, 'SIGKILL');
  await until(() => !exists(pids['stream:door']!));
  at = await Supervised.open(home);
  expect(stateFiles()).toEqual([]);
  at.supervisor.declare(streamSpec('door'));
  await at.ready('stream:door', 2);
});

test('a process that got the pid of a dead daemon is never touched', async () => {
  const pids = await killedSupervisor(streamSpec('door'));
  process.kill(pids['stream:door']!, 'SIGKILL');
  const foreign = spawn('sleep', ['60'], { stdio: 'ignore' });
  bystanders.push(foreign);
  // The state file of the dead daemon, as if the pid had been given to somebody else since.
  const file = path.join(home.run, stateFiles()[0]!);
  const state = readStateFile(file);
  writeFileSync(file, JSON.stringify({ ...state, process: { ...state.process, pid: foreign.pid } }));

  at = await Supervised.open(home, { adoptionHoldMs: 10 });
  expect(existsSync(file)).toBe(false);
  expect(at.supervisor.daemons()).toEqual([]);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(exists(foreign.pid!)).toBe(true);
});

test('a process of another boot is never touched', async () => {
  const foreign = spawn('sleep', ['60'], { stdio: 'ignore' });
  bystanders.push(foreign);
  const pids = await killedSupervisor(streamSpec('door'));
  const file = path.join(home.run, stateFiles()[0]!);
  const state = readStateFile(file);
  writeFileSync(file, JSON.stringify({ ...state, process: { ...identify(foreign.pid!), bootId: 'another' } }));
  at = await Supervised.open(home);
  expect(at.supervisor.daemons()).toEqual([]);
  expect(exists(foreign.pid!)).toBe(true);
  // Its file is gone, so nobody knows the real one any more; it would end by itself as an orphan.
  process.kill(pids['stream:door']!, 'SIGTERM');
  await until(() => !exists(pids['stream:door']!));
});

test('state files that cannot be read are swept away, and a daemon of another version is asked to end', async () => {
  const pids = await killedSupervisor(streamSpec('door'));
  const file = path.join(home.run, stateFiles()[0]!);
  const future = { ...readStateFile(file), version: 2, more: 'than we know' };
  writeFileSync(file, JSON.stringify(future));
  writeFileSync(path.join(home.run, 'stream_garbage.1.json'), '{"version":');
  at = await Supervised.open(home);
  expect(stateFiles()).toEqual([]);
  await until(() => !exists(pids['stream:door']!));
});

test('a daemon whose supervisor died before it could write the pid down is adopted when it says hello', async () => {
  const pids = await killedSupervisor(streamSpec('door'));
  const file = path.join(home.run, stateFiles()[0]!);
  const { process: _, ...early } = readStateFile(file);
  writeFileSync(file, JSON.stringify(early));
  at = await Supervised.open(home);
  at.supervisor.declare(streamSpec('door'));
  await at.event('daemon.adopted');
  expect(at.view('stream:door')).toMatchObject({ pid: pids['stream:door'], generation: 1 });
});

test('a state file of a spawn that never happened is given up, and the daemon is started', async () => {
  const pids = await killedSupervisor(streamSpec('door'));
  const file = path.join(home.run, stateFiles()[0]!);
  const { process: _, ...early } = readStateFile(file);
  process.kill(pids['stream:door']!, 'SIGKILL');
  await until(() => !exists(pids['stream:door']!));
  writeFileSync(file, JSON.stringify(early));
  at = await Supervised.open(home, { clock: impatient((ms) => (ms === LIMIT_MS.adopting ? 500 : ms)) });
  at.supervisor.declare(streamSpec('door'));
  await at.ready('stream:door', 2);
});

test('a stranger who knows a generation but not its nonce does not become the daemon', async () => {
  const pids = await killedSupervisor(streamSpec('door'));
  process.kill(pids['stream:door']!, 'SIGSTOP');
  at = await Supervised.open(home);
  at.supervisor.declare(streamSpec('door'));
  const liar = path.join(home.path, 'liar.json');
  const state = readStateFile(path.join(home.run, stateFiles()[0]!));
  writeFileSync(liar, JSON.stringify({ ...state, channel: 'liar' }));
  const entry = path.resolve('test/support/fake-daemon.ts');
  const child = spawn(process.execPath, [entry, liar], { stdio: 'ignore' });
  bystanders.push(child);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(at.ofType('daemon.adopted')).toEqual([]);
  process.kill(pids['stream:door']!, 'SIGCONT');
  expect(await at.event('daemon.adopted')).toMatchObject({ daemon: { pid: pids['stream:door'] } });
});

test('an adopted daemon keeps its port, and hands it on when it is replaced', async () => {
  const port = await freePort();
  const spec = (behaviour: Behaviour = {}) => streamSpec('door', { serve: true, ...behaviour }, { port });
  const pids = await killedSupervisor(spec());
  expect(await ask(port)).toBe(String(pids['stream:door']));
  at = await Supervised.open(home);
  at.supervisor.declare(spec());
  await at.event('daemon.adopted');
  expect(await ask(port)).toBe(String(pids['stream:door']));
  process.kill(pids['stream:door']!, 'SIGKILL');
  expect(await ask(port).catch(() => ask(port))).not.toBe(String(pids['stream:door']));
  expect(at.view('stream:door').generation).toBe(2);
});

test('a second supervisor is told that there is one, and harms nothing', async () => {
  const { process: first, pids } = await supervisorProcess(home, 'stay', [streamSpec('door')]);
  await expect(Supervised.open(home)).rejects.toMatchObject({
    kind: 'conflict',
    message: expect.stringContaining('Another Bulkhead works in'),
  });
  expect(exists(pids['stream:door']!)).toBe(true);
  first.kill('SIGTERM');
  await once(first, 'exit');
  expect(exists(pids['stream:door']!)).toBe(false);
  at = await Supervised.open(home);
});

test('a supervisor whose disk does not answer for a while stays, and can be dialled when it does again', async () => {
  const { process: supervisor, pids } = await supervisorProcess(home, 'stay', [streamSpec('door')]);
  const away = `${home.run}.away`;
  renameSync(home.run, away);
  // Every access fails, and not because there is nothing.
  symlinkSync(home.run, home.run);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  unlinkSync(home.run);
  renameSync(away, home.run);
  await until(async () => {
    const socket = connect(path.join(home.run, 'control.sock'));
    const [name] = await Promise.race([once(socket, 'connect').then(() => ['connect']), once(socket, 'error')]).finally(
      () => socket.destroy(),
    );
    return name === 'connect';
  });
  expect(exists(pids['stream:door']!)).toBe(true);
  supervisor.kill('SIGTERM');
  expect(await once(supervisor, 'exit')).toEqual([0, null]);
  at = await Supervised.open(home);
});

test('a supervisor that exits in order takes its daemons along, also without being closed', async () => {
  const { process: supervisor, pids } = await supervisorProcess(home, 'exit', [streamSpec('door')]);
  if (supervisor.exitCode === null) await once(supervisor, 'exit');
  await until(() => !exists(pids['stream:door']!));
  at = await Supervised.open(home);
});

test('a supervisor that crashes leaves its daemons at work', async () => {
  const { process: supervisor, pids } = await supervisorProcess(home, 'throw', [streamSpec('door')]);
  if (supervisor.exitCode === null) await once(supervisor, 'exit');
  at = await Supervised.open(home);
  at.supervisor.declare(streamSpec('door'));
  expect(await at.event('daemon.adopted')).toMatchObject({ daemon: { pid: pids['stream:door'] } });
});

test('generations go on after a clean stop', async () => {
  at = await Supervised.open(home);
  at.supervisor.declare(streamSpec('door'));
  await at.ready('stream:door', 1);
  await at.supervisor.close();
  at = await Supervised.open(home);
  at.supervisor.declare(streamSpec('door'));
  await at.ready('stream:door', 2);
});

test('restarts are counted on by the next supervisor, and anew after a time in which nothing was wanted', async () => {
  at = await Supervised.open(home);
  at.supervisor.declare(streamSpec('door'));
  process.kill(await at.ready('stream:door'), 'SIGKILL');
  await at.ready('stream:door', 2);
  await at.supervisor.close();

  const pids = await killedSupervisor(streamSpec('door'));
  process.kill(pids['stream:door']!, 'SIGKILL');
  await until(() => !exists(pids['stream:door']!));
  at = await Supervised.open(home);
  at.supervisor.declare(streamSpec('door'));
  process.kill(await at.ready('stream:door'), 'SIGKILL');
  await until(() => at!.view('stream:door').state === 'ready' && at!.view('stream:door').generation === 5);
  expect(at.view('stream:door').restarts).toBe(2);
});
