/** A wait that does not keep the process alive, and that can be cut short. */

export function after(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs).unref();
  });
}

/** Waits that all end when the owner closes: a loop that sleeps must not outlive its owner. */
export class Sleeper {
  readonly #wake = new Set<() => void>();
  #closed = false;

  /** Resolves after `delayMs`, or at once when closed. */
  async sleep(delayMs: number): Promise<void> {
    if (this.#closed || delayMs <= 0) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#wake.delete(end);
        resolve();
      };
      const timer = setTimeout(end, delayMs);
      this.#wake.add(end);
    });
  }

  close(): void {
    this.#closed = true;
    for (const end of this.#wake) end();
  }
}
