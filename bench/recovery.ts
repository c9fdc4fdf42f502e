/**
 * How soon everything is well again after a fault, and what it cost whom: `npm run bench:recovery`.
 *
 * A matrix: SIGKILL, SIGSTOP, a busy loop, an exhausted heap and a leak, on a stream daemon, a capture daemon and the supervisor, with one channel and with
 * eight, 30 trials each. For a daemon: from the fault to a fresh picture at a viewer that dials again, where fresh means captured after the fault, by the
 * capture time in the ring. `--fault kill,freeze` and the like choose rows:
 *
 *   --fault kill|freeze|busy|heap|leak   --victim stream|capture|supervisor   --channels 1|8   --trials 30   --camera file|rtsp   --json FILE
 *   --apart 3   seconds between two faults of one kind of daemon in one home
 *
 * The daemons of several homes take their turns where a home has one channel, and eight channels where it has eight: a daemon is not hurt again before it
 * has been well for 11 s, and a home not before its next standby has loaded: with `--apart 0` faults find none, and are followed by cold starts. Does not belong here: a trial (recovery/).
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../test/support/host.ts';
import { daemonTrial, type DaemonTrial } from './recovery/daemon-trial.ts';
import { FAULT_NAMES, FAULTS, LEAK_MIB_PER_SECOND, VICTIMS, type Fault } from './recovery/faults.ts';
import { openRig, SUPERVISOR_HEAP_MIB, type CameraKind, type Lane, type Rig, type VictimKind } from './recovery/rig.ts';
import { daemonRow, supervisorRow, type Combination, type Row } from './recovery/rows.ts';
import { supervisorTrial, type SupervisorTrial } from './recovery/supervisor-trial.ts';
import { choices, describeMachine, markdown, numberOption, option, table } from './report.ts';

const TRIALS = numberOption('trials', 30);
const faults = choices('fault', FAULTS);
const victims = choices('victim', VICTIMS);
const daemonKinds = victims.filter((victim) => victim !== 'supervisor');
const channelCounts = choices('channels', ['1', '8']).map(Number);
const [cameraKind = 'file'] = choices<CameraKind>('camera', ['file', 'rtsp'], ['file']);
const json = option('json');
const APART_MS = numberOption('apart', 3) * 1000;

/** Homes of one channel each that take their turns. */
const HOMES = 6;
/** It takes seconds until a leak is noticed: so many are injected at a time. */
const LEAKS_AT_A_TIME = 3;

type Section = 'a daemon' | 'the supervisor';
type Result = Combination & { readonly trials: readonly (DaemonTrial | SupervisorTrial)[] };

const sections = new Map<Section, Row[]>([
  ['a daemon', []],
  ['the supervisor', []],
]);
const results: Result[] = [];
const failures: string[] = [];

/** For a person who watches; a file gets only the rows. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** Prints a row as soon as it is complete. */
function finish(section: Section, result: Result, row: Row): void {
  progress('');
  const before = sections.get(section)!;
  const lines = table([row]).split('\n');
  console.log(before.length === 0 ? `\n${lines.join('\n')}` : lines.at(-1));
  before.push(row);
  results.push(result);
}

function fail(combination: Combination, error: unknown): void {
  progress('');
  const text = `${FAULT_NAMES[combination.fault]} of ${combination.victim}, ${combination.channels} channels: ${String(error)}`;
  console.log(`FAILED: ${text}`);
  failures.push(text);
}

