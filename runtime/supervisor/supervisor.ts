/**
 * The supervisor: keeps the daemons that are declared running, each in a process of its own, and tells how they are.
 *
 * Belongs here: the run directory and its lock, the slots, the tick, views and events. Does not belong here: the decisions about one daemon
 * (service.ts), one id (slot.ts) and anything that knows Node-RED. No media byte ever passes through it.
 */
import { join, resolve } from 'node:path';
import { readFileSync, rmSync } from 'node:fs';
import { systemClock, type Cancel, type Clock } from '../clock.ts';
import { BulkheadError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { DaemonKind } from '../message/config.ts';
import { acquireLock, type Lock } from '../ring/lock.ts';
import { controlSocketDirectory, controlSocketPath } from './control-path.ts';
import { listenControl, type ControlServer } from './control-server.ts';
import type { Daemon } from './daemon.ts';
import { ensurePrivateDirectory } from './private-directory.ts';
import { Slot, type SlotHost } from './slot.ts';
import { daemonEntry } from './spawn.ts';
import { checkId, writeAtomically } from './state-file.ts';
import type { BulkheadEvent, DaemonView, Spec } from './view.ts';

const TICK_MS = 100;

export type SupervisorOptions = {
  /** State files and the control socket; this user's alone. */
  readonly runDirectory: string;
  readonly logDirectory: string;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Where the program of a kind is; for tests. */
  readonly daemonEntry?: (kind: DaemonKind) => string;
};

export class Supervisor {
  readonly #options: Required<SupervisorOptions>;
  readonly #lock: Lock;
  readonly #slots = new Map<string, Slot>();
  readonly #listeners = new Set<(event: BulkheadEvent) => void>();
  readonly #changeListeners = new Set<(view: DaemonView) => void>();
  readonly #generations: Map<string, number>;
  readonly #host: SlotHost;
  #server: ControlServer | null = null;
  #cancelTick: Cancel = () => {};
  #nextEventId: number;

  private constructor(options: Required<SupervisorOptions>, lock: Lock, controlSocket: string) {
    this.#options = options;
    this.#lock = lock;
    this.#nextEventId = options.clock.wallMs() * 1000;
    this.#generations = new Map();
    this.#host = {
      clock: options.clock,
      log: options.log,
      random: options.random,
      runDirectory: options.runDirectory,
      logDirectory: options.logDirectory,
      pageDirectory: options.runDirectory,
      controlSocket,
      entry: options.daemonEntry,
      nextGeneration: (id) => {
        const next = (this.#generations.get(id) ?? 0) + 1;
        this.#generations.set(id, next);
        return next;
      },
      event: (daemon, type, reason, detail) => this.#emit(daemon, type, reason, detail),
      changed: (daemon) => this.#changed(daemon),
      empty: (slot) => this.#slots.delete(slot.id),
    };
  }

  /** Takes over the run directory. Throws `conflict` when another supervisor works there. */
  static async open(given: SupervisorOptions): Promise<Supervisor> {
    const options = {
      clock: systemClock,
      random: Math.random,
      daemonEntry,
      ...given,
      runDirectory: resolve(given.runDirectory),
      logDirectory: resolve(given.logDirectory),
    };
    ensurePrivateDirectory(options.runDirectory);
    const lock = acquireLock(join(options.runDirectory, 'supervisor.lock'));
    if (lock === undefined) {
      throw new BulkheadError(
        'conflict',
        `Another Bulkhead works in ${options.runDirectory}. Stop it first, or give this one another home.`,
        { context: { path: options.runDirectory } },
      );
    }
    try {
      const controlSocket = controlSocketPath(options.runDirectory);
      const directory = controlSocketDirectory(options.runDirectory, controlSocket);
      if (directory !== undefined) ensurePrivateDirectory(directory);
      const supervisor = new Supervisor(options, lock, controlSocket);
      supervisor.#server = await listenControl({
        path: controlSocket,
        log: options.log,
        find: (id, generation) =>
          supervisor.#slots
            .get(id)
            ?.daemons()
            .map((daemon) => daemon.child)
            .find((child) => child?.state.generation === generation) ?? undefined,
      });
      return supervisor;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  declare(spec: Spec): void {
    checkId(spec.id);
    let slot = this.#slots.get(spec.id);
    if (slot === undefined) this.#slots.set(spec.id, (slot = new Slot(spec.id, this.#host)));
    slot.declare(spec);
  }

  release(id: string, options: { readonly holdMs?: number } = {}): void {
    this.#slots.get(id)?.release('deploy', options.holdMs ?? 5000);
  }

  on(listener: (event: BulkheadEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  daemons(): DaemonView[] {
    return [];
  }

  #emit(daemon: Daemon, type: string, reason: BulkheadEvent['reason'], detail: BulkheadEvent['detail']): void {
    const { id, pid, generation } = daemon.who();
    const event: BulkheadEvent = {
      id: this.#nextEventId++,
      time: this.#options.clock.wallMs(),
      type,
      channel: daemon.spec?.channel ?? '',
      daemon: { kind: daemon.spec?.config.kind ?? 'stream', id, pid, generation },
      reason,
      detail,
    };
    for (const listener of this.#listeners) listener(event);
  }

  #changed(_daemon: Daemon): void {}

  async close(): Promise<void> {
    for (const slot of this.#slots.values()) slot.release('operator', 0);
    while (this.#slots.size > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await this.#server?.close();
    this.#lock.release();
  }
}
