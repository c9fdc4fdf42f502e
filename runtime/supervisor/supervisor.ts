/**
 * The supervisor: keeps the daemons that are declared running, each in a process of its own, and tells how they are.
 *
 * Belongs here: opening and closing, the slots, and the interface to the rest of the runtime. Does not belong here: the decisions about one
 * daemon (transition.ts) and one id (slot.ts), what is watched (rounds.ts, upkeep.ts), and anything that knows Node-RED. No media byte passes through it.
 */
import { availableParallelism } from 'node:os';
import type { Cancel } from '../clock.ts';
import { BulkheadError } from '../errors.ts';
import type { MediaDescription } from '../media/track.ts';
import { daemonConfigSchema, type ProbeConfig } from '../message/config.ts';
import { sentenceOf, tryParse } from '../message/parse.ts';
import { bury, endStandby, findSurvivors } from './adoption.ts';
import { mostStarting } from './policy/brake.ts';
import type { Child } from './process/child.ts';
import { Chronicle } from './event/chronicle.ts';
import { listenControl, type ControlServer } from './process/control-server.ts';
import type { Daemon } from './daemon.ts';
import { Events } from './event/events.ts';
import { Generations } from './generations.ts';
import { LaunchQueue } from './launch-queue.ts';
import { rotateOpenLogs } from './process/log-file.ts';
import { MEMORY } from './policy/memory-policy.ts';
import { takePlace, type Place } from './place.ts';
import { Probes } from './probes.ts';
import { PROGRESS } from './policy/progress.ts';
import { ROUND_MS, Rounds } from './rounds.ts';
import { LIMIT_MS, STARTING, type Reason } from './service.ts';
import { Slot, type SlotHost } from './slot.ts';
import { daemonEntry } from './process/spawn.ts';
import { StandbyPool } from './process/standby-pool.ts';
import { checkId, isDaemon } from './process/state-file.ts';
import { completeOptions, type CompleteOptions, type SupervisorOptions } from './supervisor-options.ts';
import { Upkeep } from './upkeep.ts';
import { UsageBook } from './process/usage.ts';
import type { BulkheadEvent, DaemonView, EventDetail, Spec } from './view.ts';
import { Views } from './views.ts';

/** How long a deploy may leave a daemon undeclared. */
const RELEASE_HOLD_MS = 5_000;
/** Longer than any daemon is given to end, by asking and then by SIGKILL. */
const CLOSE_LIMIT_MS = LIMIT_MS.stopping + LIMIT_MS.killing + 2_000;
/** How often logs are looked at that have grown long. */
const ROTATE_MS = 60_000;
/** Of a detail: an event is no place for a list of a hundred. */
const MOST_TEXT = 500;

export type { SupervisorOptions } from './supervisor-options.ts';
export type { Spec } from './view.ts';

export class Supervisor {
  readonly #options: CompleteOptions;
  readonly #place: Place;
  readonly #host: SlotHost;
  readonly #slots = new Map<string, Slot>();
  readonly #probes: Probes;
  readonly #pool: StandbyPool;
  readonly #queue: LaunchQueue<Daemon>;
  readonly #generations: Generations;
  readonly #events: Events;
  readonly #chronicle: Chronicle;
  readonly #rounds: Rounds;
  readonly #upkeep: Upkeep;
  readonly #views: Views;
  #server: ControlServer | null = null;
  #cancelRounds: Cancel = () => {};
  #cancelRotating: Cancel = () => {};
  #closing: Promise<void> | null = null;
  #emptied = (): void => {};
  #crashing = false;

