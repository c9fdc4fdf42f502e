/**
 * The time between "a node was closed" and "nobody took over what it had": during a deploy a node is closed and created again, and what it owned
 * (a ring, a daemon) waits for the new one.
 *
 * The waiting time does not run while a deploy is under way: another node may take Node-RED's 15 s to close, and that must not end a channel.
 */
import type { Cancel, Clock } from '../clock.ts';

type Waiting = { readonly expire: () => void; cancel: Cancel | undefined };

export class Holds {
  readonly #clock: Clock;
  readonly #holdMs: number;
  readonly #waiting = new Map<string, Waiting>();
  #paused = false;

  constructor(clock: Clock, holdMs: number) {
    this.#clock = clock;
    this.#holdMs = holdMs;
  }

  /** Calls `expire` when nobody calls `take(key)` in time. A key holds one thing: an earlier hold of the same key is forgotten. */
  hold(key: string, expire: () => void): void {
    this.take(key);
    const waiting: Waiting = { expire, cancel: undefined };
    this.#waiting.set(key, waiting);
    if (!this.#paused) this.#start(key, waiting);
  }

  /** Takes over what is held under this key; false when nothing is. */
  take(key: string): boolean {
    const waiting = this.#waiting.get(key);
    if (!waiting) return false;
    waiting.cancel?.();
    this.#waiting.delete(key);
    return true;
  }

  /** Stops the time of everything held: a deploy begins. */
  pause(): void {
    this.#paused = true;
    for (const waiting of this.#waiting.values()) {
      waiting.cancel?.();
      waiting.cancel = undefined;
    }
  }

  /** The deploy is over: everything that is still held has the full time again. */
  resume(): void {
    this.#paused = false;
    for (const [key, waiting] of this.#waiting) {
      if (!waiting.cancel) this.#start(key, waiting);
    }
  }

  /** Forgets everything without calling anybody. */
  close(): void {
    for (const key of this.#waiting.keys()) this.take(key);
  }

  #start(key: string, waiting: Waiting): void {
    waiting.cancel = this.#clock.after(this.#holdMs, () => {
      this.#waiting.delete(key);
      waiting.expire();
    });
  }
}
