/**
 * A fragment of one sample: moof and mdat (ISO/IEC 14496-12 clause 8.8). It is written once for each packet, into one buffer, and then sent
 * to every viewer, so it is laid out by hand: every box has a fixed size and the payload is copied exactly once.
 *
 *   moof  mfhd  traf  tfhd  tfdt  trun | mdat  payload
 */

const MFHD_BYTES = 8 + 4 + 4;
const TFHD_BYTES = 8 + 4 + 4;
const TFDT_BYTES = 8 + 4 + 8;
const TRUN_BYTES = 8 + 4 + 4 + 4 + 4 * 4;
const TRAF_BYTES = 8 + TFHD_BYTES + TFDT_BYTES + TRUN_BYTES;
const MOOF_BYTES = 8 + MFHD_BYTES + TRAF_BYTES;
/** What a fragment has beside its payload. */
export const FRAGMENT_OVERHEAD_BYTES = MOOF_BYTES + 8;

const DEFAULT_BASE_IS_MOOF = 0x020000;
const TFDT_VERSION_1 = 0x01000000;
const TRUN_HAS_DATA_OFFSET = 0x000001;
const TRUN_HAS_DURATION = 0x000100;
const TRUN_HAS_SIZE = 0x000200;
const TRUN_HAS_FLAGS = 0x000400;
const TRUN_HAS_COMPOSITION_OFFSET = 0x000800;
const TRUN_FLAGS =
  TRUN_HAS_DATA_OFFSET | TRUN_HAS_DURATION | TRUN_HAS_SIZE | TRUN_HAS_FLAGS | TRUN_HAS_COMPOSITION_OFFSET;
/** sample_depends_on = 2: on no other (8.8.3.1). */
const SYNC_SAMPLE = 0x02000000;
/** sample_depends_on = 1, sample_is_non_sync_sample = 1. */
const OTHER_SAMPLE = 0x01010000;

/** One sample and where it stands, in ticks of its track. `compositionOffset` = pts - decodeTime >= 0. */
export type Sample = {
  readonly track: number;
  readonly decodeTime: number;
  readonly duration: number;
  readonly compositionOffset: number;
  readonly sync: boolean;
};

/**
 * Serialises one sample. `sequence` counts the fragments of a stream; only that it grows matters. `allocate` gives the memory, of just the
 * size that it is asked for.
 */
export function writeFragment(
  sequence: number,
  sample: Sample,
  payload: Uint8Array,
  allocate: (sizeBytes: number) => Buffer = (sizeBytes) => Buffer.allocUnsafe(sizeBytes),
): Buffer {
  const out = allocate(FRAGMENT_OVERHEAD_BYTES + payload.length);
  let at = 0;
  const u32 = (value: number): void => {
    at = out.writeUInt32BE(value >>> 0, at);
  };
  const box = (sizeBytes: number, type: string): void => {
    u32(sizeBytes);
    at += out.write(type, at, 4, 'latin1');
  };

  box(MOOF_BYTES, 'moof');
  box(MFHD_BYTES, 'mfhd');
  u32(0); // version, flags
  u32(sequence); // sequence_number

  box(TRAF_BYTES, 'traf');
  box(TFHD_BYTES, 'tfhd');
  u32(DEFAULT_BASE_IS_MOOF); // version, flags
  u32(sample.track); // track_ID

  box(TFDT_BYTES, 'tfdt');
  u32(TFDT_VERSION_1); // version, flags
  u32(Math.floor(sample.decodeTime / 2 ** 32)); // baseMediaDecodeTime
  u32(sample.decodeTime % 2 ** 32);

  box(TRUN_BYTES, 'trun');
  u32(TRUN_FLAGS); // version, flags
  u32(1); // sample_count
  u32(FRAGMENT_OVERHEAD_BYTES); // data_offset, from the start of moof
  u32(sample.duration); // sample_duration
  u32(payload.length); // sample_size
  u32(sample.sync ? SYNC_SAMPLE : OTHER_SAMPLE); // sample_flags
  u32(sample.compositionOffset); // sample_composition_time_offset

  box(8 + payload.length, 'mdat');
  out.set(payload, at);
  return out;
}
