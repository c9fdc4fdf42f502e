/**
 * Counts the processes of each id, for ever: a generation is never used twice, also not by the next supervisor after a clean stop.
 *
 * Does not belong here: what a generation is for. The file is small and survives `close()` on purpose.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { table, whole } from '../message/fields.ts';
import { parse } from '../message/parse.ts';
import { writeAtomically } from './process/state-file.ts';

/** Ids that were used longest ago are forgotten beyond this; a forgotten id begins at 1 again. */
const MAX_IDS = 1_000;

/** Of one id: its latest generation, and the first since it was last at rest; the processes after that one are restarts. */
type Entry = { readonly latest: number; readonly first?: number | undefined };

const fileSchema = table(v.string(), v.object({ latest: whole(1), first: v.optional(whole(1)) }));

export class Generations {
  readonly #path: string;
  /** In the order of their last use. */
  readonly #entries: Map<string, Entry>;

  private constructor(path: string, entries: Map<string, Entry>) {
    this.#path = path;
    this.#entries = entries;
  }

  static open(runDirectory: string): Generations {
    const path = join(runDirectory, 'generations.json');
    return new Generations(path, new Map(Object.entries(read(path))));
  }

  /** The latest generation of an id; 0 = none yet. */
  latest(id: string): number {
    return this.#entries.get(id)?.latest ?? 0;
  }

  /** Processes after the first one, also those that earlier supervisors started; 0 after a time in which the id was not wanted. */
  restarts(id: string): number {
    const { latest = 0, first = latest } = this.#entries.get(id) ?? {};
    return latest - first;
  }

  /** Learns of a process that was found. */
  seen(id: string, generation: number): void {
    if (generation <= this.latest(id)) return;
    this.#entries.set(id, { latest: generation, first: this.#entries.get(id)?.first ?? generation });
  }

  /** A new one, written down before it is used, where there is room for that. */
  next(id: string): number {
    const generation = this.latest(id) + 1;
    const first = this.#entries.get(id)?.first ?? generation;
    this.#entries.delete(id);
    this.#entries.set(id, { latest: generation, first });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MAX_IDS) break;
      this.#entries.delete(oldest);
    }
    this.#write();
    return generation;
  }

  /** Nothing is wanted of this id any more, and nothing is there: what comes next is no restart. */
  rest(id: string): void {
    const entry = this.#entries.get(id);
    if (entry?.first === undefined) return;
    this.#entries.set(id, { latest: entry.latest });
    this.#write();
  }

  /** On a full disk it is remembered until the next time: a camera does not wait for that, and the state files of what runs say the rest. */
  #write(): void {
    try {
      writeAtomically(this.#path, JSON.stringify(Object.fromEntries(this.#entries)));
    } catch {
      // What a generation is for holds within this process.
    }
  }
}

/** A file that is missing or damaged counts as empty: the state files of what runs say the rest. */
function read(path: string): Record<string, Entry> {
  try {
    return parse(fileSchema, JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return {};
  }
}
