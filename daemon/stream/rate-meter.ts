/**
 * The rate of a stream, as a sliding mean: for limits that are thought of in seconds and kept in bytes.
 */

const WINDOW_MS = 1000;
/** Weight of the newest window. */
const WEIGHT = 0.3;

export class RateMeter {
  #bytesPerSecond = 0;
  #windowStartMs: number | undefined;
  #windowBytes = 0;

  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  add(bytes: number, nowMs: number): void {
    this.#windowStartMs ??= nowMs;
    this.#windowBytes += bytes;
    const elapsedMs = nowMs - this.#windowStartMs;
    if (elapsedMs < WINDOW_MS) return;
    const rate = (this.#windowBytes * 1000) / elapsedMs;
    this.#bytesPerSecond = this.#bytesPerSecond === 0 ? rate : this.#bytesPerSecond * (1 - WEIGHT) + rate * WEIGHT;
    this.#windowStartMs = nowMs;
    this.#windowBytes = 0;
  }
}
