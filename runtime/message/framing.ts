/**
 * How a message becomes bytes on the control channel: 4 bytes of length, big endian, then that many bytes of UTF-8 JSON.
 *
 * Belongs here: bytes in, values out, and the one place where a `Secret` is revealed on its way out. Does not belong here: what a message
 * means (schema.ts) and sockets (connection.ts). A stream that breaks the framing is given up, never resynchronised: bytes are not
 * skipped, because nothing after the first wrong byte can be trusted.
 */
import { BulkheadError } from '../errors.ts';
import { Secret } from '../secret.ts';

const LENGTH_BYTES = 4;

/** The most JSON bytes a frame may hold. Both ends hold to it: a longer length is a broken peer, not a reason to allocate. */
export const MAX_FRAME_BYTES = 1 << 20;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** One message as a frame, secrets in clear. Throws `exhausted` when it is over `MAX_FRAME_BYTES`. */
export function encodeFrame(message: unknown): Buffer {
  // A replacer sees values after toJSON(), which masks a Secret; the holder still has the object itself.
  const json = JSON.stringify(message, function reveal(this: Record<string, unknown>, key: string, value: unknown) {
    const held = this[key];
    return held instanceof Secret ? held.reveal() : value;
  });
  const sizeBytes = Buffer.byteLength(json);
  if (sizeBytes > MAX_FRAME_BYTES) {
    throw new BulkheadError(
      'exhausted',
      `A control message of ${sizeBytes} bytes is over the limit of ${MAX_FRAME_BYTES}; send less in it.`,
    );
  }
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + sizeBytes);
  frame.writeUInt32BE(sizeBytes, 0);
  frame.write(json, LENGTH_BYTES);
  return frame;
}

/** Cuts a byte stream into messages, wherever the stream happens to be split. */
export class FrameDecoder {
  /** What has arrived and is not decoded yet; joined only when a whole length or frame is there, so that each byte is copied at most twice. */
  #chunks: Uint8Array[] = [];
  #heldBytes = 0;
  /** How many bytes must be held before decoding can go on. */
  #neededBytes = LENGTH_BYTES;
  #broken = false;

  /** The messages that `chunk` completes, oldest first; the chunk is kept until it is decoded, so it must not change. Throws `corrupt` on a broken frame, and from then on for every call. */
  push(chunk: Uint8Array): unknown[] {
    if (this.#broken) throw corrupt('the channel was broken before');
    this.#chunks.push(chunk);
    this.#heldBytes += chunk.length;
    const messages: unknown[] = [];
    try {
      while (this.#heldBytes >= this.#neededBytes) {
        const held = this.#joined();
        const sizeBytes = held.readUInt32BE(0);
        if (sizeBytes > MAX_FRAME_BYTES) throw corrupt(`a frame announces ${sizeBytes} bytes`);
        const endBytes = LENGTH_BYTES + sizeBytes;
        if (held.length < endBytes) {
          this.#neededBytes = endBytes;
          break;
        }
        messages.push(parseJson(held.subarray(LENGTH_BYTES, endBytes)));
        this.#chunks = held.length === endBytes ? [] : [held.subarray(endBytes)];
        this.#heldBytes -= endBytes;
        this.#neededBytes = LENGTH_BYTES;
      }
    } catch (error) {
      this.#broken = true;
      this.#chunks = [];
      throw error;
    }
    return messages;
  }

  #joined(): Buffer {
    const joined =
      this.#chunks.length === 1 ? asBuffer(this.#chunks[0]!) : Buffer.concat(this.#chunks, this.#heldBytes);
    this.#chunks = [joined];
    return joined;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw corrupt('a frame is not UTF-8 JSON', cause);
  }
}

function corrupt(what: string, cause?: unknown): BulkheadError {
  return new BulkheadError('corrupt', `The control channel is broken: ${what}. It is closed and dialled again.`, {
    cause,
  });
}
