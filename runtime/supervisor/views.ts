/**
 * Shows the daemons to the world: puts a view together, and tells those who listen when one has changed.
 *
 * Belongs here: what a view is made of, and that many changes at once are one call. Does not belong here: anything that changes a daemon.
 */
import { monotonicUs, type Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Slot } from './slot.ts';
import type { Usage } from './process/usage.ts';
import type { DaemonView } from './view.ts';

/** What others count. */
type Figures = {
  readonly usage: (pid: number) => Usage | null;
  readonly restarts: (id: string) => number;
};

const STALLED = 'It has input and gives no output. If that goes on it is restarted.';

export class Views {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #figures: Figures;
  readonly #listeners = new Set<(view: DaemonView) => void>();
  readonly #changed = new Set<Slot>();
  #viewers = new Map<string, number>();

  constructor(clock: Clock, log: Logger, figures: Figures) {
    this.#clock = clock;
    this.#log = log;
    this.#figures = figures;
  }

  /** Returns what ends it. */
  on(listener: (view: DaemonView) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Shows this slot soon, together with everything else that changes in this turn of the loop. */
  changed(slot: Slot): void {
    if (this.#changed.size === 0) setImmediate(() => this.show());
    this.#changed.add(slot);
  }

  /** Viewers come and go without a message. */
  lookForViewers(slots: readonly Slot[]): void {
    const viewers = new Map(slots.map((slot) => [slot.id, slot.current.child?.sample()?.viewers ?? 0]));
    for (const slot of slots) {
      if (viewers.get(slot.id) !== (this.#viewers.get(slot.id) ?? 0)) this.changed(slot);
    }
    this.#viewers = viewers;
  }

  /** Shows what has changed, now. */
  show(): void {
    const slots = [...this.#changed];
    this.#changed.clear();
    for (const view of slots.map((slot) => this.of(slot))) {
      for (const listener of this.#listeners) {
        try {
          listener(view);
        } catch (error) {
          this.#log.error({ err: error }, 'a listener of views throws');
        }
      }
    }
  }

  of(slot: Slot): DaemonView {
    const daemon = slot.current;
    const { facts, service, child } = daemon;
    const { kind, generation } = daemon.who();
    const sample = child?.sample() ?? null;
    const pid = child?.pid ?? null;
    const usage = pid === null ? null : this.#figures.usage(pid);
    const sinceMs = (startedMs: number): number => Math.round(this.#clock.nowMs() - startedMs);
    return {
      id: slot.id,
      kind,
      channel: daemon.channel,
      pid,
      generation,
      // In line for its start: to the world it is starting.
      state: service.actual === 'queued' ? 'spawning' : service.actual,
      starved: service.starved,
      stopped: slot.stopped,
      restarts: this.#figures.restarts(slot.id),
      lastExit: facts.lastExit,
      uptimeMs: facts.startedMs === null ? null : sinceMs(facts.startedMs),
      beatAgeMs: sample === null ? null : Math.max(0, Math.round((monotonicUs() - sample.beatUs) / 1000)),
      loopLagMs: sample === null ? null : sample.loopLagUs / 1000,
      privateBytes: usage?.privateBytes ?? null,
      cpuPercent: usage?.cpuPercent ?? null,
      cpuMs: usage?.cpuMs ?? null,
      recordsIn: sample?.recordsIn ?? null,
      recordsOut: sample?.recordsOut ?? null,
      laps: sample?.laps ?? null,
      media: facts.media,
      camera: facts.camera,
      viewers: sample?.viewers ?? 0,
      degraded: facts.degraded ?? (facts.stalled ? STALLED : null),
      lastError: facts.lastError,
    };
  }
}
