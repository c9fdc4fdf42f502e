/**
 * One fault on the supervisor, which is the Node-RED process, and what its channels noticed of it: nothing, if the promise holds.
 *
 * SIGKILL and an exhausted heap end it, and a new one is started at once, as systemd would; the others last for some seconds and pass. Does not belong here:
 * faults on daemons (daemon-trial.ts).
 */
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { controlSocketPath } from '../../runtime/supervisor/process/control-path.ts';
import { identify } from '../../runtime/supervisor/process/identity.ts';
import { pathsOf } from '../../runtime/paths.ts';
import { eventually, type Host } from '../../test/support/host.ts';
import * as inject from '../../test/support/inject.ts';
import { LEAK_MIB_PER_SECOND, type Fault } from './faults.ts';
import { mark, sumLosses, type Losses } from './losses.ts';
import { pidsOf, type Lane } from './rig.ts';

export type SupervisorTrial = {
  /** Of all channels. */
  readonly lost: Losses;
  /** Daemons that are others than before. */
  readonly restarted: number;
  /** From the moment the new supervisor listens until it has adopted every daemon; null = it was the same one all the time. */
  readonly adoptMs: number | null;
  /** From the fault until every channel is live again by the API of a new supervisor, with the start of Node-RED in it. */
  readonly backMs: number | null;
};

/** Longer than a watchdog's patience and than the guard against one's own stalls. */
const LASTS_MS = 2_000;
const AFTERMATH_MS = 300;

export async function supervisorTrial(host: Host, lanes: readonly Lane[], fault: Fault): Promise<SupervisorTrial> {
  await host.live(...lanes.map(({ channel }) => channel));
  const pids = await pidsOf(lanes);
  const marks = lanes.map(mark);
  const startMs = Date.now();
  const ends = await strike(host, fault);
  let adoptMs: number | null = null;
  if (ends) {
    await eventually('the old supervisor is gone', () => identify(host.pid) === undefined, { everyMs: 2 });
    await host.run();
    await host.live(...lanes.map(({ channel }) => channel));
    adoptMs = await adoption(host, pids.size, startMs);
  } else await host.live(...lanes.map(({ channel }) => channel));
  const backMs = ends ? Date.now() - startMs : null;
  await sleep(AFTERMATH_MS);
  const after = await pidsOf(lanes);
  return {
    lost: sumLosses(marks.map((one) => one.losses())),
    restarted: [...pids].filter(([id, pid]) => after.get(id) !== pid).length,
    adoptMs,
    backMs,
  };
}

/** Causes the fault and waits until it has passed; true when it ends the process. */
async function strike(host: Host, fault: Fault): Promise<boolean> {
  const { pid } = host;
  switch (fault) {
    case 'kill':
      inject.kill(pid);
      return true;
    case 'heap':
      await inject.exhaustHeap(pid);
      return true;
    case 'freeze':
      inject.freeze(pid);
      await sleep(LASTS_MS);
      inject.thaw(pid);
      break;
    case 'busy':
      await inject.busyLoop(pid, LASTS_MS);
      await sleep(LASTS_MS);
      break;
    case 'leak':
      await inject.leak(pid, LEAK_MIB_PER_SECOND);
      await sleep(LASTS_MS);
      await inject.mend(pid);
  }
  return false;
}

/** By its events: from when its control socket was made, which is before the first daemon can dial. */
async function adoption(host: Host, count: number, sinceMs: number): Promise<number> {
  const adopted = await eventually('every daemon is adopted', async () => {
    const events = (await host.events()).filter(({ type, time }) => type === 'daemon.adopted' && time >= sinceMs);
    return events.length >= count && events;
  });
  const listensMs = statSync(controlSocketPath(pathsOf(host.home).run)).mtimeMs;
  return Math.max(...adopted.map(({ time }) => time)) - listensMs;
}
