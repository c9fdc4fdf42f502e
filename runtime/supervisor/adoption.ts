/**
 * What an earlier supervisor left behind: which of its daemons are still there, and the sweeping up of what is not.
 *
 * Belongs here: concluding from a state file, without talking to anybody. A process is only believed to be ours when boot, pid and start tick
 * are those written down; one that took a dead daemon's pid is never touched. Does not belong here: the proof that follows, which is
 * the nonce in its hello (control-server.ts).
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { monotonicUs } from '../clock.ts';
import { toBulkheadError } from '../errors.ts';
import { exitMeaning } from '../exit-code.ts';
import type { Logger } from '../log.ts';
import { parse } from '../message/parse.ts';
import { bootId, isAlive, signalProcess } from './process/identity.ts';
import type { Outcome, Reason } from './service.ts';
import { isScratch, removeScratch } from './process/standby-files.ts';
import {
  isDaemon,
  listStateFiles,
  processIdentity,
  readStateFile,
  type DaemonState,
  type StateFile,
} from './process/state-file.ts';
import { bootTag, StatusPageReader, type StatusSample } from './process/status-page.ts';

export type Survivor = { readonly path: string; readonly state: StateFile };

/** A daemon that ended while there was no supervisor. Its files stay until its end has been told. */
export type Departed = {
  readonly path: string;
  readonly state: DaemonState;
  readonly outcome: Outcome;
  readonly reason: Reason;
  readonly code: number | null;
  readonly message: string | null;
  /** Milliseconds since 1970: when it ended, or last beat; null = nobody knows. */
  readonly time: number | null;
};

export type Found = {
  /** Of each id the one first that serves: the newest that is ready, or, where none is, the newest. */
  readonly survivors: readonly Survivor[];
  readonly departed: readonly Departed[];
};

/** Who is still there and who is not; files that mean nothing any more are removed. */
export function findSurvivors(runDirectory: string, pageDirectory: string, log: Logger): Found {
  const survivors: Survivor[] = [];
  const departed: Departed[] = [];
  for (const path of [...new Set([runDirectory, pageDirectory])].flatMap(listStateFiles)) {
    try {
      const state = readStateFile(path);
      // Without a process written down, its supervisor died around the spawn: if there is one, it will dial and say who it is.
      if (state.ended === undefined && (state.process === undefined || isAlive(state.process))) {
        survivors.push({ path, state });
        continue;
      }
      log.info({ id: state.id, generation: state.generation }, 'a daemon ended while there was no supervisor');
      if (isDaemon(state) && state.kind !== 'probe') {
        departed.push(inquire(path, state));
        continue;
      }
    } catch (error) {
      log.warn({ err: toBulkheadError(error, 'reading a state file') }, 'a state file cannot be used; it is removed');
      endForeignVersion(path, log);
    }
    rmSync(path, { force: true });
  }
  sweepPages(pageDirectory, new Set(survivors.map(({ state }) => state.statusPage)));
  // A successor that was not ready when its supervisor died does not serve, and its predecessor does.
  const serving = new Set(survivors.filter(({ state }) => isDaemon(state) && lastPage(state)?.phase === 'ready'));
  const rank = (one: Survivor): number => (serving.has(one) ? 0 : 1);
  return {
    survivors: survivors.toSorted((a, b) => rank(a) - rank(b) || b.state.generation - a.state.generation),
    departed,
  };
}

/** Removes what is left of it. */
export function bury({ path }: Departed): void {
  rmSync(path, { force: true });
}

const REASON: Readonly<Record<Outcome, Reason>> = {
  // Nobody but an operator ends a daemon that has no supervisor; or it had none for too long, and then nobody wanted it.
  done: 'operator',
  recycled: 'deploy',
  starved: 'starved',
  config: 'config',
  temporary: 'crash',
  killed: 'crash',
  crash: 'crash',
};

/** How a daemon ended: in its own words, or by what its status page shows. */
function inquire(path: string, state: DaemonState): Departed {
  const page = lastPage(state);
  const code = state.ended?.code ?? page?.exitCode ?? null;
  const outcome = code === null ? 'crash' : (exitMeaning(code) ?? 'crash');
  const rebooted = state.process !== undefined && state.process.bootId !== bootId();
  const message = state.ended?.message ?? (rebooted ? 'The machine was started anew.' : null);
  const beatTime = page === null ? null : Date.now() - Math.round((monotonicUs() - page.beatUs) / 1000);
  return { path, state, outcome, reason: REASON[outcome], code, message, time: state.ended?.time ?? beatTime };
}

/** Its status page as it left it; null when there is none, or it is another process's. */
function lastPage({ statusPage, process, generation }: DaemonState): StatusSample | null {
  try {
    const page = StatusPageReader.open(statusPage);
    const { owner } = page;
    const sample = page.sample();
    page.close();
    const own = owner.pid === process?.pid && owner.generation === generation && owner.bootTag === bootTag(bootId());
    return own && sample.beat > 0 ? sample : null;
  } catch {
    return null;
  }
}

/** A state file of another version of us may still name its process well enough: it is asked to end, or it would hold its port and its ring. */
function endForeignVersion(path: string, log: Logger): void {
  try {
    const { process } = parse(v.looseObject({ process: processIdentity }), JSON.parse(readFileSync(path, 'utf8')));
    if (signalProcess(process, 'SIGTERM'))
      log.warn({ daemonPid: process.pid }, 'a daemon of another version is stopped');
  } catch {
    // Not even that: there is nobody to find.
  }
}

/** A standby of an earlier supervisor ends by itself when that does. One that was stopped, or had not got so far, is ended here: nobody needs it. */
export function endStandby(path: string, state: StateFile): void {
  if (state.process !== undefined) signalProcess(state.process, 'SIGKILL');
  removeScratch(state.statusPage);
  rmSync(state.statusPage, { force: true });
  rmSync(path, { force: true });
}

function sweepPages(pageDirectory: string, inUse: ReadonlySet<string>): void {
  for (const name of readdirSync(pageDirectory)) {
    const path = join(pageDirectory, name);
    if ((name.endsWith('.status') && !inUse.has(path)) || isScratch(name)) rmSync(path, { force: true });
  }
}
