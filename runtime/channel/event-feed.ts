/**
 * Events for the events nodes, none lost and none twice: while Node-RED stops or starts flows nothing is sent, because a message would go to nobody, and a
 * node that a deploy or a restart replaces leaves its successor the place where it stopped.
 */
import type { EventLog } from '../event-log.ts';
import type { BulkheadEvent } from '../supervisor/view.ts';
import type { Announcer } from './announcer.ts';
import { Cursors } from './cursors.ts';

export type Follower = {
  /** The node's path in the flows. */
  readonly path: string;
  readonly deliver: (event: BulkheadEvent) => void;
};

export class EventFeed {
  readonly #log: EventLog;
  readonly #announcer: Announcer;
  readonly #cursors: Cursors;
  readonly #following = new Map<string, number>();
  #clamped = false;
  #retained = false;

  constructor(log: EventLog, announcer: Announcer, cursors = new Cursors()) {
    this.#log = log;
    this.#announcer = announcer;
    this.#cursors = cursors;
    log.onAppend(() => this.#settle());
    announcer.onStarted(() => this.#settle());
    this.#settle();
  }

  /**
   * Delivers events from where the node, or its predecessor under the same path, stopped. A node without a past that is there when the process starts has
   * what happens from that start on, one that is added later has it from now on. Returns what ends it; `removed` forgets the place.
   */
  follow({ path, deliver }: Follower): (removed: boolean) => void {
    this.#count(path, 1);
    // For a node that is added while flows run: what happens from now on is for it, although it hears of it only when they run again.
    if (this.#announcer.everStarted && this.#log.opened && this.#cursors.get(path) === undefined) {
      this.#cursors.set(path, this.#log.lastId);
    }
    const pump = (): void => {
      if (!this.#announcer.running || !this.#log.opened) return;
      const from = this.#place(path);
      for (const event of this.#log.after(from)) {
        // What a flow does with an event may lead to another one before it returns.
        if (event.id <= this.#place(path)) continue;
        this.#cursors.set(path, event.id);
        deliver(event);
      }
    };
    const ends = [this.#log.onAppend(pump), this.#announcer.onStarted(pump)];
    return (removed) => {
      for (const end of ends) end();
      this.#count(path, -1);
      if (removed) this.#cursors.delete(path);
    };
  }

  /** Writes down where everybody is. */
  close(): void {
    if (this.#log.opened) this.#cursors.flush();
  }

  #place(path: string): number {
    const known = this.#cursors.get(path);
    if (known !== undefined) return known;
    this.#cursors.set(path, this.#log.before);
    return this.#log.before;
  }

  /** Brings the places of the last process in accord with what there is: once when the past is known, and once when flows run. */
  #settle(): void {
    if (!this.#log.opened) return;
    if (!this.#clamped) this.#cursors.clamp(this.#log.before);
    this.#clamped = true;
    if (this.#retained || !this.#announcer.running) return;
    this.#retained = true;
    // Soon, because a node that could not open at first tries again when flows run. One that is in no flow any more is not waited for.
    setImmediate(() => this.#cursors.retain(new Set(this.#following.keys())));
  }

  #count(path: string, by: 1 | -1): void {
    const count = (this.#following.get(path) ?? 0) + by;
    if (count > 0) this.#following.set(path, count);
    else this.#following.delete(path);
  }
}
