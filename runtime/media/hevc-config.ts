/**
 * HEVCDecoderConfigurationRecord, the `hvcC` of MP4 (ISO/IEC 14496-15 clause 8.3.3.1): built from parameter sets, and read back.
 *
 * All parameter sets are in the record and none in the samples, which is what the sample entry `hvc1` (and Apple's players) asks for.
 */
import { BulkheadError } from '../errors.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { hevcCodecString } from './codec-string.ts';
import { H265_NAL, h265NalType, parseH265Sps, parseH265VpsFps } from './h265.ts';
import { splitAnnexB } from './nal.ts';
import type { VideoConfig } from './video-config.ts';

/** Builds the record and what a track says about it. Needs VPS, SPS and PPS among `parameterSets`; throws `corrupt` otherwise. */
export function hevcConfigFromParameterSets(parameterSets: readonly Uint8Array[]): VideoConfig {
  const arrays = [H265_NAL.vps, H265_NAL.sps, H265_NAL.pps].map((type) => ({
    type,
    nals: parameterSets.filter((nal) => h265NalType(nal) === type).slice(0, 64),
  }));
  const [vps, firstSps] = [arrays[0]?.nals[0], arrays[1]?.nals[0]];
  if (!vps || !firstSps || arrays.some(({ nals }) => nals.length === 0)) {
    throw new BulkheadError(
      'corrupt',
      'The H.265 stream has no parameter sets yet; it cannot be described before they come.',
    );
  }
  const sps = parseH265Sps(firstSps);
  const { profile } = sps;
  const w = new ByteWriter();
  w.u8(1); // configurationVersion
  w.u8((profile.profileSpace << 6) | (profile.tier << 5) | profile.profileIdc);
  w.u32(profile.compatibility); // general_profile_compatibility_flags
  w.uint(profile.constraints, 6); // general_constraint_indicator_flags
  w.u8(profile.levelIdc); // general_level_idc
  w.u16(0xf000); // min_spatial_segmentation_idc: not said
  w.u8(0xfc); // parallelismType: not said
  w.u8(0xfc | sps.chromaFormatIdc); // chromaFormat
  w.u8(0xf8 | (sps.bitDepthLuma - 8)); // bitDepthLumaMinus8
  w.u8(0xf8 | (sps.bitDepthChroma - 8)); // bitDepthChromaMinus8
  w.u16(0); // avgFrameRate: not said
  w.u8((sps.temporalLayers << 3) | (sps.temporalIdNested ? 4 : 0) | 3); // constantFrameRate, numTemporalLayers, temporalIdNested, lengthSizeMinusOne
  w.u8(arrays.length); // numOfArrays
  for (const { type, nals } of arrays) {
    w.u8(0x80 | type); // array_completeness, NAL_unit_type
    w.u16(nals.length); // numNalus
    for (const nal of nals) w.u16(nal.length).bytes(nal);
  }
  return {
    config: w.finish(),
    codecString: hevcCodecString(profile),
    width: sps.width,
    height: sps.height,
    fps: fpsOrUnknown(vps),
    sampleAspect: [1, 1],
  };
}

/** The same from extradata in Annex B, as RTSP gives it. */
export function hevcConfigFromAnnexB(extradata: Uint8Array): VideoConfig {
  return hevcConfigFromParameterSets(splitAnnexB(extradata));
}

/** The rate is a courtesy: a video parameter set that is odd only there must not cost the picture. */
function fpsOrUnknown(vps: Uint8Array): number {
  try {
    return parseH265VpsFps(vps);
  } catch (error) {
    if (error instanceof BulkheadError && error.kind === 'corrupt') return 0;
    throw error;
  }
}

export type HevcConfig = { readonly lengthSizeBytes: number; readonly parameterSets: readonly Uint8Array[] };

/** Reads a record. Throws `corrupt`. The parameter sets are views. */
export function parseHevcConfig(record: Uint8Array): HevcConfig {
  const r = new ByteReader(record, 'An HEVC configuration record');
  if (r.u8() !== 1) throw new BulkheadError('corrupt', 'An HEVC configuration record is of an unknown version.');
  r.bytes(20); // profile to avgFrameRate
  const lengthSizeBytes = (r.u8() & 3) + 1;
  const parameterSets: Uint8Array[] = [];
  for (let arrays = r.u8(); arrays > 0; arrays--) {
    r.u8(); // array_completeness, NAL_unit_type
    for (let count = r.u16(); count > 0; count--) parameterSets.push(r.bytes(r.u16()));
  }
  return { lengthSizeBytes, parameterSets };
}
