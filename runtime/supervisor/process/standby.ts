/**
 * A process that stands by: started ahead of time, it has loaded what its kinds of daemon need, and waits to be told which daemon to become.
 *
 * Belongs here: one such process, from its spawn until it is taken or gone, and the handing over. Does not belong here: how many there are and when
 * (standby-pool.ts), what it does with an assignment (daemon/harness/stand-by.ts), and the daemon that it becomes (child.ts).
 *
 *   fd 3  a socket pair over which descriptors are handed: the daemon's log and its listening socket
 *   fd 4  a pipe: first the assignment, and, before and after it, the end of this process. A standby is nothing without its supervisor.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { monotonicUs } from '../../clock.ts';
import { BulkheadError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { DaemonKind } from '../../message/config.ts';
import { encodeFrame } from '../../message/framing.ts';
import type { Assignment, Profile } from '../../message/standby.ts';
import { openDescriptorPair, sendDescriptors } from './descriptors.ts';
import { identify, type ProcessIdentity } from './identity.ts';
import { openLogFile } from './log-file.ts';
import { LISTEN_FD, spawnDaemon, STANDBY_PIPE_FD } from './spawn.ts';
import { fileStem, stateFilePath, writeStateFile, type StateFile } from './state-file.ts';
import { removeScratch } from './standby-files.ts';
import { StatusPageReader } from './status-page.ts';

/** Which standby can become which kind. A kind whose work needs FFmpeg is a `media` kind; a stream daemon never has FFmpeg in its memory. */
export const PROFILE_OF: Readonly<Record<DaemonKind, Profile>> = { capture: 'media', stream: 'light', probe: 'media' };

/** A beat that is older than this is no sign of life: four are due in the time. */
const FRESH_MS = 1_000;

export type StandbyLaunch = {
  readonly profile: Profile;
  readonly generation: number;
  readonly entry: string;
  readonly runDirectory: string;
  readonly logDirectory: string;
  readonly pageDirectory: string;
  readonly controlSocket: string;
  readonly log: Logger;
};

export class Standby {
  readonly profile: Profile;
  readonly #process: ChildProcess;
  readonly identity: ProcessIdentity | null;
  readonly #channel: number;
  readonly #files: readonly string[];
  readonly #statusPage: string;
  readonly #gone: () => void;
  readonly #onExit: () => void;
  readonly #onError: () => void;
  /** Resolves when it has ended without having been taken. */
  readonly ended: Promise<void>;
  #page: StatusPageReader | null = null;
  #state: 'waiting' | 'taken' | 'gone' = 'waiting';

