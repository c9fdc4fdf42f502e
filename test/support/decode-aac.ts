/**
 * Lets ffmpeg, which shares no code with us, play AAC access units: to hear where in time a sound really is.
 */
import { spawnSync } from 'node:child_process';

const RATES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000];

/** The samples of AAC-LC access units, mixed to mono, in 16 bits, none skipped: sample 0 belongs to the timestamp of the first one. */
export function decodeAac(units: readonly Uint8Array[], sampleRate: number, channels = 1): Int16Array {
  const rateIndex = RATES.indexOf(sampleRate);
  const adts = Buffer.concat(units.flatMap((unit) => [adtsHeader(unit.length, rateIndex, channels), unit]));
  const { stdout } = spawnSync('ffmpeg', ['-v', 'error', '-f', 'aac', '-i', '-', '-ac', '1', '-f', 's16le', '-'], {
    input: adts,
    maxBuffer: 64 << 20,
  });
  return new Int16Array(stdout.buffer, stdout.byteOffset, stdout.length >> 1);
}

/** ISO/IEC 14496-3 1.A.2.2: AAC-LC, one or two channels, no CRC. */
function adtsHeader(unitBytes: number, rateIndex: number, channels: number): Buffer {
  const length = unitBytes + 7;
  return Buffer.from([
    0xff,
    0xf1,
    0x40 | (rateIndex << 2),
    (channels << 6) | (length >> 11),
    (length >> 3) & 0xff,
    ((length & 7) << 5) | 0x1f,
    0xfc,
  ]);
}
