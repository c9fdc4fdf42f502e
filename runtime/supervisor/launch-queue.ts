/**
 * The line in which daemons wait for their start. Whoever enters is started at once when there is room, and otherwise when its turn comes.
 *
 * Belongs here: who waits, who is starting, and the timer. Does not belong here: the order (brake.ts) and the starting (slot.ts).
 */
import type { Cancel, Clock } from '../clock.ts';
import { nextUp, roomInMs, type Waiting } from './policy/brake.ts';

type Entry<T> = Waiting & { readonly who: T; readonly go: () => void };

export class LaunchQueue<T> {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #waiting = new Map<T, Entry<T>>();
  /** Since when. */
  readonly #starting = new Map<T, number>();
  #cancelTimer: Cancel = () => {};

  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  /** `go` is called once, now or later, unless `who` leaves first. Entering again keeps the place in the line. */
  enter(who: T, { kind, urgent }: Pick<Waiting, 'kind' | 'urgent'>, go: () => void): void {
    this.#starting.delete(who);
    const sinceMs = this.#waiting.get(who)?.sinceMs ?? this.#clock.nowMs();
    this.#waiting.set(who, { who, kind, urgent, sinceMs, go });
    this.#advance();
  }

  /** It is ready, or gone, or not wanted any more. */
  leave(who: T): void {
    const waited = this.#waiting.delete(who);
    if (this.#starting.delete(who) || waited) this.#advance();
  }

  close(): void {
    this.#cancelTimer();
    this.#waiting.clear();
    this.#starting.clear();
  }

  #advance(): void {
    this.#cancelTimer();
    for (;;) {
      const atMs = this.#clock.nowMs();
      const next = nextUp([...this.#waiting.values()], atMs);
      if (next === undefined) return;
      const delayMs = roomInMs([...this.#starting.values()], this.#most, atMs);
      if (delayMs !== null) {
        this.#cancelTimer();
        this.#cancelTimer = this.#clock.after(delayMs, () => this.#advance());
        return;
      }
      this.#waiting.delete(next.who);
      this.#starting.set(next.who, atMs);
      next.go();
    }
  }
}
