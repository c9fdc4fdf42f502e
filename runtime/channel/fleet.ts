/**
 * The daemons that nodes want, by node: declared while the node exists, kept for its successor during a deploy, released when nobody follows.
 *
 * A node has one daemon at most. The supervisor may still be opening (it adopts daemons first): what is wanted then is handed over when it is open, in order.
 */
import { toBulkheadError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Spec } from '../supervisor/view.ts';
import type { Holds } from './hold.ts';

/** What of the supervisor this file needs. */
export type SpecTarget = Pick<Supervisor, 'declare' | 'release'>;

export class Fleet {
  readonly #holds: Holds;
  readonly #log: Logger;
  readonly #supervisor: Promise<SpecTarget | null>;
  /** Daemon id by node path. */
  readonly #daemons = new Map<string, string>();

  /** `supervisor` resolves to null when it cannot be opened; whoever opened it has reported that. */
  constructor(holds: Holds, supervisor: Promise<SpecTarget | null>, log: Logger) {
    this.#holds = holds;
    this.#log = log;
    this.#supervisor = supervisor;
  }

  /** What this node wants from now on; a daemon of another id that it had is released. The same spec again changes nothing. */
  declare(path: string, spec: Spec): void {
    this.#holds.take(holdKey(path));
    if (this.#daemons.get(path) !== spec.id) this.release(path);
    this.#daemons.set(path, spec.id);
    this.#then((supervisor) => supervisor.declare(spec));
  }

  /** The node is being replaced: its daemon goes on for a while. */
  hold(path: string): void {
    if (this.#daemons.has(path)) this.#holds.hold(holdKey(path), () => this.release(path));
  }

  /** The node wants no daemon any more. */
  release(path: string): void {
    this.#holds.take(holdKey(path));
    const id = this.#daemons.get(path);
    if (id === undefined) return;
    this.#daemons.delete(path);
    // Two nodes may have swapped names in one deploy: then this daemon is another node's by now.
    if ([...this.#daemons.values()].includes(id)) return;
    this.#then((supervisor) => supervisor.release(id, { holdMs: 0 }));
  }

  #then(run: (supervisor: SpecTarget) => void): void {
    this.#supervisor
      .then((supervisor) => supervisor && run(supervisor))
      .catch((error: unknown) => {
        this.#log.error({ err: toBulkheadError(error, 'telling the supervisor what to run') }, 'a daemon is not run');
      });
  }
}

function holdKey(path: string): string {
  return `daemon ${path}`;
}
