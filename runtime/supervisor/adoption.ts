/**
 * What an earlier supervisor left behind: which of its daemons are still there, and the sweeping up of what is not.
 *
 * Belongs here: concluding from a state file, without talking to anybody. A process is only believed to be ours when boot, pid and start tick
 * are those written down; one that took a dead daemon's pid is never touched. Does not belong here: the proof that follows, which is
 * the nonce in its hello (control-server.ts).
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { toBulkheadError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { isAlive, signalProcess } from './identity.ts';
import { listStateFiles, processIdentity, readStateFile, type StateFile } from './state-file.ts';

export type Survivor = { readonly path: string; readonly state: StateFile };

/** Survivors, the newest generation of each id first; files of those that are gone are removed. */
export function findSurvivors(runDirectory: string, pageDirectory: string, log: Logger): Survivor[] {
  const survivors: Survivor[] = [];
  for (const path of listStateFiles(runDirectory)) {
    try {
      const state = readStateFile(path);
      // Without a process written down, its supervisor died around the spawn: if there is one, it will dial and say who it is.
      if (state.process === undefined || isAlive(state.process)) {
        survivors.push({ path, state });
        continue;
      }
      log.info({ id: state.id, generation: state.generation }, 'a daemon ended while there was no supervisor');
    } catch (error) {
      log.warn({ err: toBulkheadError(error, 'reading a state file') }, 'a state file cannot be used; it is removed');
      endForeignVersion(path, log);
    }
    rmSync(path, { force: true });
  }
  sweepPages(pageDirectory, new Set(survivors.map(({ state }) => state.statusPage)));
  return survivors.toSorted((a, b) => b.state.generation - a.state.generation);
}

/** A state file of another version of us may still name its process well enough: it is asked to end, or it would hold its port and its ring. */
function endForeignVersion(path: string, log: Logger): void {
  try {
    const { process } = z.looseObject({ process: processIdentity }).parse(JSON.parse(readFileSync(path, 'utf8')));
    if (signalProcess(process, 'SIGTERM'))
      log.warn({ daemonPid: process.pid }, 'a daemon of another version is stopped');
  } catch {
    // Not even that: there is nobody to find.
  }
}

/** A standby of an earlier supervisor ends by itself when that does. One that was stopped, or had not got so far, is ended here: nobody needs it. */
export function endStandby(path: string, state: StateFile): void {
  if (state.process !== undefined) signalProcess(state.process, 'SIGKILL');
  rmSync(state.statusPage, { force: true });
  rmSync(path, { force: true });
}

function sweepPages(pageDirectory: string, inUse: ReadonlySet<string>): void {
  for (const name of readdirSync(pageDirectory)) {
    const path = join(pageDirectory, name);
    if (name.endsWith('.status') && !inUse.has(path)) rmSync(path, { force: true });
  }
}
