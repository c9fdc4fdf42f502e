/**
 * One id's place in the supervisor: what is wanted there, and the one or, while it is being replaced, two generations that are there.
 *
 * Belongs here: declaring, releasing, replacing, the listening socket that generations hand on, the count of generations. Does not belong
 * here: the life of one generation (service.ts, daemon.ts) and anything about other ids (supervisor.ts).
 */
import { createHmac } from 'node:crypto';
import type { Cancel, Clock } from '../clock.ts';
import { Secret } from '../secret.ts';
import type { Logger } from '../log.ts';
import type { DaemonConfig } from '../message/config.ts';
import { Child, type ChildEvents } from './child.ts';
import { Daemon, type DaemonHost } from './daemon.ts';
import { openListenSocket, type ListenSocket } from './listen-socket.ts';
import { hasProcess, type Reason } from './service.ts';
import { fileStem, type StateFile } from './state-file.ts';
import type { Spec } from './view.ts';
import { join } from 'node:path';

/** What all slots of a supervisor share. */
export type SlotHost = Pick<DaemonHost, 'clock' | 'log' | 'random' | 'event' | 'changed'> & {
  readonly runDirectory: string;
  readonly logDirectory: string;
  readonly pageDirectory: string;
  readonly controlSocket: string;
  readonly entry: (kind: DaemonConfig['kind']) => string;
  /** The next generation of an id: greater than every one before, also than those of earlier supervisors. */
  readonly nextGeneration: (id: string) => number;
  /** Nothing is wanted here any more, and nothing is here. */
  readonly empty: (slot: Slot) => void;
};

export class Slot {
  readonly id: string;
  readonly #host: SlotHost;
  readonly #clock: Clock;
  readonly #log: Logger;
  #spec: Spec | null = null;
  #current: Daemon;
  /** The generation that is to take over, while it is not ready. */
  #incoming: Daemon | null = null;
  /** Generations that were taken over from, and are not gone. */
  readonly #outgoing = new Set<Daemon>();
  #socket: ListenSocket | null = null;
  #cancelRelease: Cancel = () => {};
  #spawned = 0;

  constructor(id: string, host: SlotHost) {
    this.id = id;
    this.#host = host;
    this.#clock = host.clock;
    this.#log = host.log;
    this.#current = this.#newDaemon();
  }

  /** What is wanted; null = nothing (any more). */
  get spec(): Spec | null {
    return this.#spec;
  }

  get current(): Daemon {
    return this.#current;
  }

  /** Every generation that is there. */
  daemons(): Daemon[] {
    return [this.#current, ...(this.#incoming === null ? [] : [this.#incoming]), ...this.#outgoing];
  }

  get restarts(): number {
    return Math.max(0, this.#spawned - 1);
  }

  /** Takes over a process of an earlier supervisor. It stays for `holdMs` unless it is declared. */
  adopt(stateFile: string, state: StateFile, holdMs: number): void {
    this.#spawned += 1;
    this.#current.adopt((events) => Child.adopt(stateFile, state, events, this.#log));
    this.release('deploy', holdMs);
  }

  declare(spec: Spec): void {
    this.#cancelRelease();
    const before = this.#spec;
    this.#spec = spec;
    const running = this.#current.child;
    const same =
      before !== null
        ? canonical(before.config) === canonical(spec.config)
        : running === null || running.state.specHash === specHash(spec.config, running.nonce);
    this.#current.spec = spec;
    if (same) this.#current.feed({ type: 'start' });
    else this.#replace('config');
  }

  /** Not wanted any more: ends after `holdMs`, unless it is declared again. */
  release(reason: Reason, holdMs: number): void {
    this.#cancelRelease();
    if (holdMs > 0) {
      this.#cancelRelease = this.#clock.after(holdMs, () => this.#stop(reason));
      return;
    }
    this.#stop(reason);
  }

  restart(mode: 'soft' | 'hard', reason: Reason): void {
    if (mode === 'soft') this.#replace(reason);
    else this.#current.feed({ type: 'kill', reason });
  }

  /** Ends timers and closes the socket; processes are left as they are. */
  close(): void {
    this.#cancelRelease();
    for (const daemon of this.daemons()) daemon.close();
    this.#closeSocket();
  }

  #stop(reason: Reason): void {
    this.#cancelRelease = () => {};
    this.#spec = null;
    for (const daemon of this.daemons()) daemon.feed({ type: 'stop', reason });
    this.#settle();
  }

  #replace(reason: Reason): void {
    this.#current.feed({ type: 'recycle', reason });
  }

  #newDaemon(): Daemon {
    const daemon: Daemon = new Daemon(this.id, this.#spec, {
      clock: this.#clock,
      log: this.#log,
      random: this.#host.random,
      launch: (events) => this.#launch(daemon, events),
      entered: () => this.#settle(),
      event: this.#host.event,
      changed: this.#host.changed,
    });
    return daemon;
  }

  #launch(daemon: Daemon, events: ChildEvents): Child {
    const { config } = daemon.spec!;
    if (config.kind === 'stream') this.#socket ??= openListenSocket(config.host, config.port) ?? null;
    const generation = this.#host.nextGeneration(this.id);
    const child = Child.spawn(
      {
        runDirectory: this.#host.runDirectory,
        logDirectory: this.#host.logDirectory,
        entry: this.#host.entry(config.kind),
        listenFd: this.#socket?.fd,
        state: {
          id: this.id,
          kind: config.kind,
          channel: config.channel,
          generation,
          controlSocket: this.#host.controlSocket,
          statusPage: join(this.#host.pageDirectory, `${fileStem(this.id, generation)}.status`),
        },
        specHash: (nonce) => specHash(config, nonce),
        log: this.#log,
      },
      events,
    );
    this.#spawned += 1;
    return child;
  }

  /** Puts everything here in accord with what the generations have become. */
  #settle(): void {
    for (const daemon of this.#outgoing) if (!hasProcess(daemon.service)) this.#outgoing.delete(daemon);
    if (!portIsOpen(this.#current)) this.#closeSocket();
    if (this.#spec === null && this.daemons().every((daemon) => daemon.service.actual === 'stopped')) {
      this.#host.empty(this);
    }
  }

  #closeSocket(): void {
    this.#socket?.close();
    this.#socket = null;
  }
}

/** A port that answers belongs to a daemon that works, or will in a moment. A closed port says: no camera, or nobody to serve it. */
function portIsOpen({ service }: Daemon): boolean {
  return hasProcess(service) || (service.actual === 'backoff' && !service.starved);
}

/** Names a configuration without giving anything of it away: keyed, so that hashes of equal passwords differ from daemon to daemon. */
export function specHash(config: DaemonConfig, nonce: string): string {
  return createHmac('sha256', nonce).update(canonical(config)).digest('base64url');
}

/** A text that is equal exactly when two configurations are: keys in order, secrets in clear. It never leaves this process. */
function canonical(value: unknown): string {
  if (value instanceof Secret) return JSON.stringify(value.reveal());
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join()}}`;
}
