/**
 * Counts the processes of each id, for ever: a generation is never used twice, also not by the next supervisor after a clean stop.
 *
 * Does not belong here: what a generation is for. The file is small and survives `close()` on purpose.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from './state-file.ts';

/** Ids that were used longest ago are forgotten beyond this; a forgotten id begins at 1 again. */
const MAX_IDS = 1_000;

const fileSchema = z.record(z.string(), z.int().min(1));

export class Generations {
  readonly #path: string;
  /** In the order of their last use. */
  readonly #last: Map<string, number>;

  private constructor(path: string, last: Map<string, number>) {
    this.#path = path;
    this.#last = last;
  }

  static open(runDirectory: string): Generations {
    const path = join(runDirectory, 'generations.json');
    return new Generations(path, new Map(Object.entries(read(path))));
  }

  /** The latest generation of an id; 0 = none yet. */
  latest(id: string): number {
    return this.#last.get(id) ?? 0;
  }

  /** Learns of a process that was found. */
  seen(id: string, generation: number): void {
    if (generation > this.latest(id)) this.#last.set(id, generation);
  }

  /** A new one, written down before it is used. */
  next(id: string): number {
    const generation = this.latest(id) + 1;
    this.#last.delete(id);
    this.#last.set(id, generation);
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= MAX_IDS) break;
      this.#last.delete(oldest);
    }
    writeAtomically(this.#path, JSON.stringify(Object.fromEntries(this.#last)));
    return generation;
  }
}

/** A file that is missing or damaged counts as empty: the state files of what runs say the rest. */
function read(path: string): Record<string, number> {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return {};
  }
}
