/** What happens while there is no supervisor is told by the next one: once, with its cause, and with the true time that it took. */
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { EventLog } from '../../../runtime/event-log.ts';
import type { DaemonReport } from '../../../runtime/message/schema.ts';
import type { Spec } from '../../../runtime/supervisor/supervisor.ts';
import type { BulkheadEvent } from '../../../runtime/supervisor/view.ts';
import {
  captureSpec,
  exists,
  Home,
  streamSpec,
  Supervised,
  supervisorProcess,
  until,
} from '../../support/supervised.ts';

let home: Home;
let at: Supervised | undefined;
let history: EventLog;

beforeEach(() => {
  home = new Home();
});
afterEach(async () => {
  await at?.supervisor.close();
  at = undefined;
  expect(home.leftovers()).toEqual([]);
  home.remove();
});

/** A supervisor that is killed when its daemons are ready; their pids. */
async function killedSupervisor(...specs: readonly Spec[]): Promise<Record<string, number>> {
  const { process: supervisor, pids } = await supervisorProcess(home, 'stay', specs);
  supervisor.kill('SIGKILL');
  await once(supervisor, 'exit');
  return pids;
}

async function open(): Promise<Supervised> {
  history = new EventLog();
  at = await Supervised.open(home, { history });
  return at;
}

async function end(pid: number, signal: NodeJS.Signals): Promise<void> {
  process.kill(pid, signal);
  await until(() => !exists(pid));
}

const camera = (state: 'online' | 'offline'): DaemonReport => ({
  type: 'camera',
  state,
  errorKind: null,
  message: null,
  retryMs: null,
});
/** What this supervisor has told. */
const told = (): readonly BulkheadEvent[] => history.after(history.before);
const cameras = (): string[] => history.all().flatMap(({ type }) => (type.startsWith('camera.') ? [type] : []));

test('a supervisor tells that it has started, how the one before it ended, and what it found', async () => {
  await open();
  expect(told()).toMatchObject([
    {
      type: 'supervisor.started',
      channel: '',
      daemon: { kind: 'supervisor', id: 'supervisor', pid: process.pid, generation: 1 },
      reason: null,
      detail: { cause: 'first', adopted: 0 },
    },
  ]);
  await at!.supervisor.close();
  expect(told().at(-1)).toMatchObject({ type: 'supervisor.stopped', reason: 'operator' });
  await killedSupervisor(streamSpec('door'));
  expect((await open(), told()[0])).toMatchObject({
    daemon: { generation: 3 },
    reason: 'crash',
    detail: { cause: 'crash', adopted: 1 },
  });
  const causes = history.all().flatMap(({ type, detail }) => (type === 'supervisor.started' ? [detail['cause']] : []));
  expect(causes).toEqual(['first', 'clean', 'crash']);
});

test('a daemon that was killed meanwhile is told to have ended, and its recovery counts from its last beat', async () => {
  const pids = await killedSupervisor(streamSpec('door'));
  await end(pids['stream:door']!, 'SIGKILL');
  const endedMs = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await open();
  const exited = told().find(({ type }) => type === 'daemon.exited');
  expect(exited).toMatchObject({
    reason: 'crash',
    channel: 'door',
    daemon: { id: 'stream:door', kind: 'stream', pid: pids['stream:door'], generation: 1 },
    detail: { outcome: 'crash', unattended: true },
  });
  const time = exited!.detail['time'] as number;
  expect(time).toBeGreaterThan(endedMs - 1_500);
  expect(time).toBeLessThanOrEqual(endedMs + 50);
  at!.supervisor.declare(streamSpec('door'));
  const respawned = await at!.event('daemon.respawned');
  expect(respawned).toMatchObject({ reason: 'crash', daemon: { generation: 2 } });
  const recoveryMs = respawned.detail['recoveryMs'] as number;
  expect(recoveryMs).toBeGreaterThan(1_000);
  expect(Math.abs(recoveryMs - (respawned.time - time))).toBeLessThan(50);
});

