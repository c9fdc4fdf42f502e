/**
 * How far each events node has got, on disk, so that a restart neither loses an event for it nor gives it one twice.
 *
 * Belongs here: the file and when it is written. Does not belong here: who follows what (event-feed.ts). A place is written down one turn of the loop
 * after the event was handed over: by then Node-RED has passed the message on. So only an event of the very turn in which the process is killed can
 * come twice, and none is lost. One JSON line for each move; the file is written anew when it has grown long.
 */
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Logger } from '../log.ts';

const MOST_LINES = 2_000;
/** Nodes whose places are kept; those that moved longest ago are forgotten. */
const MOST_PLACES = 1_000;

export class Cursors {
  readonly #path: string | null;
  readonly #log: Logger | null;
  readonly #places = new Map<string, number>();
  #moved = new Set<string>();
  #lines = 0;
  #flushing: NodeJS.Immediate | null = null;
  #failed = false;

  /** Reads the file, if there is a path; nothing is written before something moves. */
  constructor(path: string | null = null, log: Logger | null = null) {
    this.#path = path;
    this.#log = log;
    for (const line of path === null ? [] : linesOf(path)) {
      this.#lines += 1;
      const place = parse(line);
      if (place === null) continue;
      this.#places.delete(place.node);
      if (place.id !== null) this.#places.set(place.node, place.id);
    }
  }

  /** Id of the last event that the node had. */
  get(node: string): number | undefined {
    return this.#places.get(node);
  }

  set(node: string, id: number): void {
    this.#places.delete(node);
    this.#places.set(node, id);
    for (const oldest of this.#places.keys()) {
      if (this.#places.size <= MOST_PLACES) break;
      this.delete(oldest);
    }
    this.#move(node);
  }

  delete(node: string): void {
    if (this.#places.delete(node)) this.#move(node);
  }

  /** Events after `id` are lost: whoever had one of them has not had those that will come with the same numbers. */
  clamp(id: number): void {
    for (const [node, at] of this.#places) if (at > id) this.set(node, id);
  }

  /** Forgets every other node. */
  retain(nodes: ReadonlySet<string>): void {
    for (const node of this.#places.keys()) if (!nodes.has(node)) this.delete(node);
  }

  /** Writes down what has moved. */
  flush(): void {
    if (this.#flushing !== null) clearImmediate(this.#flushing);
    this.#flushing = null;
    const moved = [...this.#moved];
    this.#moved.clear();
    if (this.#path === null || moved.length === 0) return;
    try {
      if (this.#lines + moved.length > MOST_LINES + this.#places.size) this.#rewrite(this.#path);
      else this.#append(this.#path, moved);
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) this.#log?.warn({ err: error }, 'events nodes may get events twice after a restart');
      this.#failed = true;
    }
  }

  #move(node: string): void {
    this.#moved.add(node);
    this.#flushing ??= setImmediate(() => this.flush());
  }

  #append(path: string, moved: readonly string[]): void {
    appendFileSync(path, moved.map((node) => lineOf(node, this.#places.get(node) ?? null)).join(''), { mode: 0o600 });
    this.#lines += moved.length;
  }

  #rewrite(path: string): void {
    const temporary = `${path}.tmp`;
    writeFileSync(temporary, [...this.#places].map(([node, id]) => lineOf(node, id)).join(''), { mode: 0o600 });
    renameSync(temporary, path);
    this.#lines = this.#places.size;
  }
}

/** The newline comes first: what follows a line that a kill or a full disk has torn is whole. */
function lineOf(node: string, id: number | null): string {
  return `\n${JSON.stringify({ node, id })}`;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}

function parse(line: string): { readonly node: string; readonly id: number | null } | null {
  try {
    const { node, id } = JSON.parse(line) as { node?: unknown; id?: unknown };
    return typeof node === 'string' && (id === null || Number.isSafeInteger(id))
      ? { node, id: id as number | null }
      : null;
  } catch {
    return null;
  }
}
