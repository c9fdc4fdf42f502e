/**
 * One id's place in the supervisor: what is wanted there, and the one or, while it is being replaced, two generations that are there.
 *
 * Belongs here: declaring, releasing, stopping, replacing, and the port that generations hand on to each other. Does not belong here: the
 * life of one generation (transition.ts, daemon.ts) and anything about other ids (supervisor.ts).
 *
 * Two wishes make one: the flow's (the spec) and the operator's on top of it, who may stop what the flow wants.
 *
 *   current    the generation that serves
 *   incoming   its successor, until it is ready: make before break
 *   outgoing   predecessors on their way out
 */
import { join } from 'node:path';
import type { Cancel } from '../clock.ts';
import type { DaemonConfig, DaemonKind } from '../message/config.ts';
import { Child, type ChildEvents } from './process/child.ts';
import { Daemon, type DaemonHost } from './daemon.ts';
import type { LaunchQueue } from './launch-queue.ts';
import { Port } from './process/port.ts';
import { ensurePrivateDirectory } from './private-directory.ts';
import { hasProcess, type Actual, type Reason } from './service.ts';
import { sameConfig, specHash } from './process/spec-hash.ts';
import type { Standby } from './process/standby.ts';
import { fileStem, type DaemonState, type Terms } from './process/state-file.ts';
import type { Spec } from './view.ts';

/** What all slots of a supervisor share. */
export type SlotHost = Omit<DaemonHost, 'launch' | 'entered' | 'changed' | 'queue'> & {
  readonly queue: LaunchQueue<Daemon>;
  readonly runDirectory: string;
  readonly logDirectory: string;
  readonly pageDirectory: string;
  readonly controlSocket: string;
  readonly entry: (kind: DaemonKind) => string;
  readonly terms: Terms;
  /** A process that waits to become one of this kind, if there is one. */
  readonly standby: (kind: DaemonKind) => Standby | undefined;
  /** Greater than every one before, also than those of earlier supervisors. */
  readonly nextGeneration: (id: string) => number;
  /** Something that the view shows has changed. */
  readonly changed: (slot: Slot) => void;
  /** Nothing is wanted here any more, and nothing is here. */
  readonly empty: (slot: Slot) => void;
};

const WORKS: ReadonlySet<Actual> = new Set(['ready', 'degraded']);

export class Slot {
  readonly id: string;
  readonly #host: SlotHost;
  #spec: Spec | null = null;
  #current: Daemon;
  #incoming: { readonly daemon: Daemon; readonly reason: Reason } | null = null;
  readonly #outgoing = new Set<Daemon>();
  readonly #port = new Port();
  #cancelRelease: Cancel = () => {};
  #stopped = false;
  /** An operator asked for the start that comes next, and waits for it. */
  #urgent = false;

  constructor(id: string, host: SlotHost) {
    this.id = id;
    this.#host = host;
    this.#current = this.#newDaemon();
  }

  /** What is wanted; null = nothing (any more), or not known yet. */
  get spec(): Spec | null {
    return this.#spec;
  }

  get current(): Daemon {
    return this.#current;
  }

