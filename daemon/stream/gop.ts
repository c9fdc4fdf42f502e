/**
 * The GOP that is being received, by its records' places and times without their bytes: from it a new viewer's catch-up is planned.
 */

/** What is remembered of a record. Times are ticks of its track. */
export type GopEntry = {
  readonly seq: number;
  readonly track: number;
  readonly pts: number;
  readonly dts: number;
  readonly duration: number;
};

/** Beyond this (an hour of picture and sound without a keyframe) there is no instant start any more until the next keyframe. */
const MOST_ENTRIES = 250_000;

export class Gop {
  #entries: GopEntry[] = [];
  #usable = false;

  /** From the newest keyframe of the lead track on; empty when there is none. */
  get entries(): readonly GopEntry[] {
    return this.#entries;
  }

  /** Sequence number of the keyframe. */
  get keySeq(): number | undefined {
    return this.#entries[0]?.seq;
  }

  /** A keyframe of the lead track: all before it is of no more use. */
  begin(entry: GopEntry): void {
    this.#entries = [entry];
    this.#usable = true;
  }

  add(entry: GopEntry): void {
    if (!this.#usable) return;
    if (this.#entries.length >= MOST_ENTRIES) this.clear();
    else this.#entries.push(entry);
  }

  /** Something is missing: nothing can begin here before the next keyframe. */
  clear(): void {
    this.#entries = [];
    this.#usable = false;
  }
}
