/**
 * One process of one generation: from its spawn, or its adoption, to the certainty that it is gone.
 *
 * Belongs here: its state file, status page, control channel, signals to exactly this process, and its exit. Does not belong here: what
 * to do about any of it (transition.ts decides, daemon.ts carries out).
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync } from 'node:fs';
import { devNull } from 'node:os';
import { dirname } from 'node:path';
import { toBulkheadError, type BulkheadError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { DaemonMessage, SupervisorMessage } from '../../message/schema.ts';
import type { DaemonConnection, Expected, Hello } from './control-server.ts';
import { identify, isAlive, signalProcess, type ProcessIdentity } from './identity.ts';
import { openLogFile } from './log-file.ts';
import { LISTEN_FD, spawnDaemon } from './spawn.ts';
import type { Standby } from './standby.ts';
import { stateFilePath, writeStateFile, type DaemonState } from './state-file.ts';
import { StatusPageReader, type StatusSample } from './status-page.ts';

/** How a process ended. Both null = it could not be started, or nobody can know. */
export type ChildExit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type ChildEvents = {
  readonly hello: (hello: Hello) => void;
  readonly refused: (protocol: number) => void;
  readonly message: (message: DaemonMessage) => void;
  /** Once, when the process is gone and its files are removed. `error` = it could not be started. */
  readonly exited: (exit: ChildExit, error: BulkheadError | null) => void;
};

export type Launch = {
  readonly runDirectory: string;
  readonly logDirectory: string;
  readonly entry: string;
  readonly listenFd: number | undefined;
  readonly state: Omit<DaemonState, 'version' | 'nonce' | 'listenFd' | 'specHash' | 'process'>;
  /** Gives a process that has loaded all that is needed, if one waits. */
  readonly standby: () => Standby | undefined;
  /** The spec's hash under this process's nonce. */
  readonly specHash: (nonce: string) => string;
  readonly log: Logger;
};

/** A disk that takes no log is no reason to have no picture. */
function logFileOrNothing({ logDirectory, state, log }: Launch): { readonly fd: number } {
  try {
    return openLogFile(logDirectory, state.kind, state.channel);
  } catch (error) {
    log.warn({ daemon: state.id, err: error }, 'the log file cannot be opened; the daemon runs without one');
    return { fd: openSync(devNull, 'w') };
  }
}

/** For a channel that somebody else holds open: a process that the daemon started and that inherited it. */
const LAST_WORDS_MS = 20;

/** When it is looked whether an adopted process has ended whose channel broke: its memory is gone by then, only the kernel's last steps are not. */
const LOOKS_MS = [0, 1, 2, 5, 10, 25, 60, 150];

/** From the assignment of a standby to its hello: many times what it takes, and a fraction of what a start may take. */
const ASSIGNED_LIMIT_MS = 1_000;

export class Child implements Expected {
  readonly state: DaemonState;
  #stateFile: string;
  readonly #events: ChildEvents;
  readonly #log: Logger;
  /** Set when we are its parent: then the kernel tells us how it ends. */
  #process: ChildProcess | null = null;
  #identity: ProcessIdentity | null = null;
  /** Set from the assignment of a standby until it has come, or nobody waits for it any more. */
  #awaited: { readonly limit: NodeJS.Timeout; readonly startCold: () => void } | null = null;
  #connection: DaemonConnection | null = null;
  #page: StatusPageReader | null = null;
  #end: { readonly exit: ChildExit; readonly error: BulkheadError | null } | null = null;
  #finished = false;

  private constructor(state: DaemonState, stateFile: string, events: ChildEvents, log: Logger) {
    this.state = state;
    this.#stateFile = stateFile;
    this.#events = events;
    this.#log = log;
  }

