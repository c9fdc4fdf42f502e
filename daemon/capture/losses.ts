/**
 * Counts what was lost and says so once a second: a broken link loses hundreds of packets, and a log line for each would be a second fault.
 *
 * Belongs here: counting and pacing of the report. Does not belong here: deciding what a loss is.
 */
import type { Clock } from '../../runtime/clock.ts';

export type Loss =
  /** RTP packets that never came, as FFmpeg counts them. */
  | 'network'
  /** Access units that contradict themselves. */
  | 'corrupt'
  /** Larger than the ring takes. */
  | 'tooLarge'
  /** Sound that could not be transcoded. */
  | 'sound';

const REPORT_EVERY_MS = 1000;

export class Losses {
  readonly #clock: Clock;
  readonly #report: (counts: Readonly<Partial<Record<Loss, number>>>) => void;
  #counts: Partial<Record<Loss, number>> = {};
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, report: (counts: Readonly<Partial<Record<Loss, number>>>) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** Counts; the first one starts the second after which all of them are reported together. */
  add(loss: Loss, count = 1): void {
    this.#counts[loss] = (this.#counts[loss] ?? 0) + count;
    this.#cancel ??= this.#clock.after(REPORT_EVERY_MS, () => this.flush());
  }

  /** Reports at once what has been counted. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (Object.keys(this.#counts).length === 0) return;
    const counts = this.#counts;
    this.#counts = {};
    this.#report(counts);
  }
}
