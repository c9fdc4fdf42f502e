/**
 * The supervisor dies, stands still, loops, and comes back to a folder that is not as it left it: viewers and cameras must not notice.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathsOf } from '../../runtime/paths.ts';
import { identify } from '../../runtime/supervisor/process/identity.ts';
import { eventually, HOST_COMMAND } from '../support/host.ts';
import * as inject from '../support/inject.ts';
import { leftoversOf, strayFiles, zombiesOf } from '../support/leftovers.ts';
import { probePort } from '../support/port-probe.ts';
import { complaints, openSite, type Site } from './site.ts';

const NAMES = ['door', 'garden', 'yard'];
/** Longer than any watchdog waits, and than the guard against the supervisor's own stalls. */
const STALL_MS = 5_000;

let site: Site;
const bystanders: ChildProcess[] = [];

beforeAll(async () => {
  site = await openSite({
    cameras: Object.fromEntries(NAMES.map((name) => [name, null])),
    nodeArguments: ['--max-old-space-size=256'],
  });
});
beforeEach(async () => {
  for (const { id, viewer } of site.channels) if (viewer.lost > 0) await site.watch(id);
});
afterAll(async () => {
  for (const child of bystanders) child.kill('SIGKILL');
  await site?.close();
});

async function pids(): Promise<Record<string, number | null>> {
  const daemons = (await site.host.channels()).flatMap((channel) => channel.daemons);
  return Object.fromEntries(daemons.map(({ id, pid }) => [id, pid]));
}

const gone = (pid: number): Promise<boolean> => eventually(`process ${pid} is gone`, () => identify(pid) === undefined);

/** Every daemon is the same process as before, the new supervisor says so, and no viewer has noticed. */
async function expectAllAdopted(before: Record<string, number | null>, sinceMs: number): Promise<void> {
  await site.host.live(...NAMES);
  await site.settle();
  expect(await pids()).toEqual(before);
  const events = (await site.host.events()).filter(({ time }) => time >= sinceMs);
  const adopted = events.filter(({ type }) => type === 'daemon.adopted').map(({ daemon }) => daemon.id);
  expect(adopted.toSorted()).toEqual(Object.keys(before).toSorted());
  expect(events.filter(({ type, daemon }) => type === 'daemon.exited' && daemon.id in before)).toEqual([]);
  expect(site.channels.flatMap(complaints)).toEqual([]);
}

test.each([
  ['SIGKILL', inject.kill],
  ['an exhausted heap', inject.exhaustHeap],
] as const)(
  '%s of Node-RED: no viewer is disconnected, no packet is lost, and the next one adopts every daemon',
  async (_, cause) => {
    const before = await pids();
    const sinceMs = Date.now();
    await cause(site.host.pid);
    await gone(site.host.pid);
    // For a while there is nobody.
    await site.settle();
    await site.host.run();
    await expectAllAdopted(before, sinceMs);
  },
);

test.each([
  [
    'SIGSTOP',
    async (pid: number) => {
      inject.freeze(pid);
      await sleep(STALL_MS);
      inject.thaw(pid);
    },
  ],
  ['a busy loop', (pid: number) => inject.busyLoop(pid, STALL_MS).then(() => sleep(STALL_MS))],
] as const)('%s of Node-RED for 5 s: it blames nobody for what it did not see', async (_, stall) => {
  const before = await pids();
  const sinceMs = Date.now();
  await stall(site.host.pid);
  await site.host.live(...NAMES);
  await site.settle();
  // A judgement that was wrong would come within a watchdog's time.
  await sleep(1_500);
  expect(await pids()).toEqual(before);
  const events = (await site.host.events()).filter(({ time }) => time >= sinceMs);
  expect(events.filter(({ type }) => /hung|exited|incident/.test(type))).toEqual([]);
  expect(site.channels.flatMap(complaints)).toEqual([]);
});

test('a daemon that dies while Node-RED stands still is brought back when it goes on, and meanwhile its port refuses nobody', async () => {
  const victim = await site.daemon('garden', 'stream');
  const probe = probePort(site.channel('garden').port);
  inject.freeze(site.host.pid);
  try {
    inject.kill(victim.pid!);
    // Nobody has reaped it.
    await gone(victim.pid!);
    await sleep(1_000);
  } finally {
    inject.thaw(site.host.pid);
  }
  expect(await site.successor('garden', 'stream', victim.generation)).toMatchObject({ lastExit: { reason: 'crash' } });
  probe.stop();
  expect(probe.refused).toBe(0);
  expect(site.channels.filter(({ id }) => id !== 'garden').flatMap(complaints)).toEqual([]);
  await eventually('no zombie', () => zombiesOf(site.host.pid).length === 0);
});

test('a daemon that dies while there is no Node-RED is started by the next one, and the others are adopted', async () => {
  const before = await pids();
  const victim = await site.daemon('yard', 'capture');
  inject.kill(site.host.pid);
  await gone(site.host.pid);
  inject.kill(victim.pid!);
  await gone(victim.pid!);
  await site.host.run();
  await site.successor('yard', 'capture', victim.generation);
  expect(await pids()).toEqual({ ...before, [victim.id]: expect.any(Number) });
  // Its ring went on with the next number, its viewer kept its connection.
  await site.settle();
  expect(site.channels.flatMap(complaints)).toEqual([]);
});

test('state files that lie are seen through: one of a dead daemon, one with a pid of somebody else, one that is garbage', async () => {
  const { run } = pathsOf(site.host.home);
  const before = await pids();
  const foreign = spawn('sleep', ['60'], { stdio: 'ignore' });
  bystanders.push(foreign);
  const sinceMs = Date.now();
  inject.kill(site.host.pid);
  await gone(site.host.pid);
  const name = readdirSync(run).find((file) => /^stream.*\.json$/.test(file))!;
  const state = JSON.parse(readFileSync(path.join(run, name), 'utf8')) as { process: object };
  const lie = (id: string, change: object): void =>
    writeFileSync(
      path.join(run, `${id.replaceAll(':', '_')}.1.json`),
      JSON.stringify({ ...state, id, generation: 1, ...change }),
    );
  lie('stream:dead', { process: { ...state.process, pid: 2 ** 22 - 1 } });
  lie('stream:foreign', { process: { ...state.process, pid: foreign.pid } });
  writeFileSync(path.join(run, 'stream_garbage.1.json'), '{"version":');

  await site.host.run();
  await expectAllAdopted(before, sinceMs);
  const daemons = (await site.host.channels()).flatMap((channel) => channel.daemons);
  expect(strayFiles(site.host.home, daemons)).toEqual([]);
  expect(identify(foreign.pid!)).toBeDefined();
});

test('a second Bulkhead on the same home says that there is one, and harms nothing', async () => {
  const before = await pids();
  const second = spawn(process.execPath, [HOST_COMMAND, '--home', site.host.home, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  bystanders.push(second);
  let said = '';
  for (const stream of [second.stdout, second.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(second, 'close')) as [number | null];
  expect(code).toBe(1);
  expect(said).toContain('Another Bulkhead works in');
  await site.settle();
  expect(await pids()).toEqual(before);
  expect(site.channels.flatMap(complaints)).toEqual([]);
});

test('SIGTERM of an adopting Node-RED takes along what it adopted', async () => {
  expect(await site.host.stop()).toBe(0);
  expect(leftoversOf(site.host.home)).toEqual([]);
});
