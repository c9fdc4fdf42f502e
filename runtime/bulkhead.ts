/**
 * The runtime of one process: the supervisor and what nodes share. Every node file finds it under one global symbol, also where two copies of this package
 * were loaded.
 *
 * Belongs here: how the parts are put together, opened and closed. Does not belong here: Node-RED (nodes/, server/), and what the parts do.
 */
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Announcer } from './channel/announcer.ts';
import { Claims } from './channel/claims.ts';
import { Cursors } from './channel/cursors.ts';
import { EventFeed } from './channel/event-feed.ts';
import { Fleet } from './channel/fleet.ts';
import { Holds } from './channel/hold.ts';
import { SourceRegistry } from './channel/registry.ts';
import { systemClock, type Cancel, type Clock } from './clock.ts';
import { toBulkheadError } from './errors.ts';
import { EventLog } from './event-log.ts';
import { EventTally } from './event-tally.ts';
import { describeEvent } from './event-text.ts';
import { createFileLogger, type Logger } from './log.ts';
import { pathsOf, type Paths } from './paths.ts';
import { removeRing } from './ring/remove-ring.ts';
import { openLogFile } from './supervisor/process/log-file.ts';
import { ensurePrivateDirectory } from './supervisor/private-directory.ts';
import { Supervisor, type SupervisorOptions } from './supervisor/supervisor.ts';
import type { BulkheadEvent, DaemonView } from './supervisor/view.ts';

/** How long a deploy may leave a ring or a daemon without its node. */
const HOLD_MS = 5000;
/** Longer than a daemon takes to end: then nobody writes to the ring of a source that is over. */
const SWEEP_AFTER_MS = 30_000;
const KEY = Symbol.for('bulkhead.v1');

export type BulkheadOptions = {
  readonly home: string;
  readonly log: Logger;
  readonly clock?: Clock;
} & Pick<SupervisorOptions, 'development' | 'orphanGraceMs'>;

/** A stream that has a source, by the path of its node. */
export type AttachedStream = {
  readonly number: number;
  readonly host: string;
  readonly port: number;
  readonly channel: string;
  readonly daemonId: string;
};

export class Bulkhead {
  readonly paths: Paths;
  readonly log: Logger;
  readonly clock: Clock;
  readonly announcer: Announcer;
  readonly claims = new Claims();
  readonly events = new EventLog();
  readonly eventTally = new EventTally(this.events);
  readonly eventFeed: EventFeed;
  readonly fleet: Fleet;
  readonly registry: SourceRegistry;
  readonly streams = new Map<string, AttachedStream>();
  /** Rejects when another process has the home, or a directory cannot be had. */
  readonly supervisor: Promise<Supervisor>;
  readonly #holds: Holds;
  readonly #daemonListeners = new Set<(view: DaemonView) => void>();
  #open: Supervisor | undefined;
  #sweep: Cancel | undefined;
  #closing: Promise<void> | undefined;
  #failed = false;
  #crashing = false;

