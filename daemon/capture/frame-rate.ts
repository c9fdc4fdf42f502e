/**
 * Measures how many pictures a second really come: what cameras announce is often wrong, and often nothing.
 */

/** Long enough for a steady figure. */
const WINDOW_SECONDS = 2;
/** A change below this is not worth telling anybody. */
const CHANGE = 0.1;

export class FrameRate {
  readonly #timescale: number;
  readonly #windowSeconds: number;
  #firstDts: number | undefined;
  #frames = 0;
  #fps = 0;

  constructor(timescale: number, windowSeconds = WINDOW_SECONDS) {
    this.#timescale = timescale;
    this.#windowSeconds = windowSeconds;
  }

  /** Frames per second over the last full window; 0 = not yet known. */
  get fps(): number {
    return this.#fps;
  }

  /** Counts a picture. True = the figure has changed. */
  count(dts: number, discontinuity: boolean): boolean {
    if (discontinuity || this.#firstDts === undefined || dts < this.#firstDts) {
      this.#firstDts = dts;
      this.#frames = 0;
      return false;
    }
    this.#frames++;
    const seconds = (dts - this.#firstDts) / this.#timescale;
    if (seconds < this.#windowSeconds) return false;
    const fps = tidyFps(this.#frames / seconds);
    this.#firstDts = dts;
    this.#frames = 0;
    if (Math.abs(fps - this.#fps) <= this.#fps * CHANGE) return false;
    this.#fps = fps;
    return true;
  }
}

/** Two decimals, and a whole number when it is as good as one: 24.998 is a timestamp's rounding, not a rate. */
export function tidyFps(fps: number): number {
  const whole = Math.round(fps);
  return Math.abs(fps - whole) < 0.02 ? whole : Math.round(fps * 100) / 100;
}
