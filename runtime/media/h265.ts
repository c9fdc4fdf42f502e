/**
 * H.265 as far as carrying it needs: kinds of NAL units, and what video and sequence parameter sets say (ITU-T H.265 clauses 7.3.2.1, 7.3.2.2).
 *
 * Does not belong here: slices and pictures, and the configuration record of MP4 (hevc-config.ts).
 */
import { BulkheadError } from '../errors.ts';
import { BitReader, withoutEmulation } from './bits.ts';
import { plausibleFps } from './h264.ts';

/** nal_unit_type (table 7-1), those that matter to a carrier. Decoding can start at pictures from `firstIrap` to `lastIrap`. */
export const H265_NAL = { firstIrap: 16, lastIrap: 23, vps: 32, sps: 33, pps: 34, delimiter: 35, filler: 38 } as const;

export function h265NalType(nal: Uint8Array): number {
  return ((nal[0] ?? 0) >> 1) & 0x3f;
}

/** general_* of profile_tier_level (7.3.3), in the widths that hvcC has. */
export type ProfileTierLevel = {
  readonly profileSpace: number;
  readonly tier: number;
  readonly profileIdc: number;
  /** 32 flags; flag j is bit 31 - j. */
  readonly compatibility: number;
  /** 48 bits. */
  readonly constraints: number;
  readonly levelIdc: number;
};

export type H265Sps = {
  readonly profile: ProfileTierLevel;
  readonly temporalLayers: number;
  readonly temporalIdNested: boolean;
  readonly chromaFormatIdc: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Luma samples after the conformance window. */
  readonly width: number;
  readonly height: number;
};

/** Parses a sequence parameter set with its NAL header. Throws `corrupt`. */
export function parseH265Sps(nal: Uint8Array): H265Sps {
  const r = openParameterSet(nal, H265_NAL.sps, 'sequence');
  r.skip(4); // sps_video_parameter_set_id
  const subLayersMinus1 = r.bits(3);
  const temporalIdNested = r.flag();
  const profile = readProfileTierLevel(r, subLayersMinus1);
  r.ue(15); // sps_seq_parameter_set_id
  const chromaFormatIdc = r.ue(3);
  const separatePlanes = chromaFormatIdc === 3 && r.flag();
  let width = r.ue(16_384);
  let height = r.ue(16_384);
  if (r.flag()) {
    // The window counts in chroma samples (table 6-1).
    const unitX = !separatePlanes && (chromaFormatIdc === 1 || chromaFormatIdc === 2) ? 2 : 1;
    const unitY = !separatePlanes && chromaFormatIdc === 1 ? 2 : 1;
    width -= (r.ue(16_384) + r.ue(16_384)) * unitX;
    height -= (r.ue(16_384) + r.ue(16_384)) * unitY;
  }
  if (width < 1 || height < 1) {
    throw new BulkheadError('corrupt', `An H.265 sequence parameter set says an impossible size (${width}x${height}).`);
  }
  const bitDepthLuma = 8 + r.ue(8);
  const bitDepthChroma = 8 + r.ue(8);
  const temporalLayers = subLayersMinus1 + 1;
  return { profile, temporalLayers, temporalIdNested, chromaFormatIdc, bitDepthLuma, bitDepthChroma, width, height };
}

/** Frames per second by the timing of a video parameter set with its NAL header; 0 = not said. Throws `corrupt`. */
export function parseH265VpsFps(nal: Uint8Array): number {
  const r = openParameterSet(nal, H265_NAL.vps, 'video');
  r.skip(4 + 2 + 6); // vps_video_parameter_set_id, base layer flags, vps_max_layers_minus1
  const subLayersMinus1 = r.bits(3);
  r.skip(1 + 16); // vps_temporal_id_nesting_flag, reserved
  readProfileTierLevel(r, subLayersMinus1);
  const layersSaid = r.flag() ? subLayersMinus1 + 1 : 1;
  for (let i = 0; i < layersSaid * 3; i++) r.ue(); // buffering, reordering, latency
  const layerIds = r.bits(6) + 1;
  r.skip(r.ue(1023) * layerIds); // layer_id_included_flag
  if (!r.flag()) return 0;
  const unitsInTick = r.bits(32);
  const timeScale = r.bits(32);
  return plausibleFps(timeScale / unitsInTick);
}

function openParameterSet(nal: Uint8Array, type: number, name: string): BitReader {
  if (h265NalType(nal) !== type) {
    throw new BulkheadError('corrupt', `A NAL unit that should be an H.265 ${name} parameter set is of another type.`);
  }
  const r = new BitReader(withoutEmulation(nal), `An H.265 ${name} parameter set`);
  r.skip(16); // NAL header
  return r;
}

function readProfileTierLevel(r: BitReader, subLayersMinus1: number): ProfileTierLevel {
  const profileSpace = r.bits(2);
  const tier = r.bits(1);
  const profileIdc = r.bits(5);
  const compatibility = r.bits(32);
  const constraints = r.bits(48);
  const levelIdc = r.bits(8);
  const present: { profile: boolean; level: boolean }[] = [];
  for (let i = 0; i < subLayersMinus1; i++) present.push({ profile: r.flag(), level: r.flag() });
  if (subLayersMinus1 > 0) r.skip((8 - subLayersMinus1) * 2); // reserved_zero_2bits
  for (const layer of present) {
    if (layer.profile) r.skip(88);
    if (layer.level) r.skip(8);
  }
  return { profileSpace, tier, profileIdc, compatibility, constraints, levelIdc };
}
