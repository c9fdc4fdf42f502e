/**
 * A video codec's configuration, whichever the codec: one door to avc-config.ts and hevc-config.ts for those who carry both.
 */
import { avcConfigFromParameterSets, parseAvcConfig } from './avc-config.ts';
import { hevcConfigFromParameterSets, parseHevcConfig } from './hevc-config.ts';
import { splitAnnexB } from './nal.ts';

export type VideoCodec = 'h264' | 'h265';

/** What a `VideoTrack` says of its codec. */
export type VideoConfig = {
  /** AVC- or HEVCDecoderConfigurationRecord. */
  readonly config: Uint8Array;
  readonly codecString: string;
  /** Luma samples after cropping. */
  readonly width: number;
  readonly height: number;
  /** Frames per second as the parameter sets say; 0 = they do not. */
  readonly fps: number;
  /** Sample aspect ratio, horizontal to vertical. */
  readonly sampleAspect: readonly [number, number];
};

export function videoConfigFromParameterSets(codec: VideoCodec, parameterSets: readonly Uint8Array[]): VideoConfig {
  return codec === 'h264' ? avcConfigFromParameterSets(parameterSets) : hevcConfigFromParameterSets(parameterSets);
}

/**
 * What a demuxer's extradata holds: Annex B (from RTSP) or a configuration record (from MP4), told apart by the first byte. `lengthSizeBytes`
 * is that of the samples which come with a record. Throws `corrupt`.
 */
export function readExtradata(
  codec: VideoCodec,
  extradata: Uint8Array,
): { form: 'annexb' | 'lengthPrefixed'; lengthSizeBytes: number; parameterSets: readonly Uint8Array[] } {
  if (extradata[0] !== 1) return { form: 'annexb', lengthSizeBytes: 4, parameterSets: splitAnnexB(extradata) };
  return { form: 'lengthPrefixed', ...(codec === 'h264' ? parseAvcConfig(extradata) : parseHevcConfig(extradata)) };
}
