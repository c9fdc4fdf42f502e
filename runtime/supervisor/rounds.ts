/**
 * The supervisor's rounds: what is looked at ten times a second, and who hears of it.
 *
 * Belongs here: gathering samples from status pages, and handing the findings to the slots. Does not belong here: the judgements (watchdog.ts,
 * starvation.ts), memory (upkeep.ts) and what follows from them (service.ts). A policy more is a look more.
 */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Daemon } from './daemon.ts';
import type { Actual } from './service.ts';
import type { Slot } from './slot.ts';
import { Starvation } from './starvation.ts';
import type { StatusSample } from './status-page.ts';
import { LOOK_MS, Watchdog } from './watchdog.ts';

export const ROUND_MS = LOOK_MS;
/** Rounds between looks at whether adopted processes exist: the loss of their control channel says it sooner, unless there was none. */
const ALIVE_EVERY = 5;
const DEFAULT_WATCHDOG_MS = 1_000;

/** Only these have promised to beat: before ready a daemon may be loading, and has a time limit of its own. */
const BEATING: ReadonlySet<Actual> = new Set(['ready', 'degraded', 'draining']);

type Seen = { readonly slot: Slot; readonly daemon: Daemon; readonly sample: StatusSample };

export class Rounds {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #slots: () => readonly Slot[];
  readonly #watchdog = new Watchdog();
  readonly #starvation = new Starvation();
  #rounds = 0;

  constructor(clock: Clock, log: Logger, slots: () => readonly Slot[]) {
    this.#clock = clock;
    this.#log = log;
    this.#slots = slots;
  }

  /** One round. */
  go(): void {
    if (this.#rounds++ % ALIVE_EVERY === 0) {
      for (const slot of this.#slots()) for (const daemon of slot.daemons()) daemon.child?.checkAlive();
    }
    const seen = this.#slots().flatMap((slot) => slot.daemons().flatMap((daemon) => see(slot, daemon)));
    this.#lookForHangs(seen);
    this.#lookForPackets(seen);
  }

  #lookForHangs(seen: readonly Seen[]): void {
    const watched = new Map(
      seen
        .filter(({ daemon }) => BEATING.has(daemon.service.actual))
        .map((one) => [`${one.slot.id} ${one.daemon.who().generation}`, one]),
    );
    const beats = [...watched].map(([key, { daemon, sample }]) => {
      return { key, beat: sample.beat, limitMs: daemon.spec?.watchdogMs ?? DEFAULT_WATCHDOG_MS };
    });
    const { hung, selfStalledMs } = this.#watchdog.look(this.#clock.nowMs(), beats);
    if (selfStalledMs > 0) {
      this.#log.warn({ selfStalledMs: Math.round(selfStalledMs) }, 'the supervisor itself was late; nobody is blamed');
    }
    for (const { key, sinceMs } of hung) watched.get(key)?.daemon.feed({ type: 'hung', sinceMs });
  }

  #lookForPackets(seen: readonly Seen[]): void {
    const waiting = this.#slots().flatMap(({ id, spec, current }) =>
      spec?.config.kind === 'stream' && current.service.starved ? [{ id, ringPath: spec.config.ring.path }] : [],
    );
    const sources = seen.flatMap(({ slot, daemon, sample }) => {
      if (slot.spec?.config.kind !== 'capture' || daemon !== slot.current) return [];
      const packets = sample.recordsIn + sample.recordsOut;
      return [{ ringPath: slot.spec.config.ring.path, generation: daemon.who().generation, packets }];
    });
    const back = new Set(this.#starvation.look(waiting, sources));
    for (const slot of this.#slots()) if (back.has(slot.id)) slot.wake();
  }
}

function see(slot: Slot, daemon: Daemon): Seen[] {
  const sample = daemon.child?.sample() ?? null;
  return sample === null ? [] : [{ slot, daemon, sample }];
}
