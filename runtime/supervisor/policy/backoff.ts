/**
 * How long to wait before a daemon is started again: pure, on the caller's clock.
 *
 * Belongs here: the respawn figures and the tally of failures. Does not belong here: what counts as a failure (transition.ts), timers, and the
 * back-off between a capture daemon and its camera, which is another thing with other figures.
 *
 * Never give up, never hammer: after 10 s of health at once; else 250 ms doubling to the cap, +-20 % so that daemons that died together do
 * not come back together. More than 10 failures without health in 5 minutes = held: one try a minute, until one of them stays well for a minute.
 * A daemon that was well in between is not held (docs/decisions/0007): its viewers have the picture most of the time, and held they would not.
 */

export const RESPAWN = {
  /** Ready for this long: the failure is a new one, not the last one again. */
  healthyMs: 10_000,
  /** Ready for this long: the past is forgotten. */
  forgivenMs: 60_000,
  firstMs: 250,
  capMs: 30_000,
  jitter: 0.2,
  windowMs: 300_000,
  /** More counted failures than this within the window = held. */
  maxFailures: 10,
  heldMs: 60_000,
} as const;

/** What is remembered of a daemon's failures. */
export type Tally = {
  /** Times of the counted failures within the window, oldest first. */
  readonly failuresMs: readonly number[];
  /** Failures in a row without `healthyMs` between them; the exponent of the delay. */
  readonly step: number;
  readonly held: boolean;
};

export const NO_FAILURES: Tally = { failuresMs: [], step: 0, held: false };

export type Failure = {
  readonly atMs: number;
  /** How long the daemon had been ready; 0 = never. */
  readonly healthyForMs: number;
  /** A temporary failure that the daemon announced itself delays the next try and does not count towards held. */
  readonly counted: boolean;
  /** Uniform in [0, 1). */
  readonly random: number;
};

/** The tally after one more failure, and the wait before the next try (0 = at once). */
export function afterFailure(
  tally: Tally,
  failure: Failure,
  capMs: number = RESPAWN.capMs,
): { readonly tally: Tally; readonly delayMs: number } {
  const past = failure.healthyForMs >= RESPAWN.forgivenMs ? NO_FAILURES : tally;
  const recentMs = past.failuresMs.filter((atMs) => failure.atMs - atMs < RESPAWN.windowMs);
  // The list is bounded: once held, further failures change nothing.
  const healthy = failure.healthyForMs >= RESPAWN.healthyMs;
  const counts = failure.counted && !healthy;
  const failuresMs = counts ? [...recentMs, failure.atMs].slice(-(RESPAWN.maxFailures + 1)) : recentMs;
  const held = past.held || failuresMs.length > RESPAWN.maxFailures;
  const spread = 1 + RESPAWN.jitter * (2 * failure.random - 1);
  if (held) return { tally: { failuresMs, step: past.step, held }, delayMs: RESPAWN.heldMs * spread };
  if (healthy) return { tally: { failuresMs, step: 0, held }, delayMs: 0 };
  const delayMs = Math.min(capMs, RESPAWN.firstMs * 2 ** past.step) * spread;
  // The exponent stops growing where the cap has long been reached.
  return { tally: { failuresMs, step: Math.min(past.step + 1, 20), held }, delayMs };
}
