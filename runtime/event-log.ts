/**
 * What happened, kept for those who ask later: the panel, the API, and an events node that a deploy is just replacing.
 *
 * In memory and bounded; an event's id is the cursor. Does not belong here: where events come from (the supervisor), and HTTP.
 */
import type { BulkheadEvent } from './supervisor/view.ts';

const CAPACITY = 2000;

export class EventLog {
  readonly #events: BulkheadEvent[] = [];
  readonly #listeners = new Set<() => void>();

  /** Id of the newest event; 0 = none yet. */
  get lastId(): number {
    return this.#events.at(-1)?.id ?? 0;
  }

  append(event: BulkheadEvent): void {
    this.#events.push(event);
    if (this.#events.length > CAPACITY) this.#events.shift();
    for (const listener of this.#listeners) listener();
  }

  /** The events after `id`, oldest first. */
  after(id: number): readonly BulkheadEvent[] {
    const first = this.#events.findIndex((event) => event.id > id);
    return first === -1 ? [] : this.#events.slice(first);
  }

  /** Every event that is still known, oldest first. */
  all(): readonly BulkheadEvent[] {
    return this.#events;
  }

  /** Calls `listener` after each append. Returns what ends that. */
  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
