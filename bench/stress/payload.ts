/**
 * Records that say what they are in every byte: length, content and fields follow from the sequence number and the epoch, so that bytes of
 * any other record in them are noticed without looking at a checksum.
 */
import type { PacketMeta } from '../../runtime/ring/slot.ts';

/** A keyframe's; other records have up to a twentieth of it. */
export const MAX_BYTES = 200 * 1024;
export const KEY_EVERY = 8;

/** A well-mixed 32-bit number. */
function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export function lengthOf(seq: number): number {
  return 1 + (mix(seq) % (seq % KEY_EVERY === 0 ? MAX_BYTES : MAX_BYTES / 20));
}

const NOISE_BYTES = 1 << 20;
const noise = makeNoise();

/** The same in every process; no stretch of it looks like another. */
function makeNoise(): Buffer {
  const words = new Uint32Array(NOISE_BYTES / 4);
  let state = 1;
  for (let index = 0; index < words.length; index++) {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return Buffer.from(words.buffer);
}

/** What a record holds: a stretch of the noise that depends on number and epoch. Nothing is made, so a writer spends its time in the ring. */
export function contentOf(seq: number, epoch: number): Buffer {
  const from = mix(seq * 31 + epoch) % (NOISE_BYTES - MAX_BYTES);
  return noise.subarray(from, from + lengthOf(seq));
}

export function metaOf(seq: number): PacketMeta {
  return {
    track: seq & 0xff,
    key: seq % KEY_EVERY === 0,
    discontinuity: false,
    pts: seq * 3600,
    dts: seq * 3600 - 7200,
    duration: 3600,
    captureUs: seq * 40_000,
  };
}

/** What is wrong with a record, or `undefined`. */
export function findFault(
  record: PacketMeta & { readonly seq: number; readonly epoch: number; readonly payload: Buffer },
): string | undefined {
  const { seq, epoch, payload } = record;
  if (payload.length !== lengthOf(seq)) return `record ${seq}: ${payload.length} bytes, not ${lengthOf(seq)}`;
  if (!payload.equals(contentOf(seq, epoch))) return `record ${seq}: torn payload`;
  const meta = metaOf(seq);
  const fields = ['track', 'key', 'pts', 'dts', 'duration', 'captureUs'] as const;
  const wrong = fields.find((field) => record[field] !== meta[field]);
  return wrong === undefined ? undefined : `record ${seq}: ${wrong} is ${record[wrong]}`;
}

/** A stream table that is whole or noticeably not. */
export function tableOf(epoch: number): Buffer {
  return Buffer.alloc(1000 + (epoch % 1000), `epoch ${epoch} `);
}