  /** Every generation that is there, the one that serves first. */
  daemons(): Daemon[] {
    return [this.#current, ...(this.#incoming === null ? [] : [this.#incoming.daemon]), ...this.#outgoing];
  }

  /** A successor is on its way. */
  get replacing(): boolean {
    return this.#incoming !== null;
  }

  /** The operator has stopped it. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Takes over a process of an earlier supervisor. The newest comes first and stays for `holdMs` unless it is declared; older ones end. */
  adopt(path: string, state: DaemonState, holdMs: number): void {
    const first = this.#current.child === null;
    const daemon = first ? this.#current : this.#newDaemon();
    daemon.adopt((events) => Child.adopt(path, state, events, this.#host.log));
    if (first) return this.release('deploy', holdMs);
    this.#outgoing.add(daemon);
    daemon.feed({ type: 'stop', reason: 'deploy' });
  }

  declare(spec: Spec): void {
    this.#cancelRelease();
    this.#spec = spec;
    const before = this.#current.spec;
    const adopted = before === null ? this.#current.child : null;
    const same =
      adopted === null
        ? before === null || sameConfig(before.config, spec.config)
        : adopted.state.specHash === specHash(spec.config, adopted.nonce);
    if (adopted !== null) this.#regainPort(spec.config, adopted);
    if (!same) {
      // Whoever changes what is to run wants to see it run.
      this.#stopped = false;
      return this.#replace('config');
    }
    this.#current.spec = spec;
    const incoming = this.#incoming?.daemon;
    if (incoming !== undefined) {
      // A change that is taken back before its process was ready: that one has been told what nobody wants any more.
      if (incoming.spec !== null && sameConfig(incoming.spec.config, spec.config)) incoming.spec = spec;
      else this.#dropIncoming('config');
    }
    if (!this.#stopped) this.#current.feed({ type: 'start' });
  }

  /** The operator does not want it to run, whatever the flow says, until `start`, `restart` or another spec. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#dropIncoming('operator');
    for (const daemon of this.daemons()) daemon.feed({ type: 'stop', reason: 'operator' });
    this.#host.changed(this);
  }

  /** The operator wants it to run after all; one that waits for its next try need not. */
  start(): void {
    this.#stopped = false;
    this.#urgent = true;
    this.#current.feed({ type: hasProcess(this.#current.service) ? 'start' : 'recycle', reason: 'operator' });
    this.#host.changed(this);
  }

  /** Not wanted any more: ends after `holdMs`, unless it is declared again. */
  release(reason: Reason, holdMs: number): void {
    this.#cancelRelease();
    if (holdMs > 0) this.#cancelRelease = this.#host.clock.after(holdMs, () => this.#end(reason));
    else this.#end(reason);
  }

  /** Soft: the next generation takes over before this one ends, where two can be there at once. Hard: SIGKILL, then the next one. */
  restart(mode: 'soft' | 'hard', reason: Reason): void {
    if (this.#stopped) return this.start();
    this.#urgent = reason === 'operator';
    if (mode === 'soft') return this.#replace(reason);
    this.#dropIncoming(reason);
    this.#current.feed({ type: 'kill', reason });
  }

  /** The camera is back: a channel that waits for it need not wait longer. */
  wake(): void {
    for (const daemon of this.daemons()) daemon.feed({ type: 'wake' });
  }

  /** Ends timers and closes the port; processes are left as they are. */
  close(): void {
    this.#cancelRelease();
    for (const daemon of this.daemons()) daemon.close();
    this.#port.close();
  }

  #end(reason: Reason): void {
    this.#cancelRelease();
    this.#spec = null;
    for (const daemon of this.daemons()) daemon.feed({ type: 'stop', reason });
    this.#settle();
  }

  /** Puts a generation with the wanted spec in the place of the current one. */
  #replace(reason: Reason): void {
    if (this.#spec === null) return;
    this.#dropIncoming(reason);
    if (!this.#canOverlap(this.#spec.config)) {
      this.#current.spec = this.#spec;
      this.#current.feed({ type: 'recycle', reason });
      return;
    }
    const daemon = this.#newDaemon();
    daemon.spec = this.#spec;
    this.#incoming = { daemon, reason };
    daemon.feed({ type: 'start' });
  }

  /** Two can be there at once when they share a port that is ours to hand on. A capture daemon never: its ring has one writer. */
  #canOverlap(config: DaemonConfig): boolean {
    return config.kind === 'stream' && this.#port.isAt(config) && WORKS.has(this.#current.service.actual);
  }

  #dropIncoming(reason: Reason): void {
    if (this.#incoming === null) return;
    const { daemon } = this.#incoming;
    this.#incoming = null;
    this.#outgoing.add(daemon);
    daemon.feed({ type: 'stop', reason });
  }

  /** What the generations have become may mean that one takes over from another. */
  #entered(daemon: Daemon): void {
    const incoming = this.#incoming;
    if (incoming !== null) {
      const { actual } = daemon.service;
      if (daemon === incoming.daemon && actual === 'ready') this.#takeOver(incoming.daemon, 'drain', incoming.reason);
      else if (daemon === incoming.daemon && isDown(daemon)) this.#giveUp(incoming);
      // The old one died before its successor was ready: then that is all there is.
      else if (daemon === this.#current && !WORKS.has(actual)) this.#takeOver(incoming.daemon, 'stop', incoming.reason);
    }
    this.#settle();
  }

  /** The successor cannot start. A restart that nobody needs is called off; a new configuration is wanted, whether it works or not. */
  #giveUp(incoming: { readonly daemon: Daemon; readonly reason: Reason }): void {
    if (incoming.reason === 'config') this.#takeOver(incoming.daemon, 'stop', incoming.reason);
    else this.#dropIncoming(incoming.reason);
  }

  #takeOver(next: Daemon, farewell: 'drain' | 'stop', reason: Reason): void {
    const previous = this.#current;
    this.#incoming = null;
    this.#current = next;
    this.#outgoing.add(previous);
    const outage = { sinceMs: this.#host.clock.nowMs(), reason, planned: true };
    next.succeed(previous, farewell === 'drain' ? null : (previous.service.outage ?? outage));
    // It serves already and the old one did until now: there was no moment in which nobody did.
    if (farewell === 'drain') this.#host.event(next, 'daemon.recycled', reason, { recoveryMs: 0 });
    previous.feed({ type: farewell, reason });
  }

  /** Puts what the generations share in accord with what they have become. */
  #settle(): void {
    for (const daemon of this.#outgoing) {
      if (hasProcess(daemon.service)) continue;
      this.#outgoing.delete(daemon);
      daemon.close();
      this.#current.facts.lastExit = daemon.facts.lastExit ?? this.#current.facts.lastExit;
    }
    if (!this.daemons().some(needsPort)) this.#port.close();
    if (this.#spec === null && this.daemons().every(({ service }) => service.actual === 'stopped')) {
      this.close();
      this.#host.empty(this);
    }
  }

  #newDaemon(): Daemon {
    const daemon: Daemon = new Daemon(this.id, {
      ...this.#host,
      queue: {
        enter: (who, go) => this.#host.queue.enter(who, { kind: who.who().kind, urgent: this.#urgent }, go),
        leave: (who) => this.#host.queue.leave(who),
      },
      launch: (events) => this.#launch(daemon, events),
      entered: () => this.#entered(daemon),
      changed: () => this.#host.changed(this),
    });
    return daemon;
  }