test('a daemon that ended by itself meanwhile says why, and what it had told nobody yet', async () => {
  const spec = streamSpec('door', {
    onSignal: { do: 'leave', meaning: 'starved' },
    count: { to: 1, everyMs: 700 },
  });
  const pids = await killedSupervisor(spec);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await end(pids['stream:door']!, 'SIGUSR2');
  await open();
  expect(told().slice(1)).toMatchObject([
    { type: 'test.counted', detail: { number: 1 }, daemon: { pid: pids['stream:door'] } },
    { type: 'daemon.exited', reason: 'starved', detail: { outcome: 'starved', code: 70, unattended: true } },
  ]);
  expect(existsSync(`${home.run}/stream_door.1.json`)).toBe(false);
});

test('a daemon that an operator ended meanwhile is not missed: the next start is no recovery', async () => {
  const pids = await killedSupervisor(streamSpec('door'));
  await end(pids['stream:door']!, 'SIGTERM');
  await open();
  expect(told()[1]).toMatchObject({ type: 'daemon.exited', reason: 'operator', detail: { outcome: 'done', code: 0 } });
  at!.supervisor.declare(streamSpec('door'));
  await at!.ready('stream:door', 2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(at!.ofType('daemon.respawned')).toEqual([]);
});

test('the end of a daemon is told once, however often supervisors are killed while they tell it', async () => {
  const pids = await killedSupervisor(streamSpec('door'));
  const stateFile = `${home.run}/stream_door.1.json`;
  const state = readFileSync(stateFile);
  await end(pids['stream:door']!, 'SIGKILL');
  await open();
  await at!.supervisor.close();
  // As if it had been killed between telling and removing the file.
  writeFileSync(stateFile, state);
  await open();
  expect(history.all().filter(({ type }) => type === 'daemon.exited')).toHaveLength(1);
  expect(existsSync(stateFile)).toBe(false);
});

test('a failure that a killed supervisor told of is ended by the next one', async () => {
  const spec = streamSpec('door', { onSignal: { do: 'exit', code: 1 } });
  const { process: supervisor, pids } = await supervisorProcess(home, 'stay', [spec]);
  process.kill(pids['stream:door']!, 'SIGSTOP');
  // Killed by the watchdog after a second; the supervisor dies as soon as that is written down.
  await until(() => readFileSync(`${home.events}/journal.jsonl`, 'utf8').includes('"daemon.exited"'));
  supervisor.kill('SIGKILL');
  await once(supervisor, 'exit');
  await open();
  at!.supervisor.declare(spec);
  await until(() => history.all().some(({ type }) => type === 'daemon.respawned'));
  const recovered = history.all().filter(({ type }) => type === 'daemon.respawned');
  expect(recovered).toMatchObject([{ reason: 'hang', daemon: { id: 'stream:door' } }]);
});

test('a camera that is still online is not told again, and one that went away meanwhile is', async () => {
  const spec = captureSpec('door', {
    send: [camera('online')],
    onSignal: { do: 'send', messages: [camera('offline')] },
  });
  await killedSupervisor(spec);
  await open();
  at!.supervisor.declare(spec);
  await at!.event('daemon.adopted');
  // Told by this supervisor, or by the one before it, which may not have lived to hear of it.
  await until(() => at!.view('capture:door').camera?.state === 'online');
  expect(cameras()).toEqual(['camera.online']);
  await at!.supervisor.close();
  const { process: supervisor, pids } = await supervisorProcess(home, 'stay', [spec]);
  const online = (): number => readFileSync(`${home.events}/journal.jsonl`, 'utf8').split('"camera.online"').length - 1;
  await until(() => online() === 2);
  supervisor.kill('SIGKILL');
  await once(supervisor, 'exit');
  process.kill(pids['capture:door']!, 'SIGUSR2');
  await open();
  at!.supervisor.declare(spec);
  await at!.event('camera.offline');
  expect(cameras()).toEqual(['camera.online', 'camera.online', 'camera.offline']);
});
