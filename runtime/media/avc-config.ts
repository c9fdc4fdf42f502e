/**
 * AVCDecoderConfigurationRecord, the `avcC` of MP4 (ISO/IEC 14496-15 clause 5.3.3.1): built from parameter sets, and read back.
 *
 *   1 | profile | constraints | level | 111111 lengthSize-1 | 111 count, SPS... | count, PPS... | high profiles: chroma, depths, count, SPSext...
 */
import { BulkheadError } from '../errors.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { avcCodecString } from './codec-string.ts';
import { H264_NAL, h264NalType, parseH264Sps } from './h264.ts';
import { splitAnnexB } from './nal.ts';
import type { VideoConfig } from './video-config.ts';

const PROFILES_WITHOUT_EXTENSION: ReadonlySet<number> = new Set([66, 77, 88]);

/** Builds the record and what a track says about it. Needs at least one SPS and one PPS among `parameterSets`; throws `corrupt` otherwise. */
export function avcConfigFromParameterSets(parameterSets: readonly Uint8Array[]): VideoConfig {
  const ofType = (type: number): Uint8Array[] => parameterSets.filter((nal) => h264NalType(nal) === type);
  const spsList = ofType(H264_NAL.sps).slice(0, 31);
  const ppsList = ofType(H264_NAL.pps).slice(0, 255);
  const spsExtensions = ofType(H264_NAL.spsExtension).slice(0, 255);
  const [first] = spsList;
  if (!first || ppsList.length === 0) {
    throw new BulkheadError(
      'corrupt',
      'The H.264 stream has no parameter sets yet; it cannot be described before they come.',
    );
  }
  const sps = parseH264Sps(first);
  const w = new ByteWriter();
  w.u8(1); // configurationVersion
  w.u8(sps.profileIdc); // AVCProfileIndication
  w.u8(sps.constraints); // profile_compatibility
  w.u8(sps.levelIdc); // AVCLevelIndication
  w.u8(0xfc | 3); // lengthSizeMinusOne
  w.u8(0xe0 | spsList.length); // numOfSequenceParameterSets
  for (const nal of spsList) w.u16(nal.length).bytes(nal);
  w.u8(ppsList.length); // numOfPictureParameterSets
  for (const nal of ppsList) w.u16(nal.length).bytes(nal);
  if (!PROFILES_WITHOUT_EXTENSION.has(sps.profileIdc)) {
    w.u8(0xfc | sps.chromaFormatIdc); // chroma_format
    w.u8(0xf8 | (sps.bitDepthLuma - 8)); // bit_depth_luma_minus8
    w.u8(0xf8 | (sps.bitDepthChroma - 8)); // bit_depth_chroma_minus8
    w.u8(spsExtensions.length); // numOfSequenceParameterSetExt
    for (const nal of spsExtensions) w.u16(nal.length).bytes(nal);
  }
  return {
    config: w.finish(),
    codecString: avcCodecString(sps),
    width: sps.width,
    height: sps.height,
    fps: sps.fps,
    sampleAspect: sps.sampleAspect,
  };
}

/** The same from extradata in Annex B, as RTSP gives it. */
export function avcConfigFromAnnexB(extradata: Uint8Array): VideoConfig {
  return avcConfigFromParameterSets(splitAnnexB(extradata));
}

export type AvcConfig = { readonly lengthSizeBytes: number; readonly parameterSets: readonly Uint8Array[] };

/** Reads a record. Throws `corrupt`. The parameter sets are views. */
export function parseAvcConfig(record: Uint8Array): AvcConfig {
  const r = new ByteReader(record, 'An AVC configuration record');
  if (r.u8() !== 1) throw new BulkheadError('corrupt', 'An AVC configuration record is of an unknown version.');
  const profileIdc = r.u8();
  r.bytes(2); // profile_compatibility, AVCLevelIndication
  const lengthSizeBytes = (r.u8() & 3) + 1;
  const parameterSets: Uint8Array[] = [];
  for (let count = r.u8() & 0x1f; count > 0; count--) parameterSets.push(r.bytes(r.u16()));
  for (let count = r.u8(); count > 0; count--) parameterSets.push(r.bytes(r.u16()));
  // Many writers leave the extension out although the standard asks for it.
  if (!PROFILES_WITHOUT_EXTENSION.has(profileIdc) && r.remaining >= 4) {
    r.bytes(3);
    for (let count = r.u8(); count > 0; count--) parameterSets.push(r.bytes(r.u16()));
  }
  return { lengthSizeBytes, parameterSets };
}
