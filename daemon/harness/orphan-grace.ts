/**
 * How long a daemon works on without a supervisor. A supervisor that died comes back within seconds and finds its daemons at work; one that does
 * not come back must not leave processes behind for ever.
 */
import type { DaemonKind } from '../../runtime/message/config.ts';

const MINUTE_MS = 60_000;

export const ORPHAN_GRACE_MS = {
  capture: 10 * MINUTE_MS,
  stream: 10 * MINUTE_MS,
  /** Nobody waits for the answer any more. */
  probe: 5_000,
} as const satisfies Record<DaemonKind, number>;

/** For one that does not want to outlive its supervisor, where the kernel does not see to that: long enough to dial again after a break. */
export const TIED_GRACE_MS = 1_000;

export type OrphanGrace = {
  /** `welcome` false = it hung up on us at once: a supervisor that does not know us is none of ours. */
  readonly lost: (welcome: boolean) => void;
  readonly found: () => void;
};

/** Calls `over` when there has been no supervisor for `graceMs` on end, counted from now. */
export function startOrphanGrace(graceMs: number, over: () => void): OrphanGrace {
  let timer: NodeJS.Timeout | undefined;
  let sinceMs = 0;
  const found = (): void => clearTimeout(timer);
  const lost = (welcome: boolean): void => {
    clearTimeout(timer);
    if (welcome) sinceMs = performance.now();
    timer = setTimeout(over, Math.max(0, sinceMs + graceMs - performance.now()));
  };
  lost(true);
  return { lost, found };
}
