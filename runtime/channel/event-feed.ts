/**
 * Events for the events nodes, none lost and none twice: while Node-RED stops or starts flows nothing is sent, because a message would go to nobody, and a
 * node that a deploy replaces leaves its successor the place where it stopped.
 */
import type { EventLog } from '../event-log.ts';
import type { BulkheadEvent } from '../supervisor/view.ts';
import type { Announcer } from './announcer.ts';

export type Follower = {
  /** The node's path in the flows. */
  readonly path: string;
  readonly deliver: (event: BulkheadEvent) => void;
};

export class EventFeed {
  readonly #log: EventLog;
  readonly #announcer: Announcer;
  /** By node path: the id of the last event that was delivered. */
  readonly #cursors = new Map<string, number>();

  constructor(log: EventLog, announcer: Announcer) {
    this.#log = log;
    this.#announcer = announcer;
  }

  /**
   * Delivers events from where the node's predecessor stopped. A node that is there when the process starts has them from the beginning, one that is added
   * later from now on. Returns what ends it; `removed` forgets the place.
   */
  follow({ path, deliver }: Follower): (removed: boolean) => void {
    let cursor = this.#cursors.get(path) ?? (this.#announcer.everStarted ? this.#log.lastId : 0);
    const pump = (): void => {
      if (!this.#announcer.running) return;
      for (const event of this.#log.after(cursor)) {
        cursor = event.id;
        deliver(event);
      }
    };
    const ends = [this.#log.onAppend(pump), this.#announcer.onStarted(pump)];
    return (removed) => {
      for (const end of ends) end();
      if (removed) this.#cursors.delete(path);
      else this.#cursors.set(path, cursor);
    };
  }
}
