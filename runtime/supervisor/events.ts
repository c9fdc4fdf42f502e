/**
 * Numbers what happens and tells those who listen.
 *
 * Belongs here: ids, and that no listener can break supervision. Does not belong here: what is worth an event (daemon.ts), and who keeps
 * them for later. What is to survive the supervisor goes in at `tell`, before anybody hears of it.
 */
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { BulkheadEvent } from './view.ts';

export class Events {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listeners = new Set<(event: BulkheadEvent) => void>();
  /** Begins at the wall clock in microseconds, so that ids go on rising when the supervisor is started again. */
  #nextId: number;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
    this.#nextId = Math.round(clock.wallMs() * 1000);
  }

  tell(event: Omit<BulkheadEvent, 'id' | 'time'>): void {
    const numbered: BulkheadEvent = { id: this.#nextId, time: Math.round(this.#clock.wallMs()), ...event };
    this.#nextId += 1;
    this.#log.info({ event: numbered }, event.type);
    for (const listener of this.#listeners) {
      try {
        listener(numbered);
      } catch (error) {
        this.#log.error({ err: error }, 'a listener of events throws');
      }
    }
  }

  /** Returns what ends it. */
  on(listener: (event: BulkheadEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
