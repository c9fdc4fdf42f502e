/**
 * The two ways in which NAL units are strung together: Annex B (a start code before each; H.264 and H.265 annex B) and length-prefixed
 * (its length before each; ISO/IEC 14496-15). Cameras send the first over RTSP; MP4, the rings and browsers want the second.
 *
 * Belongs here: where one NAL unit ends and the next begins. Does not belong here: what kind of NAL unit it is.
 */
import { BulkheadError } from '../errors.ts';

/** The NAL units of an Annex B byte stream as views, without start codes and trailing zeros. Bytes before the first start code are dropped. */
export function splitAnnexB(bytes: Uint8Array): Uint8Array[] {
  const nals: Uint8Array[] = [];
  let begin = -1;
  // `indexOf` runs at memory speed where a loop over every byte would cost a millisecond a megabyte.
  for (let one = bytes.indexOf(1, 2); one !== -1; one = bytes.indexOf(1, one + 1)) {
    if (bytes[one - 1] !== 0 || bytes[one - 2] !== 0) continue;
    if (begin !== -1) pushTrimmed(nals, bytes, begin, one - 2);
    begin = one + 1;
  }
  if (begin !== -1) pushTrimmed(nals, bytes, begin, bytes.length);
  return nals;
}

/** Zeros before a start code belong to it (zero_byte) or to nobody (trailing_zero_8bits): a NAL unit never ends in one (H.264 7.4.1). */
function pushTrimmed(nals: Uint8Array[], bytes: Uint8Array, begin: number, limit: number): void {
  let end = limit;
  while (end > begin && bytes[end - 1] === 0) end--;
  if (end > begin) nals.push(bytes.subarray(begin, end));
}

/** The NAL units of a length-prefixed sample as views. A length that does not fit is `corrupt`; empty units are dropped. */
export function splitLengthPrefixed(bytes: Uint8Array, lengthSizeBytes = 4): Uint8Array[] {
  const nals: Uint8Array[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    let length = 0;
    for (let i = 0; i < lengthSizeBytes; i++) length = length * 256 + (bytes[offset + i] ?? 0);
    const begin = offset + lengthSizeBytes;
    if (begin + length > bytes.length) {
      throw new BulkheadError(
        'corrupt',
        `A NAL unit says it has ${length} bytes where ${bytes.length - begin} are left.`,
        {
          context: { offset },
        },
      );
    }
    if (length > 0) nals.push(bytes.subarray(begin, begin + length));
    offset = begin + length;
  }
  return nals;
}

/** Each NAL unit behind its length in 4 bytes, as a list of pieces for one gathering write: the NAL units themselves are not copied. */
export function lengthPrefixedPieces(nals: readonly Uint8Array[]): Uint8Array[] {
  const lengths = new Uint8Array(nals.length * 4);
  const view = new DataView(lengths.buffer);
  return nals.flatMap((nal, i) => {
    view.setUint32(i * 4, nal.length);
    return [lengths.subarray(i * 4, i * 4 + 4), nal];
  });
}

/** Each NAL unit behind its length in 4 bytes. */
export function joinLengthPrefixed(nals: readonly Uint8Array[]): Uint8Array {
  return concat(lengthPrefixedPieces(nals));
}

/** Each NAL unit behind a start code of 4 bytes. */
export function joinAnnexB(nals: readonly Uint8Array[]): Uint8Array {
  return concat(nals.flatMap((nal) => [START_CODE, nal]));
}

const START_CODE = Uint8Array.of(0, 0, 0, 1);

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}
