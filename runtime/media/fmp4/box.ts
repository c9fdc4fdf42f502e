/**
 * Boxes (ISO/IEC 14496-12 clause 4.2) written as literals: a box is a list of fields, each field a short list of bytes, so that the layout
 * stands in the code as it stands in the standard.
 *
 * Belongs here: integers, strings, box and full box. Does not belong here: what a box holds (init-segment.ts).
 */

/** Bytes, nested as is convenient. */
export type Bytes = readonly (number | Uint8Array | Bytes)[];

export function u8(value: number): Bytes {
  return [value & 0xff];
}

export function u16(value: number): Bytes {
  return [(value >>> 8) & 0xff, value & 0xff];
}

export function u24(value: number): Bytes {
  return [(value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

export function u32(value: number): Bytes {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

/** Values up to 2^53. */
export function u64(value: number): Bytes {
  return [u32(Math.floor(value / 2 ** 32)), u32(value % 2 ** 32)];
}

/** 16.16 fixed point. */
export function fixed32(value: number): Bytes {
  return u32(Math.round(value * 2 ** 16));
}

export function ascii(text: string): Bytes {
  return [Buffer.from(text, 'latin1')];
}

export function zeros(count: number): Bytes {
  return [new Uint8Array(count)];
}

export function box(type: string, ...fields: readonly Bytes[]): Uint8Array {
  const body = flatten(fields);
  return flatten([u32(8 + body.length), ascii(type), [body]]);
}

export function fullBox(type: string, version: number, flags: number, ...fields: readonly Bytes[]): Uint8Array {
  return box(type, u8(version), u24(flags), ...fields);
}

export function flatten(bytes: Bytes): Uint8Array {
  const pieces: Uint8Array[] = [];
  collect(bytes, pieces);
  return Buffer.concat(pieces);
}

function collect(bytes: Bytes, into: Uint8Array[]): void {
  if (isPlain(bytes)) {
    into.push(Uint8Array.from(bytes));
    return;
  }
  for (const item of bytes) {
    if (typeof item === 'number') into.push(Uint8Array.of(item));
    else if (item instanceof Uint8Array) into.push(item);
    else collect(item, into);
  }
}

function isPlain(bytes: Bytes): bytes is readonly number[] {
  return bytes.every((item) => typeof item === 'number');
}
