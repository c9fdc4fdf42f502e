/**
 * Numbers what happens, writes it down, and tells those who listen: in this order, so that nobody has heard of what a restart does not know.
 *
 * Belongs here: ids, what is told once only, and that no listener can break supervision. Does not belong here: what is worth an event (daemon.ts),
 * the file (journal.ts), and what a memory consists of (recollection.ts).
 */
import type { Clock } from '../../clock.ts';
import type { EventLog } from '../../event-log.ts';
import type { Logger } from '../../log.ts';
import type { DaemonEvent } from '../../message/schema.ts';
import { Journal } from './journal.ts';
import { Recollection } from './recollection.ts';
import { REASONS } from '../service.ts';
import type { BulkheadEvent } from '../view.ts';

/** Ids begin at the wall clock in microseconds, but not below 2001: a clock that is not set yet would give numbers that look like times. */
const LEAST_ID = 1e15;
/** Year 2223, far enough below the largest exact integer to count on. */
const GREATEST_FIRST_ID = 8e15;

export type EventsOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the journal is. */
  readonly directory: string;
  /** Gets what is known from before, and everything that is told. */
  readonly history: EventLog;
};

export class Events {
  /** What was told before, also by earlier supervisors. */
  readonly past: Recollection;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #journal: Journal;
  readonly #history: EventLog;
  readonly #listeners = new Set<(event: BulkheadEvent) => void>();
  /** Rises also when the wall clock was set back since the last supervisor. */
  #nextId: number;

  constructor({ clock, log, directory, history }: EventsOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#history = history;
    const { journal, records } = Journal.open(directory, log);
    this.#journal = journal;
    this.past = new Recollection();
    const known: BulkheadEvent[] = [];
    let lastId = 0;
    for (const record of records) {
      if (record.type === 'memory') {
        this.past = new Recollection(record.memory);
        continue;
      }
      if (record.type === 'forgotten') {
        this.past.forget(record.id);
        continue;
      }
      if (record.event.id <= lastId) continue;
      lastId = record.event.id;
      known.push(record.event);
      this.past.told(record.event, record.number);
    }
    const wallUs = Math.round(clock.wallMs() * 1000);
    this.#nextId = Math.max(lastId + 1, Math.min(Math.max(wallUs, LEAST_ID), GREATEST_FIRST_ID));
    history.open(known);
  }

  /** `number` = which of its daemon's own events it is. */
  tell(event: Omit<BulkheadEvent, 'id' | 'time'>, number: number | null = null): void {
    const told: BulkheadEvent = { id: this.#nextId, time: Math.round(this.#clock.wallMs()), ...event };
    this.#nextId += 1;
    this.past.told(told, number);
    this.#journal.append({ type: 'event', event: told, number });
    if (this.#journal.full) this.#journal.rotate({ type: 'memory', memory: this.past.memory });
    this.#log.info({ event: told }, event.type);
    this.#hand(told, (heard) => this.#history.append(heard));
    for (const listener of this.#listeners) this.#hand(told, listener);
  }

  /**
   * A daemon tells an event of its own, again when it does not know that we have it. Returns the number up to which it need not keep them; null = it
   * must, because they are not written down.
   */
  hear(from: Pick<BulkheadEvent, 'channel' | 'daemon'>, heard: DaemonEvent): number | null {
    const { number, acknowledged, event: type, detail } = heard;
    const last = Math.max(this.past.number(from.daemon), acknowledged);
    const lost = number - last - 1;
    if (lost > 0) this.tell({ ...from, type: 'events.lost', reason: null, detail: { count: lost } });
    const reason = REASONS.find((reason) => reason === heard.reason) ?? null;
    if (number > last) this.tell({ ...from, type, reason, detail }, number);
    return this.#journal.behind ? null : Math.max(number, last);
  }

  /** Nobody wants this daemon any more: should it come again, it has no past. */
  forget(id: string): void {
    if (this.past.forget(id)) this.#journal.append({ type: 'forgotten', id });
  }

  /** Returns what ends it. */
  on(listener: (event: BulkheadEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#journal.close();
  }

  #hand(event: BulkheadEvent, listener: (event: BulkheadEvent) => void): void {
    try {
      listener(event);
    } catch (error) {
      this.#log.error({ err: error }, 'a listener of events throws');
    }
  }
}
