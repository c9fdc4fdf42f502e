/**
 * One fault on one daemon, from the moment it is caused until the channel works again, and what it cost whom.
 *
 * Belongs here: the order of events of a trial. Does not belong here: who is next (schedule.ts), percentiles (recovery.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { identify } from '../../runtime/supervisor/process/identity.ts';
import { eventually } from '../../test/support/host.ts';
import type { Injected } from '../../test/support/inject.ts';
import { probePort } from '../../test/support/port-probe.ts';
import { cause, type Fault } from './faults.ts';
import { mark, sumLosses, type Losses } from './losses.ts';
import { healthyDaemon, type Lane, type VictimKind } from './rig.ts';

export type DaemonTrial = {
  /** From the fault to a picture at the viewer that was captured after it. A leak: the longest pause between two pictures while it was dealt with. */
  readonly freshMs: number;
  /** From the fault until its process was gone. */
  readonly goneMs: number;
  readonly victim: Losses;
  readonly others: Losses;
  /** Connections refused: of a probe that dials the port 50 times a second. */
  readonly refused: number;
  readonly dialled: number;
  /** Daemons that are others than before, beside the victim. */
  readonly othersRestarted: number;
};

/** Spreads the faults over the phases of frames, beats and rounds. */
const PHASE_MS = 300;
/** So long after the victim's successor is well the channel is still watched. */
const AFTERMATH_MS = 300;
const LIMIT_MS = 120_000;

/** Waits until the victim is well, and runs the trial. `others` are the lanes that must not notice. */
export async function daemonTrial(
  lane: Lane,
  kind: VictimKind,
  fault: Fault,
  others: readonly Lane[],
): Promise<DaemonTrial> {
  const victim = await eventually(`the ${kind} of ${lane.channel} is well`, () => healthyDaemon(lane, kind), LIMIT_MS);
  await sleep(Math.random() * PHASE_MS);
  const before = await bystanders(lane, others, victim.id);
  const struckBefore = new Map(others.map((other) => [other, other.strikes]));
  lane.strikes += 1;
  const marks = new Map(others.map((other) => [other, mark(other)]));
  const own = mark(lane);
  const probe = probePort(lane.port);
  try {
    const at = await cause(fault, victim.pid!);
    const gone = endOf(victim.pid!, at);
    const freshMs = fault === 'leak' ? undefined : await untilFresh(lane, at);
    const goneMs = await gone;
    await successor(lane, kind, victim.pid!);
    await sleep(AFTERMATH_MS);
    // Leaks are injected into several lanes at a time: what is hit itself is no bystander.
    const untouched = others.filter((other) => other.strikes === struckBefore.get(other));
    const after = await bystanders(lane, untouched, victim.id);
    return {
      freshMs: freshMs ?? lane.viewer.longestPauseMs(at.sinceUs),
      goneMs,
      victim: own.losses(),
      others: sumLosses(untouched.map((other) => marks.get(other)!.losses())),
      refused: probe.refused,
      dialled: probe.connected + probe.refused,
      othersRestarted: [...after].filter(([id, pid]) => before.get(id) !== pid).length,
    };
  } finally {
    probe.stop();
  }
}

/** Milliseconds from the fault to the first picture at the viewer that was captured when the fault was surely there. */
async function untilFresh({ viewer, ring }: Lane, { sinceUs, surelyUs }: Injected): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const timer = setTimeout(() => reject(new Error(`no fresh picture within ${LIMIT_MS} ms`)), LIMIT_MS);
  viewer.onPicture = (seq) => {
    const nowUs = Number(process.hrtime.bigint() / 1000n);
    // The viewer may be faster than our own reader.
    if (!ring.pictures.has(seq)) ring.look();
    if ((ring.pictures.get(seq)?.captureUs ?? 0) > surelyUs) resolve((nowUs - sinceUs) / 1000);
  };
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    viewer.onPicture = () => {};
  }
}

/** Milliseconds from the fault until the process has ended, to about two of them. */
async function endOf(pid: number, { sinceUs }: Injected): Promise<number> {
  const gone = await eventually(`process ${pid} ends`, () => identify(pid) === undefined && process.hrtime.bigint(), {
    limitMs: LIMIT_MS,
    everyMs: 2,
  });
  return Number(gone / 1000n) / 1000 - sinceUs / 1000;
}

async function successor(lane: Lane, kind: VictimKind, lastPid: number): Promise<void> {
  await eventually(
    `another ${kind} for ${lane.channel}`,
    async () => {
      const channel = await lane.host.channel(lane.channel);
      const daemon = channel?.daemons.find((one) => one.kind === kind);
      return channel?.state === 'live' && daemon?.pid !== lastPid && daemon?.state === 'ready';
    },
    LIMIT_MS,
  );
}

/** Every daemon that a trial must leave alone, by its id. */
async function bystanders(lane: Lane, others: readonly Lane[], victimId: string): Promise<Map<string, number | null>> {
  const names = new Set([lane, ...others].map(({ channel }) => channel));
  const channels = (await lane.host.channels()).filter(({ id }) => names.has(id));
  const daemons = channels.flatMap((channel) => channel.daemons).filter(({ id }) => id !== victimId);
  return new Map(daemons.map(({ id, pid }) => [id, pid]));
}