  /** Starts a process. What cannot be started exits at once, by event; only files that cannot be written throw. */
  static spawn(launch: Launch, events: ChildEvents): Child {
    const nonce = randomBytes(24).toString('base64url');
    const state: DaemonState = {
      version: 1,
      ...launch.state,
      nonce,
      specHash: launch.specHash(nonce),
      ...(launch.listenFd === undefined ? {} : { listenFd: LISTEN_FD }),
    };
    const stateFile = stateFilePath(launch.runDirectory, state.id, state.generation);
    const logFile = logFileOrNothing(launch);
    const child = new Child(state, stateFile, events, launch.log);
    try {
      const standby = launch.standby();
      if (standby === undefined || !child.#assign(standby, launch, logFile.fd)) child.#spawn(launch, logFile.fd);
      return child;
    } catch (error) {
      rmSync(child.#stateFile, { force: true });
      throw error;
    } finally {
      closeSync(logFile.fd);
    }
  }

  #spawn({ entry, listenFd }: Launch, logFd: number): void {
    this.#writeFirst(this.state);
    this.#own(spawnDaemon({ entry, stateFile: this.#stateFile, logFd, listenFd }));
    const pid = this.#process?.pid;
    if (pid === undefined) return;
    this.#identity = identify(pid) ?? null;
    try {
      this.writeStateFile();
    } catch (error) {
      // It runs. Without its pid in the file the next supervisor knows it by its hello.
      this.#log.warn({ daemon: this.state.id, err: error }, 'the pid of a daemon cannot be written down');
    }
  }

  /** Makes a standby this daemon; false when it cannot be told. One that was told and does not come is killed, and a cold start takes its place. */
  #assign(standby: Standby, launch: Launch, logFd: number): boolean {
    const { identity } = standby;
    if (identity === null) return false;
    try {
      this.#writeFirst({ ...this.state, process: identity });
    } catch (error) {
      // It is ours, and nobody else would end it.
      standby.end();
      throw error;
    }
    const process = standby.assign(this.#stateFile, launch.entry, logFd, launch.listenFd);
    if (process === undefined) return false;
    this.#identity = identity;
    this.#own(process);
    this.#awaited = {
      limit: setTimeout(() => process.kill('SIGKILL'), ASSIGNED_LIMIT_MS),
      startCold: () => this.#startCold(launch),
    };
    return true;
  }

  /** A full disk is no reason to leave a camera alone: then the file lies in memory, beside the status page. */
  #writeFirst(state: DaemonState): void {
    try {
      return writeStateFile(this.#stateFile, state);
    } catch (error) {
      const instead = stateFilePath(dirname(state.statusPage), state.id, state.generation);
      if (instead === this.#stateFile) throw error;
      writeStateFile(instead, state);
      this.#log.warn({ daemon: state.id, err: error }, 'the state file of a daemon cannot be where it belongs');
      this.#remove(this.#stateFile);
      this.#stateFile = instead;
    }
  }

  #startCold(launch: Launch): void {
    this.#log.warn({ daemon: this.state.id }, 'a standby did not become a daemon; one is started from nothing');
    const logFile = logFileOrNothing(launch);
    try {
      this.#spawn(launch, logFile.fd);
    } catch (error) {
      this.#ended({ code: null, signal: null }, toBulkheadError(error, `starting the ${this.state.kind} daemon`));
    } finally {
      closeSync(logFile.fd);
    }
  }

  /** The standby has come, or need not come. */
  #awaitNoLonger(): void {
    clearTimeout(this.#awaited?.limit);
    this.#awaited = null;
  }

  /** Takes over a process that an earlier supervisor started. Whether it is still there is found out by `checkAlive`. */
  static adopt(stateFile: string, state: DaemonState, events: ChildEvents, log: Logger): Child {
    const child = new Child(state, stateFile, events, log);
    child.#identity = state.process ?? null;
    return child;
  }

  get pid(): number | null {
    return this.#identity?.pid ?? this.#process?.pid ?? null;
  }

  /** An earlier supervisor started it. */
  get adopted(): boolean {
    return this.#process === null;
  }

  /** Whether its control channel is up. */
  get dialled(): boolean {
    return this.#connection !== null;
  }

  get nonce(): string {
    return this.state.nonce;
  }

  /** The status page as it is now; null while there is none. */
  sample(): StatusSample | null {
    return this.#page?.sample() ?? null;
  }

