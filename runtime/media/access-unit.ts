/**
 * Brings an access unit into the normal form of a packet ring (see track.ts): length-prefixed, without what the container says anyway.
 *
 * Belongs here: which NAL units travel and which do not. Does not belong here: reacting to changed parameter sets (capture does that).
 */
import { H264_NAL, h264NalType } from './h264.ts';
import { H265_NAL, h265NalType } from './h265.ts';
import { lengthPrefixedPieces, splitAnnexB, splitLengthPrefixed } from './nal.ts';
import type { VideoCodec } from './video-config.ts';

export type NormalAccessUnit = {
  /** Pieces for one gathering write: lengths and views of the input. Empty when the unit held no picture. */
  readonly payload: Uint8Array[];
  /** Parameter sets that the unit carried, as views: compare them with those in force. */
  readonly parameterSets: Uint8Array[];
  /** Decoding can start here: an IDR picture (H.264) or any random access picture (H.265). */
  readonly key: boolean;
};

type Role = 'key' | 'other' | 'parameters' | 'dropped';

const ROLE_OF: Readonly<Record<VideoCodec, (nal: Uint8Array) => Role>> = {
  h264: (nal) => {
    const type = h264NalType(nal);
    if (type === H264_NAL.idr) return 'key';
    if (type === H264_NAL.sps || type === H264_NAL.pps || type === H264_NAL.spsExtension) return 'parameters';
    return type === H264_NAL.delimiter || type === H264_NAL.filler ? 'dropped' : 'other';
  },
  h265: (nal) => {
    const type = h265NalType(nal);
    if (type >= H265_NAL.firstIrap && type <= H265_NAL.lastIrap) return 'key';
    if (type === H265_NAL.vps || type === H265_NAL.sps || type === H265_NAL.pps) return 'parameters';
    return type === H265_NAL.delimiter || type === H265_NAL.filler ? 'dropped' : 'other';
  },
};

/** Whether the NAL unit holds (part of) a coded picture (VCL). */
const IS_PICTURE: Readonly<Record<VideoCodec, (nal: Uint8Array) => boolean>> = {
  h264: (nal) => h264NalType(nal) >= 1 && h264NalType(nal) <= H264_NAL.idr,
  h265: (nal) => h265NalType(nal) < H265_NAL.vps,
};

/** Normalises one access unit. Throws `corrupt` when the lengths of a length-prefixed one do not add up. */
export function normaliseAccessUnit(
  codec: VideoCodec,
  bytes: Uint8Array,
  form: 'annexb' | 'lengthPrefixed',
  lengthSizeBytes = 4,
): NormalAccessUnit {
  const nals = form === 'annexb' ? splitAnnexB(bytes) : splitLengthPrefixed(bytes, lengthSizeBytes);
  const kept: Uint8Array[] = [];
  const parameterSets: Uint8Array[] = [];
  let key = false;
  let pictures = 0;
  for (const nal of nals) {
    const role = ROLE_OF[codec](nal);
    if (role === 'parameters') parameterSets.push(nal);
    if (role === 'parameters' || role === 'dropped') continue;
    if (role === 'key') key = true;
    if (IS_PICTURE[codec](nal)) pictures++;
    kept.push(nal);
  }
  // A unit of supplemental information alone is not a sample that a decoder could be given.
  return { payload: pictures > 0 ? lengthPrefixedPieces(kept) : [], parameterSets, key };
}
