/**
 * H.264 as far as carrying it needs: kinds of NAL units, and what a sequence parameter set says (ITU-T H.264 clause 7.3.2.1.1).
 *
 * Does not belong here: slices and pictures (nothing outside a decoder looks into those), and the configuration record of MP4 (avc-config.ts).
 */
import { BulkheadError } from '../errors.ts';
import { BitReader, withoutEmulation } from './bits.ts';

/** nal_unit_type (table 7-1), those that matter to a carrier. */
export const H264_NAL = { idr: 5, sps: 7, pps: 8, delimiter: 9, filler: 12, spsExtension: 13 } as const;

export function h264NalType(nal: Uint8Array): number {
  return (nal[0] ?? 0) & 0x1f;
}

export type H264Sps = {
  readonly profileIdc: number;
  /** constraint_set0_flag to constraint_set5_flag and two zero bits, as in the byte after profile_idc. */
  readonly constraints: number;
  readonly levelIdc: number;
  readonly chromaFormatIdc: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Luma samples after cropping. */
  readonly width: number;
  readonly height: number;
  /** Sample aspect ratio, horizontal to vertical; 1:1 when not said. */
  readonly sampleAspect: readonly [number, number];
  /** Frames per second by the VUI's timing; 0 = not said. */
  readonly fps: number;
};

/** Profiles whose parameter set says chroma format, bit depth and scaling lists (7.3.2.1.1). */
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** Parses a sequence parameter set with its NAL header. Throws `corrupt`. */
export function parseH264Sps(nal: Uint8Array): H264Sps {
  const r = new BitReader(withoutEmulation(nal), 'An H.264 sequence parameter set');
  if ((r.bits(8) & 0x1f) !== H264_NAL.sps) {
    throw new BulkheadError('corrupt', 'A NAL unit that should be an H.264 sequence parameter set is of another type.');
  }
  const profileIdc = r.bits(8);
  const constraints = r.bits(8);
  const levelIdc = r.bits(8);
  r.ue(31); // seq_parameter_set_id
  let chromaFormatIdc = 1;
  let bitDepthLuma = 8;
  let bitDepthChroma = 8;
  let separatePlanes = false;
  if (HIGH_PROFILES.has(profileIdc)) {
    chromaFormatIdc = r.ue(3);
    if (chromaFormatIdc === 3) separatePlanes = r.flag();
    bitDepthLuma = 8 + r.ue(6);
    bitDepthChroma = 8 + r.ue(6);
    r.skip(1); // qpprime_y_zero_transform_bypass_flag
    if (r.flag()) skipScalingLists(r, chromaFormatIdc === 3 ? 12 : 8);
  }
  r.ue(12); // log2_max_frame_num_minus4
  skipPictureOrderCount(r);
  r.ue(16); // max_num_ref_frames
  r.skip(1); // gaps_in_frame_num_value_allowed_flag
  const widthMbs = r.ue(1023) + 1;
  const heightMapUnits = r.ue(1023) + 1;
  const frameMbsOnly = r.flag();
  if (!frameMbsOnly) r.skip(1); // mb_adaptive_frame_field_flag
  r.skip(1); // direct_8x8_inference_flag

  // Cropping counts in chroma samples, and in field lines when the stream is interlaced (7-19 to 7-22).
  const fieldFactor = frameMbsOnly ? 1 : 2;
  const hasChroma = chromaFormatIdc !== 0 && !separatePlanes;
  const cropUnitX = hasChroma && chromaFormatIdc < 3 ? 2 : 1;
  const cropUnitY = (hasChroma && chromaFormatIdc === 1 ? 2 : 1) * fieldFactor;
  let width = widthMbs * 16;
  let height = heightMapUnits * 16 * fieldFactor;
  if (r.flag()) {
    width -= (r.ue(16384) + r.ue(16384)) * cropUnitX;
    height -= (r.ue(16384) + r.ue(16384)) * cropUnitY;
  }
  if (width < 1 || height < 1 || height > 16_384) {
    throw new BulkheadError('corrupt', `An H.264 sequence parameter set says an impossible size (${width}x${height}).`);
  }
  const vui = r.flag() ? parseVui(r) : NO_VUI;
  return { profileIdc, constraints, levelIdc, chromaFormatIdc, bitDepthLuma, bitDepthChroma, width, height, ...vui };
}

function skipScalingLists(r: BitReader, count: number): void {
  for (let i = 0; i < count; i++) {
    if (!r.flag()) continue;
    const size = i < 6 ? 16 : 64;
    let last = 8;
    let next = 8;
    for (let j = 0; j < size; j++) {
      if (next !== 0) next = (last + r.se() + 256) & 255;
      last = next === 0 ? last : next;
    }
  }
}

function skipPictureOrderCount(r: BitReader): void {
  const type = r.ue(2);
  if (type === 0) r.ue(12); // log2_max_pic_order_cnt_lsb_minus4
  if (type !== 1) return;
  r.skip(1); // delta_pic_order_always_zero_flag
  r.se(); // offset_for_non_ref_pic
  r.se(); // offset_for_top_to_bottom_field
  for (let count = r.ue(255); count > 0; count--) r.se(); // offset_for_ref_frame
}

type Vui = Pick<H264Sps, 'sampleAspect' | 'fps'>;
const NO_VUI: Vui = { sampleAspect: [1, 1], fps: 0 };

/** Table E-1, shared by H.264 and H.265: aspect_ratio_idc 1 to 16. */
// prettier-ignore
const SAMPLE_ASPECTS: readonly (readonly [number, number])[] = [
  [1, 1], [12, 11], [10, 11], [16, 11], [40, 33], [24, 11], [20, 11], [32, 11],
  [80, 33], [18, 11], [15, 11], [64, 33], [160, 99], [4, 3], [3, 2], [2, 1],
];
const EXTENDED_SAR = 255;

/** The beginning of the VUI (E.1.1), up to the timing. Many cameras cut it short or fill it with nonsense: then it counts as not said. */
function parseVui(r: BitReader): Vui {
  let sampleAspect = NO_VUI.sampleAspect;
  try {
    if (r.flag()) sampleAspect = readSampleAspect(r);
    if (r.flag()) r.skip(1); // overscan
    if (r.flag()) {
      r.skip(4); // video_format, video_full_range_flag
      if (r.flag()) r.skip(24); // colour description
    }
    if (r.flag()) {
      r.ue(5); // chroma_sample_loc_type_top_field
      r.ue(5); // chroma_sample_loc_type_bottom_field
    }
    if (!r.flag()) return { sampleAspect, fps: 0 };
    const unitsInTick = r.bits(32);
    const timeScale = r.bits(32);
    // A tick is a field, so a frame is two.
    return { sampleAspect, fps: plausibleFps(timeScale / (2 * unitsInTick)) };
  } catch (error) {
    if (error instanceof BulkheadError && error.kind === 'corrupt') return { sampleAspect, fps: 0 };
    throw error;
  }
}

function readSampleAspect(r: BitReader): readonly [number, number] {
  const idc = r.bits(8);
  if (idc !== EXTENDED_SAR) return SAMPLE_ASPECTS[idc - 1] ?? [1, 1];
  const horizontal = r.bits(16);
  const vertical = r.bits(16);
  return horizontal > 0 && vertical > 0 ? [horizontal, vertical] : [1, 1];
}

/** A rate that a camera can have, or 0. */
export function plausibleFps(fps: number): number {
  return fps >= 0.05 && fps <= 1000 ? fps : 0;
}