  /** Once more, for whoever comes after us: somebody has removed it. */
  writeStateFile(): void {
    if (this.#end !== null) return;
    const identity = this.#identity;
    writeStateFile(this.#stateFile, identity === null ? this.state : { ...this.state, process: identity });
  }

  /** False when the channel is down. */
  send(message: SupervisorMessage): boolean {
    return this.#connection?.send(message) ?? false;
  }

  /** Reaches this process or nobody. */
  signal(signal: NodeJS.Signals): void {
    if (this.#end !== null) return;
    this.#awaitNoLonger();
    // Until our own child is reaped its pid cannot be given to anybody else.
    if (this.#process !== null) this.#process.kill(signal);
    else if (this.#identity !== null) signalProcess(this.#identity, signal);
  }

  /** Finds out whether an adopted process has ended: nobody tells us. Does nothing for our own children. */
  checkAlive(): void {
    // Our predecessor may have died between the spawn and writing the pid down: then only a hello tells who it is.
    if (this.#end !== null || this.#process !== null || this.#identity === null || isAlive(this.#identity)) return;
    this.#ended({ code: this.#page?.sample().exitCode ?? null, signal: null }, null);
  }

  /** Gives up on a process whose pid was never learnt and which never said hello. */
  abandon(): void {
    if (this.#process === null && this.#identity === null) this.#ended({ code: null, signal: null }, null);
  }

  refused(protocol: number): void {
    if (this.#end === null) this.#events.refused(protocol);
  }

  /** The process dialled. A second connection takes the place of the first: the daemon knows better which of them is alive. */
  connected(
    hello: Hello,
    connection: DaemonConnection,
  ): { message: (message: DaemonMessage) => void; closed: () => void } | undefined {
    if (this.#end !== null) return undefined;
    this.#identity ??= identify(hello.pid) ?? null;
    if (this.pid !== null && this.pid !== hello.pid) return undefined;
    this.#awaitNoLonger();
    const previous = this.#connection;
    this.#connection = connection;
    previous?.close();
    this.#openPage();
    this.#events.hello(hello);
    return {
      message: (message) => {
        if (this.#connection === connection) this.#events.message(message);
      },
      closed: () => {
        if (this.#connection !== connection) return;
        this.#connection = null;
        if (this.#end !== null) this.#finish();
        // For an adopted process this is the first sign of its death, a moment before the kernel counts it as dead.
        else for (const delayMs of LOOKS_MS) setTimeout(() => this.checkAlive(), delayMs);
      },
    };
  }

  #openPage(): void {
    if (this.#page !== null) return;
    try {
      const page = StatusPageReader.open(this.state.statusPage);
      if (page.owner.pid === this.pid && page.owner.generation === this.state.generation) this.#page = page;
      else page.close();
    } catch (error) {
      this.#log.warn({ err: error, id: this.state.id }, 'no status page: the watchdog cannot see this daemon');
    }
  }

  /** We are its parent. */
  #own(child: ChildProcess): void {
    this.#process = child;
    child.on('error', (error) => {
      // Also a signal that could not be sent is an 'error'; a process that has a pid was started.
      if (child.pid !== undefined) return;
      this.#ended({ code: null, signal: null }, toBulkheadError(error, `starting the ${this.state.kind} daemon`));
    });
    child.once('exit', (code, signal) => {
      const awaited = this.#awaited;
      this.#awaitNoLonger();
      if (awaited === null) this.#ended({ code, signal }, null);
      else awaited.startCold();
    });
  }

  /** The process is gone. What it said last may be unread; its end of the channel is closed, so reading it takes no time. */
  #ended(exit: ChildExit, error: BulkheadError | null): void {
    if (this.#end !== null) return;
    this.#end = { exit, error };
    if (this.#connection === null) this.#finish();
    else setTimeout(() => this.#finish(), LAST_WORDS_MS);
  }

  #finish(): void {
    if (this.#end === null || this.#finished) return;
    this.#finished = true;
    this.#connection?.close();
    this.#connection = null;
    this.#page?.close();
    this.#page = null;
    // Told first: were we killed in between, the next supervisor would find nothing to tell of.
    this.#events.exited(this.#end.exit, this.#end.error);
    for (const file of [this.#stateFile, this.state.statusPage]) this.#remove(file);
  }

  /** Somebody may have moved the folder away: that a file cannot be removed must not keep the end of the process from being told. */
  #remove(file: string): void {
    try {
      rmSync(file, { force: true });
    } catch (error) {
      this.#log.warn({ daemon: this.state.id, err: error }, 'a file of a process that is gone cannot be removed');
    }
  }
}
