/** Time that stands still until a test moves it: for policies, which are tested without waiting. */
import type { Cancel, Clock } from '../../runtime/clock.ts';

type Timer = { dueMs: number; readonly everyMs: number | undefined; readonly run: () => void };

export type VirtualClock = Clock & {
  /** Moves time, running what becomes due in the order in which it is due. */
  readonly advance: (ms: number) => void;
};

export function createVirtualClock(): VirtualClock {
  let nowMs = 0;
  const timers = new Set<Timer>();
  const start = (delayMs: number, everyMs: number | undefined, run: () => void): Cancel => {
    const timer = { dueMs: nowMs + delayMs, everyMs, run };
    timers.add(timer);
    return () => timers.delete(timer);
  };
  return {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    after: (delayMs, run) => start(delayMs, undefined, run),
    every: (periodMs, run) => start(periodMs, periodMs, run),
    advance: (ms) => {
      const untilMs = nowMs + ms;
      for (;;) {
        const next = [...timers].filter((timer) => timer.dueMs <= untilMs).toSorted((a, b) => a.dueMs - b.dueMs)[0];
        if (!next) break;
        nowMs = next.dueMs;
        if (next.everyMs === undefined) timers.delete(next);
        else next.dueMs += next.everyMs;
        next.run();
      }
      nowMs = untilMs;
    },
  };
}