  #launch(daemon: Daemon, events: ChildEvents): Child {
    const { runDirectory, logDirectory, pageDirectory, controlSocket, entry, standby, nextGeneration, log } =
      this.#host;
    const { config } = daemon.spec!;
    this.#urgent = false;
    // Somebody may have cleaned up: systemd removes what users who log out leave in shared memory.
    for (const directory of [runDirectory, pageDirectory]) ensurePrivateDirectory(directory);
    const listenFd = config.kind === 'stream' ? this.#port.open(config) : undefined;
    const generation = nextGeneration(this.id);
    return Child.spawn(
      {
        runDirectory,
        logDirectory,
        entry: entry(config.kind),
        standby: () => standby(config.kind),
        listenFd,
        state: {
          id: this.id,
          kind: config.kind,
          channel: config.channel,
          generation,
          controlSocket,
          statusPage: join(pageDirectory, `${fileStem(this.id, generation)}.status`),
          ...this.#host.terms,
        },
        specHash: (nonce) => specHash(config, nonce),
        log,
      },
      events,
    );
  }

  #regainPort(config: DaemonConfig, { state }: Child): void {
    if (config.kind !== 'stream' || state.listenFd === undefined || state.process === undefined) return;
    this.#port.retrieve(state.process.pid, state.listenFd, config);
  }
}

/** There is no process, and none is about to be. */
function isDown({ service }: Daemon): boolean {
  return !hasProcess(service) && service.actual !== 'queued';
}

/** Back-offs of this many doublings (2 s) are worth waiting for in a backlog; behind longer ones a viewer would hang. */
const BRIEF_STEPS = 4;

/** A port that answers belongs to a daemon that works, or will in a moment. A closed one says: no camera, or nobody to serve it. */
function needsPort({ service, blocked }: Daemon): boolean {
  if (hasProcess(service) || service.actual === 'queued') return true;
  return service.actual === 'backoff' && !service.starved && !blocked && service.tally.step <= BRIEF_STEPS;
}
