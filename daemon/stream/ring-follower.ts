/**
 * Follows a ring for ever: waits until it is there, reads what comes, opens it again when it was replaced, and survives a file that is not a
 * ring (any more).
 *
 * Belongs here: having a reader at all times when one can be had. Does not belong here: what records mean (channel.ts).
 */
import { type BulkheadError, toBulkheadError } from '../../runtime/errors.ts';
import { type Listener, listenBell } from '../../runtime/ring/bell.ts';
import { RingReader, type ReadResult, type RingRecord } from '../../runtime/ring/reader.ts';

export type FollowerHandlers = {
  /** A ring was opened, the first or another: what was known of its contents is void. Records come from its newest keyframe on. */
  readonly opened: (reader: RingReader) => void;
  readonly record: (record: RingRecord) => void;
  /** Records were missed; the next one may be anything. */
  readonly gap: (gap: Extract<ReadResult, { type: 'gap' }>) => void;
  /** Everything that is in the ring now has been read. */
  readonly caughtUp: () => void;
  /** There is no usable ring, and why; called when the reason changes. `notFound` = not yet. */
  readonly unusable: (error: BulkheadError) => void;
};

/** How often it is looked whether the file at the path is still the one that is mapped. */
const REPLACED_CHECK_MS = 1000;
/** So many records are read in one go, before sockets and timers have their turn. */
const BATCH = 128;

export class RingFollower {
  readonly #path: string;
  readonly #handlers: FollowerHandlers;
  readonly #bell: Listener;
  #reader: RingReader | undefined;
  #checkedAtMs = 0;
  #complaint = '';
  #continuing: NodeJS.Immediate | undefined;
  /** Laps of readers that are closed by now. */
  #formerLaps = 0;
  #closed = false;

  constructor(path: string, handlers: FollowerHandlers) {
    this.#path = path;
    this.#handlers = handlers;
    this.#bell = listenBell(path, () => this.follow());
  }

  /** The reader in use, for cursors of others over the same mapping (`fork`). */
  get reader(): RingReader | undefined {
    return this.#reader;
  }

  get laps(): number {
    return this.#formerLaps + (this.#reader?.laps ?? 0);
  }

  /** Reads what there is now. The bell calls it at least four times a second. */
  follow(): void {
    if (this.#closed || this.#continuing) return;
    const nowMs = performance.now();
    if (this.#reader && nowMs - this.#checkedAtMs >= REPLACED_CHECK_MS) {
      this.#checkedAtMs = nowMs;
      if (this.#reader.wasReplaced()) this.#drop();
    }
    if (this.#reader || this.#open(nowMs)) this.#readBatch();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearImmediate(this.#continuing);
    this.#bell.close();
    this.#drop();
  }

  #open(nowMs: number): boolean {
    try {
      this.#reader = RingReader.open(this.#path);
    } catch (thrown) {
      const error = toBulkheadError(thrown, `opening the ring ${this.#path}`);
      // Every 250 ms the same: said once.
      if (error.message !== this.#complaint) this.#handlers.unusable(error);
      this.#complaint = error.message;
      return false;
    }
    this.#complaint = '';
    this.#checkedAtMs = nowMs;
    this.#reader.seekNewestKey();
    this.#handlers.opened(this.#reader);
    return true;
  }

  #drop(): void {
    this.#formerLaps += this.#reader?.laps ?? 0;
    this.#reader?.close();
    this.#reader = undefined;
  }

  #readBatch(): void {
    this.#continuing = undefined;
    for (let i = 0; i < BATCH; i++) {
      // A handler may have closed us.
      const result = this.#reader?.read();
      if (result?.type === 'record') this.#handlers.record(result.record);
      else if (result?.type === 'gap') this.#handlers.gap(result);
      else {
        if (result && i > 0) this.#handlers.caughtUp();
        return;
      }
    }
    this.#continuing = setImmediate(() => this.#readBatch());
  }
}
