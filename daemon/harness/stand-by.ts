/**
 * What a standby does: it loads what its kinds of daemon need, beats, and waits; told to, it becomes a daemon, by running that daemon's program in
 * this process as if it had been started from nothing.
 *
 * Belongs here: the waiting, and putting everything that a fresh process would have inherited in its place. Does not belong here: what is loaded
 * (daemon/standby.ts), and the life of a daemon (run-daemon.ts), which knows nothing of this.
 */
import { closeSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { pathToFileURL } from 'node:url';
import { toBulkheadError } from '../../runtime/errors.ts';
import { EXIT } from '../../runtime/exit-code.ts';
import { createLogger, type Logger } from '../../runtime/log.ts';
import { Connection } from '../../runtime/message/connection.ts';
import { assignmentSchema, PROFILES, type Assignment, type Profile } from '../../runtime/message/standby.ts';
import { moveDescriptor, receiveDescriptors } from '../../runtime/supervisor/process/descriptors.ts';
import { LISTEN_FD, STANDBY_PIPE_FD } from '../../runtime/supervisor/process/spawn.ts';
import { dieWithParent } from '../../runtime/supervisor/process/process-limits.ts';
import { readStateFile } from '../../runtime/supervisor/process/state-file.ts';
import { scratchOf } from '../../runtime/supervisor/process/standby-files.ts';
import { takeStanding } from './isolation.ts';
import { startHeartbeat } from './heartbeat.ts';
import { openPage } from './page.ts';

const STDOUT_FD = 1;
const STDERR_FD = 2;

/** What daemons of a profile need. What fails here is no obstacle: the daemon that needs it will say so. */
export type Preparation = {
  readonly load: () => Promise<unknown>[];
  /** Does the work once for nothing; `scratch` = a path for a ring that is removed with this process. */
  readonly rehearse: (scratch: string) => Promise<void>;
};

/** Stands by as the state file in the first argument says. */
export async function standBy(preparations: Readonly<Record<Profile, Preparation>>): Promise<void> {
  const stateFile = process.argv[2] ?? '';
  const state = readStateFile(stateFile);
  process.title = `bulkhead standby ${state.channel}`;
  takeStanding('standby');
  // The pipe says so as well; but not to a process that was stopped.
  dieWithParent(true);
  const log = createLogger({ standby: state.channel, generation: state.generation });
  const page = openPage(state, log);
  const stopHeartbeat = startHeartbeat(page);

  const leave = (): void => {
    // Whoever started this process removes these as well, if it is there.
    for (const file of [stateFile, state.statusPage]) rmSync(file, { force: true });
    process.exit(EXIT.done);
  };
  process.on('SIGTERM', leave);
  // A terminal sends these to everything that was started from it; our life is the supervisor's business.
  process.on('SIGINT', () => {});
  process.on('SIGHUP', () => {});

  const pipe = new Socket({ fd: STANDBY_PIPE_FD, readable: true, writable: false });
  let assigned = false;
  const connection = new Connection<Assignment, never>(pipe, assignmentSchema, {
    message: (assignment) => {
      assigned = true;
      stopHeartbeat();
      page.close();
      pipe.destroy();
      process.off('SIGTERM', leave);
      void become(assignment, log);
    },
    // Without a supervisor there is nothing to wait for.
    closed: () => {
      if (!assigned) leave();
    },
  });
  const profile = PROFILES.find((name) => name === state.channel);
  if (profile !== undefined) await prepare(preparations[profile], scratchOf(state.statusPage), log);
  if (!connection.open) return;
  page.phase('ready');
  log.info('standing by');
}

async function prepare({ load, rehearse }: Preparation, scratch: string, log: Logger): Promise<void> {
  const missing = (error: unknown): void => {
    log.warn({ err: toBulkheadError(error, 'preparing') }, 'this standby is not as well prepared as it could be');
  };
  for (const result of await Promise.allSettled(load())) if (result.status === 'rejected') missing(result.reason);
  await rehearse(scratch).catch(missing);
}

/** From here on this process is the daemon. What goes wrong ends it: its supervisor starts another one from nothing. */
async function become({ stateFile, entry, listenFd }: Assignment, log: Logger): Promise<void> {
  const [logFd, socketFd] = receiveDescriptors(LISTEN_FD) ?? [];
  if (logFd === undefined || (socketFd === undefined) !== (listenFd === undefined)) {
    log.error('what the daemon needs has not arrived');
    process.exit(EXIT.temporary);
  }
  dieWithParent(false);
  log.info({ stateFile }, 'becoming a daemon');
  moveDescriptor(logFd, STDOUT_FD, STDERR_FD);
  if (socketFd === undefined || listenFd === undefined) closeSync(LISTEN_FD);
  else moveDescriptor(socketFd, listenFd);
  process.argv.splice(1, 2, entry, stateFile);
  try {
    await import(pathToFileURL(entry).href);
  } catch (error) {
    log.error({ err: error }, 'the daemon cannot be loaded');
    process.exit(EXIT.temporary);
  }
}