  private constructor(options: CompleteOptions, place: Place) {
    const { clock, log } = options;
    this.#options = options;
    this.#place = place;
    this.#generations = Generations.open(place.runDirectory);
    this.#events = new Events({ clock, log, directory: options.eventDirectory, history: options.history });
    this.#chronicle = new Chronicle(clock, this.#events);
    this.#rounds = new Rounds({
      clock,
      log,
      slots: () => [...this.#slots.values()],
      progress: { ...PROGRESS, ...options.progress },
      incident: (first, cause, ids) => {
        const daemons = ids.join(' ').slice(0, MOST_TEXT);
        this.#chronicle.of(first, 'daemon.incident', cause, { count: ids.length, daemons, cause });
      },
    });
    const usage = new UsageBook();
    this.#upkeep = new Upkeep({
      clock,
      log,
      usage,
      policy: { ...MEMORY, ...options.memory },
      leaks: (daemon, recycles) => this.#chronicle.of(daemon, 'daemon.leak', 'memory', { recycles }),
    });
    this.#views = new Views(clock, log, {
      usage: (pid) => usage.of(pid),
      restarts: (id) => this.#generations.restarts(id),
    });
    const common = {
      runDirectory: place.runDirectory,
      logDirectory: options.logDirectory,
      pageDirectory: place.pageDirectory,
      controlSocket: place.controlSocket,
      nextGeneration: (id: string) => this.#generations.next(id),
    };
    this.#pool = new StandbyPool({
      ...common,
      clock,
      log,
      profiles: options.standby,
      entry: () => daemonEntry('standby'),
      occupation: () => this.#occupation(),
    });
    this.#queue = new LaunchQueue(clock, mostStarting(availableParallelism()));
    this.#host = {
      ...common,
      clock,
      log,
      random: options.random,
      queue: this.#queue,
      entry: options.daemonEntry,
      terms: {
        ...(options.development ? { tiedTo: process.pid } : {}),
        ...(options.orphanGraceMs === null ? {} : { orphanGraceMs: options.orphanGraceMs }),
      },
      standby: (kind) => this.#pool.take(kind),
      event: (daemon, type, reason, detail) => this.#tell(daemon, type, reason, detail),
      heard: (daemon, event) => this.#chronicle.heard(daemon, event),
      changed: (slot) => this.#views.changed(slot),
      empty: (slot) => {
        this.#slots.delete(slot.id);
        this.#generations.rest(slot.id);
        if (this.#closing === null) this.#events.forget(slot.id);
        if (this.#slots.size === 0) this.#emptied();
      },
    };
    this.#probes = new Probes(this.#host);
  }

  /** Takes over the run directory and the daemons that are there. Throws `conflict` when another supervisor works in it. */
  static async open(given: SupervisorOptions): Promise<Supervisor> {
    const options = completeOptions(given);
    const supervisor = new Supervisor(options, takePlace(options.runDirectory));
    try {
      supervisor.#adopt();
      await supervisor.#start();
      return supervisor;
    } catch (error) {
      supervisor.#letGo();
      throw error;
    }
  }

  /** Says what should run. Unchanged: nothing happens. Changed: the daemon is replaced. Throws `invalid` for what can never run. */
  declare(spec: Spec): void {
    if (this.#closing !== null) {
      throw new BulkheadError('conflict', 'The supervisor is closing; nothing can be started any more.');
    }
    checkId(spec.id);
    const config = tryParse(daemonConfigSchema, spec.config);
    if (!config.success) {
      const what = sentenceOf(config.complaints);
      throw new BulkheadError('invalid', `The configuration of ${spec.id} cannot be used: ${what}.`);
    }
    const known = this.#slots.has(spec.id);
    const slot = this.#slot(spec.id);
    slot.declare({ ...spec, config: config.output });
    if (!known) this.#recall(slot);
  }

  /** It need not run any more: it is stopped after `holdMs`, unless it is declared again. */
  release(id: string, { holdMs = RELEASE_HOLD_MS }: { readonly holdMs?: number } = {}): void {
    this.#slots.get(id)?.release('deploy', holdMs);
  }

  /** Returns the generation that will serve. Throws `notFound` for what is not declared. */
  restart(id: string, mode: 'soft' | 'hard', reason: Reason = 'operator'): number {
    const slot = this.#declared(id, 'restart');
    const before = this.#generations.latest(id);
    slot.restart(mode, reason);
    // Either it has been started already, or it will be as soon as the old one has ended.
    return Math.max(this.#generations.latest(id), before + 1);
  }

  /**
   * An operator's wish on top of the flow's: it ends and stays down, also over deploys that leave it as it is, until `start`, `restart`, another
   * spec, or another supervisor. Throws `notFound` for what is not declared.
   */
  stop(id: string): void {
    this.#declared(id, 'stop').stop();
  }

  /** Takes a `stop` back, and lets one that waits for its next try have it now. Returns the generation that will serve. Throws `notFound`. */
  start(id: string): number {
    const slot = this.#declared(id, 'start');
    slot.start();
    const { child, service } = slot.current;
    // One that is on its way out comes back as the next.
    return child !== null && service.ending === null ? child.state.generation : this.#generations.latest(id) + 1;
  }

  daemons(): readonly DaemonView[] {
    return [...this.#slots.values()].map((slot) => this.#views.of(slot));
  }

  /** Calls `listener` with what happens; returns what ends that. */
  on(listener: (event: BulkheadEvent) => void): () => void {
    return this.#events.on(listener);
  }

  /** Calls `listener` when a view has changed in more than its figures; several changes at once are one call. Returns what ends that. */
  onChange(listener: (view: DaemonView) => void): () => void {
    return this.#views.on(listener);
  }

  /** Opens a source once, in a process of its own, and says what it is; rejects with the reason why it cannot be opened. */
  async probe(config: ProbeConfig): Promise<MediaDescription> {
    if (this.#closing !== null) throw new BulkheadError('conflict', 'The supervisor is closing.');
    return await this.#probes.open(config);
  }

  /** Ends every daemon and lets go of the run directory. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #adopt(): void {
    const { log, adoptionHoldMs } = this.#options;
    const { survivors, departed } = findSurvivors(this.#place.runDirectory, this.#place.pageDirectory, log);
    const adopted = survivors.filter(({ state }) => isDaemon(state) && state.kind !== 'probe').length;
    this.#chronicle.started(adopted);
    for (const one of departed) {
      this.#generations.seen(one.state.id, one.state.generation);
      this.#chronicle.departed(one);
      bury(one);
    }
    for (const { path, state } of survivors) {
      this.#generations.seen(state.id, state.generation);
      if (!isDaemon(state)) {
        endStandby(path, state);
        continue;
      }
      // Whoever asked for a probe has gone with the last supervisor.
      const slot = this.#slot(state.id);
      slot.adopt(path, state, state.kind === 'probe' ? 0 : adoptionHoldMs);
      this.#recall(slot);
    }
  }

  #recall(slot: Slot): void {
    const outage = this.#chronicle.openOutage(slot.id);
    if (outage !== null) slot.current.feed({ type: 'alone', outage });
  }

  async #start(): Promise<void> {
    const { clock, log } = this.#options;
    this.#server = await listenControl({
      path: this.#place.controlSocket,
      log,
      find: (id, generation) =>
        this.#children().find(({ state }) => state.id === id && state.generation === generation),
      lost: () => {
        this.#place.renew();
        for (const child of this.#children()) child.writeStateFile();
      },
    });
    this.#cancelRounds = clock.every(ROUND_MS, () => {
      const slots = [...this.#slots.values()];
      this.#rounds.go();
      this.#upkeep.go(slots);
      this.#pool.look();
      this.#views.lookForViewers(slots);
    });
    this.#cancelRotating = clock.every(ROTATE_MS, () => rotateOpenLogs(this.#options.logDirectory, log));
    process.on('exit', this.#onExit);
    process.on('uncaughtExceptionMonitor', this.#onCrash);
  }

  #declared(id: string, verb: string): Slot {
    const slot = this.#slots.get(id);
    if (slot !== undefined && slot.spec !== null) return slot;
    throw new BulkheadError('notFound', `There is no daemon ${id} to ${verb}. Deploy its flow first.`);
  }

  #slot(id: string): Slot {
    let slot = this.#slots.get(id);
    if (slot === undefined) this.#slots.set(id, (slot = new Slot(id, this.#host)));
    return slot;
  }

  #occupation(): 'starting' | 'nothing' | 'working' {
    const slots = [...this.#slots.values()];
    if (slots.length === 0) return 'nothing';
    const starts = slots.some((slot) => slot.daemons().some(({ service }) => STARTING.has(service.actual)));
    return starts || this.#probes.size > 0 ? 'starting' : 'working';
  }

  /** Every process there is. */
  #children(): Child[] {
    const daemons = [...this.#slots.values()].flatMap((slot) => slot.daemons());
    const kept = daemons.map((daemon) => daemon.child).filter((child) => child !== null);
    return [...kept, ...this.#probes.children()];
  }

  #tell(daemon: Daemon, type: string, reason: Reason | null, detail: EventDetail): void {
    if (type === 'daemon.exited' && reason === 'crash') this.#rounds.died(daemon);
    this.#chronicle.of(daemon, type, reason, detail);
    if (type === 'camera.online') this.#wakeStreamsOf(daemon);
  }

  /** They are started while the first packets arrive, and not after them. */
  #wakeStreamsOf(daemon: Daemon): void {
    if (daemon.spec?.config.kind !== 'capture') return;
    const { path } = daemon.spec.config.ring;
    for (const slot of this.#slots.values()) {
      if (slot.spec?.config.kind === 'stream' && slot.spec.config.ring.path === path) slot.wake();
    }
  }

  async #close(): Promise<void> {
    const emptied = Promise.withResolvers<void>();
    this.#emptied = emptied.resolve;
    for (const slot of this.#slots.values()) slot.release('operator', 0);
    if (this.#slots.size === 0) emptied.resolve();

    const late = Promise.withResolvers<'late'>();
    const cancel = this.#options.clock.after(CLOSE_LIMIT_MS, () => late.resolve('late'));
    const everything = Promise.all([emptied.promise, this.#pool.close(), this.#probes.close()]);
    if ((await Promise.race([everything, late.promise])) === 'late') {
      const left = this.#children().map(({ pid }) => pid);
      this.#options.log.error({ left }, 'some daemons do not end; they are left behind');
    }
    cancel();
    await this.#server?.close();
    this.#views.show();
    this.#chronicle.stopped();
    this.#letGo();
  }

  #letGo(): void {
    this.#cancelRounds();
    this.#cancelRotating();
    process.off('exit', this.#onExit);
    process.off('uncaughtExceptionMonitor', this.#onCrash);
    for (const slot of this.#slots.values()) slot.close();
    this.#queue.close();
    this.#events.close();
    this.#place.release();
  }

  /** An exit in order takes the daemons along. */
  readonly #onExit = (): void => {
    if (this.#crashing) return;
    for (const child of this.#children()) child.signal('SIGTERM');
    this.#chronicle.stopped();
    this.#events.close();
  };

  /** A crash does not: they work on, and the next supervisor adopts them. */
  readonly #onCrash = (): void => {
    this.#crashing = true;
  };
}
