/**
 * Sample entries: how a decoder is to be set up for a track (ISO/IEC 14496-12 clause 12, 14496-14 for AAC, 14496-15 for H.264 and H.265).
 */
import { BulkheadError, assertNever } from '../../errors.ts';
import { parseAvcConfig } from '../avc-config.ts';
import { parseH264Sps } from '../h264.ts';
import type { AudioTrack, Track, VideoTrack } from '../track.ts';
import { type Bytes, box, fixed32, flatten, fullBox, u16, u24, u32, u8, zeros } from './box.ts';

/** Horizontal to vertical. */
export type SampleAspect = readonly [number, number];

export function sampleEntry(track: Track, aspect: SampleAspect): Uint8Array {
  switch (track.codec) {
    case 'h264':
      return visualEntry('avc1', track, aspect, box('avcC', [track.config]));
    case 'h265':
      return visualEntry('hvc1', track, aspect, box('hvcC', [track.config]));
    case 'aac':
      return audioEntry(track);
    default:
      return assertNever(track);
  }
}

function visualEntry(type: string, track: VideoTrack, aspect: SampleAspect, config: Uint8Array): Uint8Array {
  return box(
    type,
    zeros(6), // reserved
    u16(1), // data_reference_index
    zeros(2 + 2 + 12), // pre_defined, reserved, pre_defined
    u16(track.width), // width
    u16(track.height), // height
    fixed32(72), // horizresolution
    fixed32(72), // vertresolution
    u32(0), // reserved
    u16(1), // frame_count
    zeros(32), // compressorname
    u16(0x0018), // depth: colour, no alpha
    u16(0xffff), // pre_defined
    [config],
    aspect[0] === aspect[1] ? [] : [box('pasp', u32(aspect[0]), u32(aspect[1]))], // hSpacing, vSpacing
  );
}

function audioEntry(track: AudioTrack): Uint8Array {
  return box(
    'mp4a',
    zeros(6), // reserved
    u16(1), // data_reference_index
    zeros(8), // reserved
    u16(track.channels), // channelcount
    u16(16), // samplesize
    zeros(4), // pre_defined, reserved
    track.sampleRate < 2 ** 16 ? fixed32(track.sampleRate) : u32(0), // samplerate: 0 = as the configuration says
    [esds(track)],
  );
}

/** Descriptors of ISO/IEC 14496-1 clause 7.2.6. */
function esds(track: AudioTrack): Uint8Array {
  const specificInfo = descriptor(0x05, [track.config]); // DecoderSpecificInfo
  const decoderConfig = descriptor(0x04, [
    u8(0x40), // objectTypeIndication: MPEG-4 audio
    u8((0x05 << 2) | 1), // streamType audio, upStream 0, reserved 1
    u24(0), // bufferSizeDB
    u32(0), // maxBitrate: not known
    u32(0), // avgBitrate: not known
    specificInfo,
  ]);
  const slConfig = descriptor(0x06, [u8(2)]); // SLConfigDescriptor: as MP4 defines
  const elementary = descriptor(0x03, [u16(track.id), u8(0), decoderConfig, slConfig]); // ES_ID, flags
  return fullBox('esds', 0, 0, elementary);
}

/** A tag, the length in four bytes of seven bits, and the body. */
function descriptor(tag: number, body: Bytes): Bytes {
  const bytes = flatten(body);
  const length = [21, 14, 7, 0].map((shift) => ((bytes.length >>> shift) & 0x7f) | (shift > 0 ? 0x80 : 0));
  return [u8(tag), length, bytes];
}

/** Pixels of cameras' sub streams are often not square; only the H.264 parameter sets are asked, square is taken where they do not say. */
export function sampleAspectOf(track: Track): SampleAspect {
  if (track.codec !== 'h264') return [1, 1];
  try {
    const [sps] = parseAvcConfig(track.config).parameterSets;
    return sps ? parseH264Sps(sps).sampleAspect : [1, 1];
  } catch (error) {
    if (error instanceof BulkheadError && error.kind === 'corrupt') return [1, 1];
    throw error;
  }
}

/** Width in square pixels. */
export function displayWidth(track: VideoTrack, aspect: SampleAspect): number {
  return Math.min(65_535, Math.round((track.width * aspect[0]) / aspect[1]));
}
