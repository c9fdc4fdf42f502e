/**
 * Memory for the portions of those who catch up, used again and again: a GOP of ten seconds for each of fifty viewers who come at once would
 * otherwise be a hundred megabytes of garbage.
 *
 * It is lent for one synchronous portion. If the kernel has taken everything by then, as it does from all but slow viewers, the same memory
 * serves the next portion; if not, it belongs to the socket until that has sent it, and the next portion gets new memory.
 */

/** A portion. Bounds what a viewer that takes nothing costs: one portion and one record. */
export const PORTION_BYTES = 96 * 1024;
/** A portion and a usual record; a large keyframe has memory of its own. */
const SCRATCH_BYTES = 128 * 1024;

export class Scratch {
  #memory: Buffer | undefined;
  #used = 0;

  /** Memory of this size, until `settle`. */
  readonly take = (sizeBytes: number): Buffer => {
    if (this.#used + sizeBytes > SCRATCH_BYTES) return Buffer.allocUnsafe(sizeBytes);
    this.#memory ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    const start = this.#used;
    this.#used += sizeBytes;
    return this.#memory.subarray(start, this.#used);
  };

  /** The portion is over. `free`: nobody needs what was taken any more. */
  settle(free: boolean): void {
    if (!free && this.#used > 0) this.#memory = undefined;
    this.#used = 0;
  }
}
