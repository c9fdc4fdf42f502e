/**
 * What a daemon's exit code means; the supervisor and the daemons share these constants. 75 and 78 are sysexits.h's. Exit 0 is not proof
 * of health: it is only "done" when the supervisor had asked for it.
 */
export const EXIT = {
  /** Asked to stop, and stopped. */
  done: 0,
  /** No packets for the starvation time; the port is closed because there is no camera behind it. */
  starved: 70,
  /** Replaced by a newer generation. */
  recycled: 71,
  /** Cannot work now (EX_TEMPFAIL): no space, port taken, lock held. Try again later. */
  temporary: 75,
  /** Cannot ever work with this configuration (EX_CONFIG). Do not try again until it changes. */
  config: 78,
} as const;

export type ExitMeaning = keyof typeof EXIT;

/** The meaning of an exit code, or `undefined` for one that only a crash gives. */
export function exitMeaning(code: number): ExitMeaning | undefined {
  return (Object.keys(EXIT) as ExitMeaning[]).find((meaning) => EXIT[meaning] === code);
}
