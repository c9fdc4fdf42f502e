/**
 * The supervisor's rounds: what is looked at ten times a second, and who hears of it.
 *
 * Belongs here: gathering samples from status pages, and handing the findings to the slots. Does not belong here: the judgements (watchdog.ts,
 * common-cause.ts, progress.ts, starvation.ts), memory (upkeep.ts) and what follows from them (transition.ts). A policy more is a look more.
 */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { CommonCause, type Incident } from './policy/common-cause.ts';
import type { Daemon } from './daemon.ts';
import { Progress, type ProgressPolicy } from './policy/progress.ts';
import type { Actual } from './service.ts';
import type { Slot } from './slot.ts';
import { Starvation } from './policy/starvation.ts';
import type { StatusSample } from './process/status-page.ts';
import { LOOK_MS, Watchdog } from './policy/watchdog.ts';

export const ROUND_MS = LOOK_MS;
/** Rounds between looks at whether adopted processes exist: the loss of their control channel says it sooner, unless there was none. */
const ALIVE_EVERY = 5;
const DEFAULT_WATCHDOG_MS = 1_000;

/** Only these have promised to beat: before ready a daemon may be loading, and has a time limit of its own. */
const BEATING: ReadonlySet<Actual> = new Set(['ready', 'degraded', 'draining']);

type Seen = {
  /** Names this generation. */
  readonly key: string;
  readonly slot: Slot;
  readonly daemon: Daemon;
  readonly sample: StatusSample;
};

/** Only these work; a daemon that drains has let go of its input. */
const WORKS: ReadonlySet<Actual> = new Set(['ready', 'degraded']);

export type RoundsHost = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly slots: () => readonly Slot[];
  readonly progress: ProgressPolicy;
  /** Many daemons are in trouble for one cause; `first` is one of them. */
  readonly incident: (first: Daemon, cause: Incident['cause'], ids: readonly string[]) => void;
};

export class Rounds {
  readonly #host: RoundsHost;
  readonly #watchdog = new Watchdog();
  readonly #commonCause = new CommonCause();
  readonly #progress: Progress;
  readonly #starvation = new Starvation();
  #rounds = 0;

  constructor(host: RoundsHost) {
    this.#host = host;
    this.#progress = new Progress(host.progress);
  }

  /** A process ended that nobody had asked to. */
  died(daemon: Daemon): void {
    this.#commonCause.died(this.#host.clock.nowMs(), daemon.id);
  }

  /** One round. */
  go(): void {
    const slots = this.#host.slots();
    if (this.#rounds++ % ALIVE_EVERY === 0) {
      for (const slot of slots) for (const daemon of slot.daemons()) daemon.child?.checkAlive();
    }
    const seen = slots.flatMap((slot) => slot.daemons().flatMap((daemon) => see(slot, daemon)));
    const selfStalledMs = this.#lookForHangs(seen);
    this.#lookForProgress(seen, selfStalledMs);
    this.#lookForPackets(seen);
  }

  #lookForHangs(seen: readonly Seen[]): number {
    const atMs = this.#host.clock.nowMs();
    const watched = new Map(
      seen.filter(({ daemon }) => BEATING.has(daemon.service.actual)).map((one) => [one.key, one]),
    );
    const beats = [...watched].map(([key, { daemon, sample }]) => {
      return { key, beat: sample.beat, limitMs: daemon.spec?.watchdogMs ?? DEFAULT_WATCHDOG_MS };
    });
    const { hung, late, selfStalledMs, judged } = this.#watchdog.look(atMs, beats);
    if (!judged) {
      const stalled = { selfStalledMs: Math.round(selfStalledMs) };
      this.#host.log.warn(stalled, 'the supervisor itself was late; nobody is blamed');
      return selfStalledMs;
    }
    const { kill, incidents } = this.#commonCause.look(atMs, {
      beating: watched.size,
      late: late.flatMap((key) => watched.get(key)?.daemon.id ?? []),
      hung,
      wanted: this.#host.slots().filter(({ current }) => current.service.desired === 'up').length,
    });
    for (const { cause, ids } of incidents) {
      const first = this.#host.slots().find(({ id }) => ids.includes(id))?.current;
      if (first !== undefined) this.#host.incident(first, cause, ids);
    }
    for (const { key, sinceMs } of kill) watched.get(key)?.daemon.feed({ type: 'hung', sinceMs });
    return selfStalledMs;
  }

  #lookForProgress(seen: readonly Seen[], selfStalledMs: number): void {
    const working = seen.filter(({ daemon }) => WORKS.has(daemon.service.actual));
    const works = working.map(({ key, sample }) => ({ key, input: sample.recordsIn, output: sample.recordsOut }));
    const { stalled, hopeless } = this.#progress.look(this.#host.clock.nowMs(), works, selfStalledMs);
    for (const { key, daemon } of working) {
      daemon.stalls(stalled.has(key));
      const lost = hopeless.find((one) => one.key === key);
      if (lost !== undefined) daemon.feed({ type: 'hung', sinceMs: lost.sinceMs });
    }
  }

  #lookForPackets(seen: readonly Seen[]): void {
    const waiting = this.#host
      .slots()
      .flatMap(({ id, spec, current }) =>
        spec?.config.kind === 'stream' && current.service.starved ? [{ id, ringPath: spec.config.ring.path }] : [],
      );
    const sources = seen.flatMap(({ slot, daemon, sample }) => {
      if (slot.spec?.config.kind !== 'capture' || daemon !== slot.current) return [];
      const packets = sample.recordsIn + sample.recordsOut;
      return [{ ringPath: slot.spec.config.ring.path, generation: daemon.who().generation, packets }];
    });
    const back = new Set(this.#starvation.look(waiting, sources));
    for (const slot of this.#host.slots()) if (back.has(slot.id)) slot.wake();
  }
}

function see(slot: Slot, daemon: Daemon): Seen[] {
  const sample = daemon.child?.sample() ?? null;
  return sample === null ? [] : [{ key: `${slot.id} ${daemon.who().generation}`, slot, daemon, sample }];
}
