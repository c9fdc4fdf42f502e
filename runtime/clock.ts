/**
 * Time as an argument, so that policies are tested on virtual time. Only `systemClock` reads the machine's clocks.
 */

/** Stops what `after` or `every` has started; calling it again does nothing. */
export type Cancel = () => void;

export type Clock = {
  /** Monotonic milliseconds; on Linux comparable across processes (CLOCK_MONOTONIC). */
  readonly nowMs: () => number;
  /** Wall clock, milliseconds since 1970. Only for showing to people and for naming files. */
  readonly wallMs: () => number;
  readonly after: (delayMs: number, run: () => void) => Cancel;
  readonly every: (periodMs: number, run: () => void) => Cancel;
};

/** Monotonic microseconds since boot; what packets are stamped with when they are captured. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export const systemClock: Clock = {
  nowMs: () => Number(process.hrtime.bigint()) / 1e6,
  wallMs: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  every: (periodMs, run) => {
    const timer = setInterval(run, periodMs);
    return () => clearInterval(timer);
  },
};
