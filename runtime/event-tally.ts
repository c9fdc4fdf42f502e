/**
 * How often what has happened in this process: for metrics, which want sums and not stories.
 *
 * Belongs here: counting events. Does not belong here: the format in which sums are told (server/api/metrics.ts).
 */
import type { EventLog } from './event-log.ts';
import type { BulkheadEvent } from './supervisor/view.ts';

/** Upper bounds of a recovery's time in seconds: from the aim for a standby (0.1) over a cold start to the longest back-off. */
export const RECOVERY_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;
/** Types come from daemons as well: beyond this many they are counted as `other`. */
const MOST_TYPES = 100;
const MOST_DAEMONS = 1_000;

export type Recoveries = {
  /** How many were in each bucket and in none before it; those above the last are in `count` alone. */
  readonly buckets: readonly number[];
  readonly count: number;
  readonly sumSeconds: number;
};

export type Counts = ReadonlyMap<string, number>;

export class EventTally {
  readonly types: Map<string, number> = new Map();
  readonly #restarts = new Map<string, Map<string, number>>();
  readonly #exits = new Map<string, Map<string, number>>();
  readonly #recoveries = new Map<string, { buckets: number[]; count: number; sumSeconds: number }>();
  #counted: number | null = null;

  /** Counts what `log` gets from now on; what it knows of earlier processes is not counted. */
  constructor(log: EventLog) {
    log.onAppend(() => {
      if (!log.opened) return;
      for (const event of log.after((this.#counted ??= log.before))) {
        this.#counted = event.id;
        this.#count(event);
      }
    });
  }

  /** Of one daemon, by reason: how often it was made to work again, after a failure or on purpose. */
  restarts(id: string): Counts {
    return this.#restarts.get(id) ?? new Map();
  }

  /** Of one daemon, by reason. */
  exits(id: string): Counts {
    return this.#exits.get(id) ?? new Map();
  }

  /** By kind: how long nobody did the work, each time that a daemon was back after a failure. */
  get recoveries(): ReadonlyMap<string, Recoveries> {
    return this.#recoveries;
  }

  #count({ type, daemon, reason, detail }: BulkheadEvent): void {
    add(this.types, this.types.has(type) || this.types.size < MOST_TYPES ? type : 'other');
    if (type === 'daemon.exited') add(of(this.#exits, daemon.id), reason ?? 'crash');
    if (type === 'daemon.respawned' || type === 'daemon.recycled')
      add(of(this.#restarts, daemon.id), reason ?? 'crash');
    const recoveryMs = detail['recoveryMs'];
    if (type === 'daemon.respawned' && typeof recoveryMs === 'number') this.#recovered(daemon.kind, recoveryMs / 1000);
  }

  #recovered(kind: string, seconds: number): void {
    let found = this.#recoveries.get(kind);
    if (found === undefined) {
      this.#recoveries.set(kind, (found = { buckets: RECOVERY_BUCKETS.map(() => 0), count: 0, sumSeconds: 0 }));
    }
    const bucket = RECOVERY_BUCKETS.findIndex((bound) => seconds <= bound);
    if (bucket !== -1) found.buckets[bucket] = (found.buckets[bucket] ?? 0) + 1;
    found.count += 1;
    found.sumSeconds += seconds;
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function of(all: Map<string, Map<string, number>>, id: string): Map<string, number> {
  let counts = all.get(id);
  if (counts !== undefined) return counts;
  counts = new Map();
  all.set(id, counts);
  for (const oldest of all.keys()) {
    if (all.size <= MOST_DAEMONS) break;
    all.delete(oldest);
  }
  return counts;
}
