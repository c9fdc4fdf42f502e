/**
 * A value that must not be seen: a camera's password. It prints, logs and serialises as `[secret]`; only `reveal()` gives it away, and
 * only the control channel's encoder and the code that opens a camera call that.
 */
import { inspect } from 'node:util';

const MASK = '[secret]';

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Keep it out of argv, environment, logs, errors, API answers and flows. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}
