/**
 * When a camera is dialled again: never given up, never hammered.
 *
 * Belongs here: the waiting times and what resets them, as pure functions. Does not belong here: waiting, dialling, and the respawn of this
 * process, which has a back-off of its own (100 ms at first; the two must not be mixed, or a crashing daemon would bombard the camera).
 */

/** What the next wait depends on. */
export type ReconnectState = {
  /** Attempts since the last connection that lasted. */
  readonly failures: number;
};

/** Waits after the first, second, ... failure; the last for all further ones. */
const WAITS_MS = [1000, 2000, 5000, 10_000, 30_000] as const;
/** +-20 %, so that the cameras of a site that lost its power are not all dialled in the same instant. */
const JITTER = 0.2;
/** A connection that brought packets for this long was a good one. */
export const GOOD_AFTER_MS = 10_000;
/** A respawned daemon waits this long before it dials: its predecessor may have died of what the camera sends. */
const RESPAWNED_MS = 100;

export const INITIAL: ReconnectState = { failures: 0 };

/** Before the very first attempt of a process. `random` in [0, 1). */
export function firstWaitMs(generation: number, random: number): number {
  return generation > 1 ? jitter(RESPAWNED_MS, random) : 0;
}

/** After an attempt or a connection has ended. `packetsForMs` = how long packets came; 0 = not one. */
export function afterFailure(
  state: ReconnectState,
  packetsForMs: number,
  random: number,
): { readonly state: ReconnectState; readonly waitMs: number } {
  const failures = packetsForMs >= GOOD_AFTER_MS ? 1 : state.failures + 1;
  const waitMs = WAITS_MS[Math.min(failures, WAITS_MS.length) - 1] ?? WAITS_MS[0];
  return { state: { failures }, waitMs: jitter(waitMs, random) };
}

function jitter(waitMs: number, random: number): number {
  return Math.round(waitMs * (1 - JITTER + 2 * JITTER * random));
}
