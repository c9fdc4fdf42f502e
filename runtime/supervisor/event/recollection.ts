/**
 * What a supervisor must remember beyond its own death, drawn from the events that were told: so that nothing is told twice, and what was begun is ended.
 *
 * Belongs here: what each event changes in that memory. Pure. Does not belong here: where events are kept (journal.ts).
 */
import * as v from 'valibot';
import { table, whole } from '../../message/fields.ts';
import { REASONS, type Reason } from '../service.ts';
import type { BulkheadEvent } from '../view.ts';

/** Entries of each kind that are kept; those that changed longest ago are forgotten beyond it. */
const MOST_ENTRIES = 1_000;

export const memorySchema = v.object({
  /** By daemon: what was last told of its camera. */
  cameras: table(v.string(), v.picklist(['online', 'offline'])),
  /** By process: the number of the newest of its own events that was told. */
  numbers: table(v.string(), whole(1)),
  /** By daemon: a failure after which it has not been told to work again. `time` = milliseconds since 1970. */
  outages: table(v.string(), v.object({ time: whole(), reason: v.picklist(REASONS) })),
  /** Processes whose end has been told. */
  ended: table(v.string(), v.literal(1)),
  /** How many supervisors there were. */
  starts: whole(0),
  /** Whether the last one has said that it stops. */
  stopped: v.boolean(),
});
export type Memory = v.InferOutput<typeof memorySchema>;

/** Failures: who ends for another reason was ended on purpose, or is not missed. */
const MISSED: ReadonlySet<Reason> = new Set(['crash', 'hang', 'memory', 'starved']);

type Who = Pick<BulkheadEvent['daemon'], 'id' | 'pid' | 'generation'>;

/** Names a process for ever: a generation may be used again when somebody has emptied the run directory. */
function processKey({ id, pid, generation }: Who): string {
  return `${id} ${generation} ${pid ?? 0}`;
}

export class Recollection {
  readonly #cameras: Map<string, 'online' | 'offline'>;
  readonly #numbers: Map<string, number>;
  readonly #outages: Map<string, { time: number; reason: Reason }>;
  readonly #ended: Map<string, 1>;
  #starts: number;
  #stopped: boolean;

  constructor(memory?: Memory) {
    this.#cameras = new Map(Object.entries(memory?.cameras ?? {}));
    this.#numbers = new Map(Object.entries(memory?.numbers ?? {}));
    this.#outages = new Map(Object.entries(memory?.outages ?? {}));
    this.#ended = new Map(Object.entries(memory?.ended ?? {}));
    this.#starts = memory?.starts ?? 0;
    this.#stopped = memory?.stopped ?? false;
  }

  get memory(): Memory {
    return {
      cameras: Object.fromEntries(this.#cameras),
      numbers: Object.fromEntries(this.#numbers),
      outages: Object.fromEntries(this.#outages),
      ended: Object.fromEntries(this.#ended),
      starts: this.#starts,
      stopped: this.#stopped,
    };
  }

  /** How many supervisors there were. */
  get starts(): number {
    return this.#starts;
  }

  /** How the last supervisor ended; `first` = there was none. */
  get lastEnd(): 'first' | 'clean' | 'crash' {
    if (this.#starts === 0) return 'first';
    return this.#stopped ? 'clean' : 'crash';
  }

  /** Whether the world has been told this of the camera of this daemon, and nothing else since. */
  knows(type: string, id: string): boolean {
    const camera = this.#cameras.get(id);
    return camera !== undefined && type === `camera.${camera}`;
  }

  /** The number of the newest of a process's own events that was told; 0 = none. */
  number(who: Who): number {
    return this.#numbers.get(processKey(who)) ?? 0;
  }

  /** Since when a daemon has failed; null = it has not, or was told to work again. */
  outage(id: string): { readonly time: number; readonly reason: Reason } | null {
    return this.#outages.get(id) ?? null;
  }

  hasEnded(who: Who): boolean {
    return this.#ended.has(processKey(who));
  }

  /** An event was told. */
  told({ type, daemon, reason, time, detail }: BulkheadEvent, number: number | null): void {
    if (number !== null) put(this.#numbers, processKey(daemon), number);
    // Whoever tells anything is there.
    this.#stopped = type === 'supervisor.stopped';
    switch (type) {
      case 'camera.online':
      case 'camera.offline':
        put(this.#cameras, daemon.id, type === 'camera.online' ? 'online' : 'offline');
        return;
      case 'daemon.exited':
        put(this.#ended, processKey(daemon), 1);
        this.#numbers.delete(processKey(daemon));
        if (reason !== null && MISSED.has(reason) && !this.#outages.has(daemon.id)) {
          // One that ended unattended says when it did.
          const since = typeof detail['time'] === 'number' ? detail['time'] : time;
          put(this.#outages, daemon.id, { time: Math.round(since), reason });
        }
        return;
      case 'daemon.respawned':
      case 'daemon.recycled':
        this.#outages.delete(daemon.id);
        return;
      case 'supervisor.started':
        this.#starts += 1;
        return;
      case 'supervisor.stopped':
        // Everything was ended in order: the next one begins afresh.
        this.#cameras.clear();
        this.#outages.clear();
        return;
    }
  }

  /** Nobody wants this daemon any more: when it comes again, it is a new one. True when there was something to forget. */
  forget(id: string): boolean {
    const camera = this.#cameras.delete(id);
    return this.#outages.delete(id) || camera;
  }
}

/** The newest come last. */
function put<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= MOST_ENTRIES) return;
    map.delete(oldest);
  }
}
