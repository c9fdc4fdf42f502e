/**
 * Who is started next when more are to be started than a machine starts well at once. Pure.
 *
 * A cold start is 60 to 350 ms of a processor. Twenty at once make each of them take the sum of all, and take from those that still work; two for each
 * core keep the cores busy, and the first are back while the last wait. Belongs here: the order and the number. Does not belong here: waiting
 * (launch-queue.ts).
 */
import { KINDS, type Kind } from './kinds.ts';

export const BRAKE = {
  perCore: 2,
  /** On one core, too, one may wait for a device while another loads. */
  least: 2,
  /** A start that takes longer than this waits for something and is no load: it does not keep others from theirs. */
  patienceMs: 2_000,
  /** Who has waited for this long goes before every kind. */
  agedMs: 5_000,
} as const;

export type Waiting = {
  readonly kind: Kind;
  /** An operator asked for it, and waits. */
  readonly urgent: boolean;
  readonly sinceMs: number;
};

/** How many may be starting at once. */
export function mostStarting(cores: number): number {
  return Math.max(BRAKE.least, BRAKE.perCore * cores);
}

/** Operators first, then who has waited too long, then by kind, then who came first. */
export function nextUp<W extends Waiting>(waiting: readonly W[], atMs: number): W | undefined {
  const isAged = ({ sinceMs }: Waiting): boolean => atMs - sinceMs >= BRAKE.agedMs;
  const rank = (one: Waiting): number => (one.urgent ? -2 : isAged(one) ? -1 : KINDS[one.kind].startRank);
  return waiting.toSorted((a, b) => rank(a) - rank(b) || a.sinceMs - b.sinceMs)[0];
}

/** How long until one of those that are starting does not count any more; null when there is room now. */
export function roomInMs(startedMs: readonly number[], most: number, atMs: number): number | null {
  const counting = startedMs.filter((startMs) => atMs - startMs < BRAKE.patienceMs);
  return counting.length < most ? null : Math.min(...counting) + BRAKE.patienceMs - atMs;
}