/** Every victim kind in turn over the lanes, so that each daemon has time to become well again. */
async function measureDaemons(rig: Rig, fault: Fault, channels: number): Promise<void> {
  const taken = new Set<Lane>();
  const trials = new Map<VictimKind, DaemonTrial[]>(daemonKinds.map((kind) => [kind, []]));
  const turns = Array.from({ length: TRIALS }, (_, index) =>
    daemonKinds.map((kind, at) => ({
      kind,
      lane: rig.lanes[(index + at * (rig.lanes.length >> 1)) % rig.lanes.length]!,
    })),
  ).flat();
  const total = turns.length;
  const endedMs = new Map<string, number>();
  const work = async (): Promise<void> => {
    for (;;) {
      const next = turns.findIndex(({ lane }) => !taken.has(lane));
      const [turn] = next < 0 ? [] : turns.splice(next, 1);
      if (turn === undefined) return;
      taken.add(turn.lane);
      const others = rig.lanes.filter((lane) => lane.host === turn.lane.host && !taken.has(lane));
      progress(`${FAULT_NAMES[fault]}, ${channels} channels: ${total - turns.length} of ${total} (${turn.kind})`);
      // Each kind has a standby of its own.
      const home = `${turn.lane.host.home} ${turn.kind}`;
      if (fault !== 'leak') await sleep(Math.max(0, (endedMs.get(home) ?? 0) + APART_MS - Date.now()));
      try {
        trials.get(turn.kind)!.push(await daemonTrial(turn.lane, turn.kind, fault, others));
      } catch (error) {
        // Its figures would be worth nothing any more.
        turns.length = 0;
        throw error;
      } finally {
        endedMs.set(home, Date.now());
        taken.delete(turn.lane);
      }
    }
  };
  const workers = Array.from({ length: fault === 'leak' ? LEAKS_AT_A_TIME : 1 }, work);
  const [bad] = (await Promise.allSettled(workers)).filter((end) => end.status === 'rejected');
  for (const victim of daemonKinds) {
    const combination = { fault, victim, channels };
    if (bad) fail(combination, bad.reason);
    else
      finish('a daemon', { ...combination, trials: trials.get(victim)! }, daemonRow(combination, trials.get(victim)!));
  }
}

/** Homes of one channel at the same time, where the fault passes by itself; else one after the other: what starts is to have the machine for itself. */
async function measureSupervisor(rig: Rig, fault: Fault, channels: number): Promise<void> {
  const combination = { fault, victim: 'supervisor', channels } as const;
  const trials: SupervisorTrial[] = [];
  const hosts = fault === 'kill' || fault === 'heap' ? rig.hosts.slice(0, 1) : rig.hosts;
  let begun = 0;
  const work = async (host: Host): Promise<void> => {
    const lanes = rig.lanes.filter((lane) => lane.host === host);
    while (begun < TRIALS) {
      begun += 1;
      progress(`${FAULT_NAMES[fault]}, ${channels} channels: ${begun} of ${TRIALS} (supervisor)`);
      trials.push(await supervisorTrial(host, lanes, fault));
    }
  };
  try {
    await Promise.all(hosts.map(work));
    finish('the supervisor', { ...combination, trials }, supervisorRow(combination, trials));
  } catch (error) {
    fail(combination, error);
  }
}

async function measure(channels: number): Promise<void> {
  progress(`starting ${channels} channels`);
  const rig = await openRig(channels === 1 ? HOMES : 1, channels, cameraKind);
  try {
    for (const fault of faults) if (daemonKinds.length > 0) await measureDaemons(rig, fault, channels);
    for (const fault of faults) if (victims.includes('supervisor')) await measureSupervisor(rig, fault, channels);
  } finally {
    await rig.close();
  }
}

console.log(describeMachine());
console.log(
  `${cameraKind === 'rtsp' ? 'an RTSP camera (GStreamer)' : 'a file in a loop'}, 25 fps, a keyframe every 2 s; watchdog 1000 ms; ` +
    `leaks of ${LEAK_MIB_PER_SECOND} MiB/s; a heap of ${SUPERVISOR_HEAP_MIB} MiB for Node-RED; times in ms`,
);
const startedMs = Date.now();
for (const channels of channelCounts) {
  try {
    await measure(channels);
  } catch (error) {
    failures.push(`${channels} channels: ${String(error)}`);
  }
}
for (const [section, rows] of sections) {
  if (rows.length > 0) console.log(`\nFaults of ${section}:\n\n${markdown(rows)}`);
}
console.log(`\n${describeMachine()}, ${((Date.now() - startedMs) / 60_000).toFixed(1)} min`);
if (json !== undefined)
  writeFileSync(json, JSON.stringify({ machine: describeMachine(), cameraKind, results }, null, 1));
for (const failure of failures) console.log(`FAILED: ${failure}`);
process.exit(failures.length === 0 ? 0 : 1);
