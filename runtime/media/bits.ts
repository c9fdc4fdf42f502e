/**
 * Reading of single bits and Exp-Golomb codes (H.264 clause 9.1, H.265 clause 9.2), and of the raw bytes inside a NAL unit.
 *
 * Belongs here: how bits are taken from bytes. Does not belong here: which fields there are (h264.ts, h265.ts, aac.ts).
 */
import { BulkheadError } from '../errors.ts';

/** A cursor over bits, most significant first. A read past the end throws `corrupt` and names `what` was being read. */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #position = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get remaining(): number {
    return this.#bytes.length * 8 - this.#position;
  }

  /** u(n): an unsigned integer of `count` bits, 0 to 48. */
  bits(count: number): number {
    if (count > this.remaining) this.#fail(`ends after ${this.#bytes.length} bytes, in the middle of a field`);
    let value = 0;
    for (let i = 0; i < count; i++) {
      const byte = this.#bytes[this.#position >> 3] ?? 0;
      value = value * 2 + ((byte >> (7 - (this.#position & 7))) & 1);
      this.#position++;
    }
    return value;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  skip(count: number): void {
    if (count > this.remaining) this.#fail(`ends after ${this.#bytes.length} bytes, in the middle of a field`);
    this.#position += count;
  }

  /** ue(v): an unsigned Exp-Golomb code, at most `limit`. */
  ue(limit = 0xffff_fffe): number {
    let zeros = 0;
    while (this.bits(1) === 0) {
      if (++zeros > 31) this.#fail('has an Exp-Golomb code of more than 31 leading zeros');
    }
    const value = 2 ** zeros - 1 + this.bits(zeros);
    if (value > limit) this.#fail(`has a value of ${value} where at most ${limit} is possible`);
    return value;
  }

  /** se(v): a signed Exp-Golomb code. */
  se(): number {
    const code = this.ue();
    return code % 2 === 0 ? -code / 2 : (code + 1) / 2;
  }

  #fail(how: string): never {
    throw new BulkheadError('corrupt', `${this.#what} ${how}.`, { context: { offset: this.#position >> 3 } });
  }
}

/** The raw byte sequence payload of a NAL unit: without the emulation prevention bytes (each 00 00 03 becomes 00 00). */
export function withoutEmulation(nal: Uint8Array): Uint8Array {
  const raw = new Uint8Array(nal.length);
  let length = 0;
  let zeros = 0;
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    raw[length++] = byte;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return raw.subarray(0, length);
}
