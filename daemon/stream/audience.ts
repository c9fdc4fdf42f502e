/**
 * All viewers of a channel: who may enter, what each may keep waiting, and one fragment for all.
 *
 * Belongs here: limits that concern viewers together. Does not belong here: one viewer's progress (viewer.ts), HTTP (http-server.ts).
 */
import type { Goodbye, Sink } from './sink.ts';
import { type SharedFragment, type Source, Viewer } from './viewer.ts';

/** What may wait for all viewers together, and the least and the most for one. */
const QUEUES_BYTES = 12 << 20;
const LEAST_QUEUE_BYTES = 128 << 10;
const MOST_QUEUE_BYTES = 4 << 20;
/** A queue that holds more than this much time is of no use to anybody who wants to see live. */
const QUEUE_SECONDS = 2;

export type AudienceCounts = {
  readonly viewers: number;
  /** Since the start, over all viewers: fragments left out, viewers sent away because they took nothing, viewers refused. */
  readonly skipped: number;
  readonly evicted: number;
  readonly refused: number;
};

export class Audience {
  readonly #viewers = new Set<Viewer>();
  readonly #source: Source;
  readonly #maxViewers: number;
  readonly #onChange: (viewers: number) => void;
  #skippedByGone = 0;
  #evicted = 0;
  #refused = 0;

  constructor(source: Source, maxViewers: number, onChange: (viewers: number) => void) {
    this.#source = source;
    this.#maxViewers = maxViewers;
    this.#onChange = onChange;
  }

  get counts(): AudienceCounts {
    let skipped = this.#skippedByGone;
    for (const viewer of this.#viewers) skipped += viewer.skipped;
    return { viewers: this.#viewers.size, skipped, evicted: this.#evicted, refused: this.#refused };
  }

  /** Whether anybody wants shared fragments: without, none need to be written. */
  get hasViewersAtEdge(): boolean {
    for (const viewer of this.#viewers) if (viewer.atEdge) return true;
    return false;
  }

  /** Whether another viewer may enter; a refusal is counted. */
  admit(): boolean {
    if (this.#viewers.size < this.#maxViewers) return true;
    this.#refused++;
    return false;
  }

  /** Lets a viewer in. The result tells the audience what became of its connection. */
  enter(sink: Sink): { closed: () => void; stuck: () => void } {
    const viewer = new Viewer(sink, this.#source);
    this.#viewers.add(viewer);
    this.#onChange(this.#viewers.size);
    viewer.start();
    return {
      closed: () => this.#remove(viewer),
      stuck: () => {
        if (!this.#viewers.has(viewer)) return;
        this.#evicted++;
        viewer.leave('stuck');
        this.#remove(viewer);
      },
    };
  }

  /** Gives a fragment to everybody at the live edge. `bytesPerSecond` is the stream's rate. */
  share(fragment: SharedFragment, bytesPerSecond: number): void {
    const limitBytes = queueLimit(this.#viewers.size, bytesPerSecond);
    for (const viewer of this.#viewers) viewer.offer(fragment, limitBytes);
  }

  /** Lets those begin who have waited for something to begin with. */
  startWaiting(): void {
    for (const viewer of this.#viewers) viewer.start();
  }

  /** Everybody waits for a new beginning: another format, or another ring. */
  resetAll(): void {
    for (const viewer of this.#viewers) viewer.reset();
  }

  /** Records were missed by the channel itself. */
  missAll(): void {
    for (const viewer of this.#viewers) viewer.miss();
  }

  sendAway(why: Goodbye): void {
    for (const viewer of this.#viewers) viewer.leave(why);
  }

  #remove(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return;
    viewer.gone();
    this.#skippedByGone += viewer.skipped;
    this.#onChange(this.#viewers.size);
  }
}

/** The most that may wait for one viewer, in bytes. */
export function queueLimit(viewers: number, bytesPerSecond: number): number {
  const share = Math.max(LEAST_QUEUE_BYTES, QUEUES_BYTES / Math.max(1, viewers));
  const useful = Math.max(LEAST_QUEUE_BYTES, bytesPerSecond * QUEUE_SECONDS);
  return Math.min(MOST_QUEUE_BYTES, share, useful);
}
