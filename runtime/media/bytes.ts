/**
 * Reading and writing of big endian bytes, as the containers and codecs of media use them.
 *
 * Belongs here: a reader that cannot run past its end, and a writer that grows. Does not belong here: single bits (bits.ts) and what the
 * bytes mean. The bytes come from a camera or a file, so running short is `corrupt`, never a RangeError.
 */
import { BulkheadError } from '../errors.ts';

/** A cursor over bytes. Every read moves it on; a read past the end throws `corrupt` and names `what` was being read. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #offset = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.uint(1);
  }

  u16(): number {
    return this.uint(2);
  }

  u32(): number {
    return this.uint(4);
  }

  /** An unsigned integer of `sizeBytes` (1 to 6) bytes, big endian. */
  uint(sizeBytes: number): number {
    const start = this.#take(sizeBytes);
    let value = 0;
    for (let i = start; i < start + sizeBytes; i++) value = value * 256 + (this.#bytes[i] ?? 0);
    return value;
  }

  /** A view of the next `sizeBytes` bytes: no copy. */
  bytes(sizeBytes: number): Uint8Array {
    const start = this.#take(sizeBytes);
    return this.#bytes.subarray(start, start + sizeBytes);
  }

  #take(sizeBytes: number): number {
    if (sizeBytes > this.remaining) {
      throw new BulkheadError(
        'corrupt',
        `${this.#what} ends after ${this.#bytes.length} bytes, in the middle of a field.`,
        {
          context: { offset: this.#offset },
        },
      );
    }
    const start = this.#offset;
    this.#offset += sizeBytes;
    return start;
  }
}

/** Bytes that grow as they are written, big endian. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  u8(value: number): this {
    return this.uint(value, 1);
  }

  u16(value: number): this {
    return this.uint(value, 2);
  }

  u32(value: number): this {
    return this.uint(value, 4);
  }

  /** An unsigned integer of `sizeBytes` (1 to 6) bytes; what does not fit is cut off at the top. */
  uint(value: number, sizeBytes: number): this {
    const start = this.#reserve(sizeBytes);
    let rest = value;
    for (let i = start + sizeBytes - 1; i >= start; i--) {
      this.#bytes[i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    return this;
  }

  bytes(bytes: Uint8Array): this {
    // First the room: it may be another array then.
    const start = this.#reserve(bytes.length);
    this.#bytes.set(bytes, start);
    return this;
  }

  /** A copy of what has been written so far. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(sizeBytes: number): number {
    const start = this.#length;
    this.#length += sizeBytes;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    return start;
  }
}