  constructor({ home, log, clock = systemClock, development = false, orphanGraceMs = null }: BulkheadOptions) {
    this.paths = pathsOf(home);
    this.log = log;
    this.clock = clock;
    this.#holds = new Holds(clock, HOLD_MS);
    this.announcer = new Announcer(clock);
    // Read only, until the past is known: and that it is only for whoever has the supervisor's lock.
    const cursors = new Cursors(path.join(this.paths.events, 'cursors.jsonl'), log);
    this.eventFeed = new EventFeed(this.events, this.announcer, cursors);
    this.registry = new SourceRegistry(this.#holds);
    this.registry.onEnded(() => this.#sweepLater());
    this.supervisor = this.#openSupervisor({ development, orphanGraceMs });
    this.supervisor.catch(() => {
      this.#failed = true;
    });
    this.fleet = new Fleet(
      this.#holds,
      this.supervisor.catch(() => null),
      log,
    );
  }

  /** The supervisor could not be opened: nothing runs, and whoever needs it has been told. */
  get failed(): boolean {
    return this.#failed;
  }

  /** The daemon of this id as it is now; null when there is none. */
  daemon(id: string): DaemonView | null {
    return this.daemons().find((view) => view.id === id) ?? null;
  }

  daemons(): readonly DaemonView[] {
    return this.#open?.daemons() ?? [];
  }

  /** Calls `listener` with every daemon there is and then with every one that changes. Returns what ends that. */
  onDaemon(listener: (view: DaemonView) => void): () => void {
    this.#daemonListeners.add(listener);
    for (const view of this.daemons()) listener(view);
    return () => this.#daemonListeners.delete(listener);
  }

  /** A deploy begins: nothing that waits for its node runs out of time, nothing is sent. */
  flowsChanging(): void {
    this.announcer.stopping();
    this.#holds.pause();
  }

  /** Flows were stopped; a start may follow or not. */
  flowsStopped(): void {
    this.#holds.resume();
  }

  flowsStarted(): void {
    this.#holds.resume();
    this.announcer.started();
    this.#sweepLater();
  }

  /** Ends every daemon and removes what lies in memory. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #openSupervisor(terms: Pick<SupervisorOptions, 'development' | 'orphanGraceMs'>): Promise<Supervisor> {
    try {
      ensurePrivateDirectory(this.paths.rings);
      const supervisor = await Supervisor.open({
        runDirectory: this.paths.run,
        logDirectory: this.paths.logs,
        eventDirectory: this.paths.events,
        history: this.events,
        ...terms,
        clock: this.clock,
        log: createFileLogger(openLogFile(this.paths.logs, 'supervisor', 'all').fd, this.log),
      });
      const describe = (event: BulkheadEvent): void => {
        const told = describeEvent(event);
        if (told) this.log[told.level](told.text);
      };
      // What it found while it was being opened, then what happens.
      this.events.after(this.events.before).forEach(describe);
      supervisor.on(describe);
      supervisor.onChange((view) => {
        for (const listener of this.#daemonListeners) listener(view);
      });
      this.#open = supervisor;
      process.on('uncaughtExceptionMonitor', this.#onCrash);
      process.on('exit', this.#onExit);
      return supervisor;
    } catch (error) {
      throw toBulkheadError(error, 'opening the supervisor', { path: this.paths.home });
    }
  }

  async #close(): Promise<void> {
    if (current() === this) delete store()[KEY];
    this.announcer.close();
    this.#holds.close();
    this.#sweep?.();
    const supervisor = await this.supervisor.catch(() => undefined);
    // Without the supervisor's lock the rings are another process's.
    if (!supervisor) return;
    await supervisor.close();
    this.eventFeed.close();
    this.#removeRings();
    process.off('uncaughtExceptionMonitor', this.#onCrash);
    process.off('exit', this.#onExit);
  }

  /** An exit that nobody announced, as Node-RED's is to us: the supervisor tells the daemons to end, and memory is given back. */
  readonly #onExit = (): void => {
    this.eventFeed.close();
    if (!this.#crashing) this.#removeRings();
  };

  /** After a crash daemons work on with their rings until the next supervisor takes them over. */
  readonly #onCrash = (): void => {
    this.#crashing = true;
  };

  #removeRings(): void {
    rmSync(this.paths.rings, { recursive: true, force: true });
  }

  /** Removes the rings of sources that are over, those of an earlier process as well. */
  #sweepLater(): void {
    this.#sweep?.();
    this.#sweep = this.clock.after(SWEEP_AFTER_MS, () => {
      if (!this.#open || !this.announcer.running) return;
      const used = new Set(this.registry.sources().map((source) => source.ringPath));
      for (const file of readdirSync(this.paths.rings)) {
        const ring = path.join(this.paths.rings, file);
        // A ring that somebody still writes to is left alone.
        if (file.endsWith('.ring') && !used.has(ring)) removeRing(ring);
      }
    });
  }
}

type Store = { [KEY]?: Bulkhead };

function store(): Store {
  return globalThis as Store;
}

/** The runtime of this process, when it is open. */
export function current(): Bulkhead | undefined {
  return store()[KEY];
}

/** Opens the runtime of this process, or gives the one that is open. One that could not be opened makes way: the next deploy tries again. */
export function openBulkhead(options: BulkheadOptions): Bulkhead {
  const open = current();
  if (open && !open.failed) return open;
  const bulkhead = new Bulkhead(options);
  store()[KEY] = bulkhead;
  return bulkhead;
}
