/**
 * What happened, kept for those who ask later: the panel, the API, and an events node that a deploy is just replacing.
 *
 * In memory and bounded; an event's id is the cursor. It begins with what the journal knows of earlier processes. Does not belong here: where events come
 * from, the file that outlives us (both supervisor/), and HTTP.
 */
import type { BulkheadEvent } from './supervisor/view.ts';

/** What the journal holds as well (supervisor/event/journal.ts). */
const CAPACITY = 10_000;
/** Dropped at once, so that dropping costs nothing per event. */
const SURPLUS = 500;

export class EventLog {
  #events: BulkheadEvent[] = [];
  readonly #listeners = new Set<() => void>();
  #before: number | null = null;

  /** False until the past is known: until then nobody should conclude anything from what is here. */
  get opened(): boolean {
    return this.#before !== null;
  }

  /** Id of the newest event of earlier processes; 0 = none, or not known yet. */
  get before(): number {
    return this.#before ?? 0;
  }

  /** Id of the oldest event that is still known; 0 = none. */
  get firstId(): number {
    return this.#events[0]?.id ?? 0;
  }

  /** Id of the newest event; 0 = none yet. */
  get lastId(): number {
    return this.#events.at(-1)?.id ?? 0;
  }

  /** Begins with the events of earlier processes, oldest first. */
  open(past: readonly BulkheadEvent[]): void {
    this.#events = past.slice(-CAPACITY);
    this.#before = this.lastId;
    this.#changed();
  }

  append(event: BulkheadEvent): void {
    this.#events.push(event);
    if (this.#events.length >= CAPACITY + SURPLUS) this.#events = this.#events.slice(-CAPACITY);
    this.#changed();
  }

  /** The events after `id`, oldest first. */
  after(id: number): readonly BulkheadEvent[] {
    return this.#events.slice(this.#place(id));
  }

  /** Every event that is still known, oldest first. */
  all(): readonly BulkheadEvent[] {
    return this.#events;
  }

  /** Calls `listener` when there is more. Returns what ends that. */
  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Index of the first event after `id`. Ids rise. */
  #place(id: number): number {
    let [from, to] = [0, this.#events.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#events[middle]!.id <= id) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
