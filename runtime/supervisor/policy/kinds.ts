/**
 * What the supervisor does differently for one kind of daemon and another, in one table. Kinds that are still to come have their rows already.
 *
 * Does not belong here: limits of memory (memory-policy.ts), and anything that a kind does itself.
 */
import { RESPAWN } from './backoff.ts';

/** What exists and what is designed. */
export type Kind = 'capture' | 'record' | 'stream' | 'decode' | 'probe';

type Row = {
  /** Who is started first when many are to be started at once; the least goes first. */
  readonly startRank: number;
  /** The longest wait between two tries. */
  readonly respawnCapMs: number;
};

export const KINDS: Readonly<Record<Kind, Row>> = {
  // First what a recording needs: without capture there is nothing to record, and what a ring has lost nobody brings back.
  capture: { startRank: 0, respawnCapMs: RESPAWN.capMs },
  // Its ring holds 15 s: a recorder that is back sooner has lost nothing.
  record: { startRank: 1, respawnCapMs: 5_000 },
  stream: { startRank: 2, respawnCapMs: RESPAWN.capMs },
  decode: { startRank: 3, respawnCapMs: RESPAWN.capMs },
  probe: { startRank: 4, respawnCapMs: RESPAWN.capMs },
};