  private constructor(child: ChildProcess, state: StateFile, stateFile: string, channel: number, gone: () => void) {
    this.profile = state.channel as Profile;
    this.#process = child;
    this.identity = state.process ?? null;
    this.#channel = channel;
    this.#files = [stateFile, state.statusPage];
    this.#statusPage = state.statusPage;
    this.#gone = gone;
    const ended = Promise.withResolvers<void>();
    this.ended = ended.promise;
    this.#onExit = () => {
      this.#letGo('gone');
      ended.resolve();
    };
    this.#onError = () => {
      // Also a signal that could not be sent is an 'error'; a process that has a pid was started.
      if (child.pid === undefined) this.#onExit();
    };
    child.once('exit', this.#onExit);
    child.on('error', this.#onError);
    // It ends with the process; that is told by 'exit'.
    this.#pipe?.on('error', () => {});
    // Neither keeps us alive: an exit of ours is its end.
    this.#pipe?.unref();
  }

  /** Starts one; `gone` is called if it ends without having been taken. Undefined where nothing can be handed to a process that runs. */
  static spawn(launch: StandbyLaunch, gone: (standby: Standby) => void): Standby | undefined {
    const pair = openDescriptorPair();
    if (pair === undefined) return undefined;
    const id = `standby:${launch.profile}`;
    const state: StateFile = {
      version: 1,
      id,
      kind: 'standby',
      channel: launch.profile,
      generation: launch.generation,
      nonce: randomBytes(24).toString('base64url'),
      controlSocket: launch.controlSocket,
      statusPage: join(launch.pageDirectory, `${fileStem(id, launch.generation)}.status`),
      specHash: '',
    };
    const stateFile = stateFilePath(launch.runDirectory, id, launch.generation);
    let logFd: number | null = null;
    try {
      logFd = openLog(launch);
      writeStateFile(stateFile, state);
      const child = spawnDaemon({ entry: launch.entry, stateFile, logFd, listenFd: pair.theirs, pipe: true });
      const identity = child.pid === undefined ? undefined : identify(child.pid);
      const known = identity === undefined ? state : { ...state, process: identity };
      if (identity !== undefined) tryToWrite(stateFile, known, launch);
      const standby: Standby = new Standby(child, known, stateFile, pair.ours, () => gone(standby));
      return standby;
    } catch (error) {
      closeSync(pair.ours);
      rmSync(stateFile, { force: true });
      throw error;
    } finally {
      closeSync(pair.theirs);
      if (logFd !== null) closeSync(logFd);
    }
  }

  get pid(): number | null {
    return this.#process.pid ?? null;
  }

  /** How long ago it last beat; null = it is still loading. Its clock is ours: both are the machine's monotonic clock. */
  get beatAgeMs(): number | null {
    this.#page ??= this.#openPage();
    const sample = this.#page?.sample();
    return sample?.phase === 'ready' ? (monotonicUs() - sample.beatUs) / 1000 : null;
  }

  /** It has loaded everything, and lives. */
  get isFresh(): boolean {
    return this.#state === 'waiting' && this.identity !== null && (this.beatAgeMs ?? FRESH_MS) < FRESH_MS;
  }

  /**
   * Makes it the daemon of `stateFile`, and gives its process away. Undefined = it cannot be told; it is ended. Whether it has understood is known by
   * the hello of the daemon, and not before.
   */
  assign(stateFile: string, entry: string, logFd: number, listenFd: number | undefined): ChildProcess | undefined {
    if (!sendDescriptors(this.#channel, listenFd === undefined ? [logFd] : [logFd, listenFd])) {
      this.end();
      return undefined;
    }
    const message: Assignment = {
      type: 'assign',
      stateFile,
      entry,
      ...(listenFd === undefined ? {} : { listenFd: LISTEN_FD }),
    };
    this.#pipe?.write(encodeFrame(message));
    this.#process.off('exit', this.#onExit).off('error', this.#onError);
    this.#letGo('taken');
    return this.#process;
  }

  /** Ends it. */
  end(): void {
    if (this.#state !== 'waiting') return;
    this.#process.kill('SIGKILL');
  }

  get #pipe(): Socket | null {
    return (this.#process.stdio[STANDBY_PIPE_FD] as Socket | null | undefined) ?? null;
  }

  #openPage(): StatusPageReader | null {
    try {
      return StatusPageReader.open(this.#statusPage);
    } catch (error) {
      // Not yet.
      if (error instanceof BulkheadError) return null;
      throw error;
    }
  }

  /** It is no standby any more: nothing of ours stays behind. */
  #letGo(state: 'taken' | 'gone'): void {
    if (this.#state !== 'waiting') return;
    this.#state = state;
    closeSync(this.#channel);
    // What was written is sent first.
    this.#pipe?.end();
    this.#page?.close();
    for (const file of this.#files) rmSync(file, { force: true });
    if (state === 'taken') return;
    removeScratch(this.#statusPage);
    this.#gone();
  }
}

/** It runs already, and ends with us whether or not its pid is written down. */
function tryToWrite(stateFile: string, state: StateFile, { log, profile }: StandbyLaunch): void {
  try {
    writeStateFile(stateFile, state);
  } catch (error) {
    log.warn({ err: error, profile }, 'the pid of a standby cannot be written down');
  }
}

function openLog({ logDirectory, profile }: StandbyLaunch): number {
  try {
    return openLogFile(logDirectory, 'standby', profile).fd;
  } catch {
    return openSync(devNull, 'w');
  }
}
