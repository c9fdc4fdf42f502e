/**
 * How a daemon stands among the other processes of its machine: who is sacrificed first when memory runs out, who has to wait when the processor
 * does, and how many descriptors one may have, so that none takes them all.
 *
 * Belongs here: the figures for each kind, and asking for them. Does not belong here: the calls (process-limits.ts). What the platform or this user
 * may not have is done without: only Linux has a score, and a nice level is lowered by nobody but root.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import type { DaemonConfig } from '../../runtime/message/config.ts';
import { limitDescriptors } from '../../runtime/supervisor/process/process-limits.ts';
import type { StateFile } from '../../runtime/supervisor/process/state-file.ts';

/**
 * - `oomScore` is added to the score that was inherited (proc(5), oom_score_adj): per mille of the machine's memory that the process counts more than
 *   it has. Viewers go first: they come back. A recording that is lost does not, so whoever writes one is not raised at all, and its camera little.
 * - `nice` is added to the level that was inherited: the more people watch, the less they may cost those who record.
 */
const STANDING: Readonly<Record<StateFile['kind'], { readonly oomScore: number; readonly nice: number }>> = {
  stream: { oomScore: 600, nice: 2 },
  probe: { oomScore: 500, nice: 5 },
  // Its nice level is that of what it becomes, and there is no way back from a higher one.
  standby: { oomScore: 500, nice: 0 },
  capture: { oomScore: 200, nice: 0 },
};

const OOM_SCORE = '/proc/self/oom_score_adj';
const MAX_OOM_SCORE = 1000;
const MAX_NICE = 19;

/** As it was when the process began: what a standby was raised by must not be added to what it becomes. */
let inherited: { readonly oomScore: number | undefined; readonly nice: number } | undefined;

/** Takes the standing of `kind`; once more when a standby becomes one. */
export function takeStanding(kind: StateFile['kind']): void {
  inherited ??= { oomScore: readOomScore(), nice: getPriority() };
  const { oomScore, nice } = STANDING[kind];
  attempt(() => {
    if (inherited?.oomScore === undefined) return;
    writeFileSync(OOM_SCORE, String(Math.min(inherited.oomScore + oomScore, MAX_OOM_SCORE)));
  });
  attempt(() => setPriority(Math.min((inherited?.nice ?? 0) + nice, MAX_NICE)));
}

/** Node itself, rings, bells, the log, the control channel, an inspector: some 30; and room for what a library opens. */
const OWN_DESCRIPTORS = 192;
/** Connections of the port that carry no stream; fewer are let in (http-server.ts). */
const FURTHER_CONNECTIONS = 64;

/** Holds this daemon to as many descriptors as it can need. */
export function takeDescriptorLimit(config: DaemonConfig): void {
  limitDescriptors(OWN_DESCRIPTORS + (config.kind === 'stream' ? config.maxViewers + FURTHER_CONNECTIONS : 0));
}

function readOomScore(): number | undefined {
  try {
    return Number(readFileSync(OOM_SCORE, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Not allowed, or not known here: then not. */
function attempt(change: () => void): void {
  try {
    change();
  } catch {
    // As it was.
  }
}
