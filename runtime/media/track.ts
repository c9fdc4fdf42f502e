/**
 * What a stream consists of: its tracks and their codec parameters, as they stand in a ring's stream table and as the fMP4 writer needs them.
 *
 * The normal form of a payload in a packet ring, whatever the camera sent:
 * - H.264 / H.265: one access unit, each NAL unit behind its length in 4 bytes big endian (ISO/IEC 14496-15), without access unit
 *   delimiters and without parameter sets, which are in `config`;
 * - AAC: one raw access unit without ADTS header.
 * Timestamps of a packet count in its track's `timescale`.
 */
import { z } from 'zod';
import { BulkheadError } from '../errors.ts';

const bytesAsBase64 = z.codec(z.base64(), z.instanceof(Uint8Array), {
  decode: (text) => new Uint8Array(Buffer.from(text, 'base64')),
  encode: (bytes) => Buffer.from(bytes).toString('base64'),
});

const videoTrackSchema = z.strictObject({
  kind: z.literal('video'),
  /** Track number in the ring's records and in the fMP4, 1 to 255. */
  id: z.int().min(1).max(255),
  codec: z.enum(['h264', 'h265']),
  /** RFC 6381, e.g. `avc1.4d401f` or `hvc1.1.6.L93.B0`. */
  codecString: z.string().max(64),
  /** Luma samples as displayed (after cropping). */
  width: z.int().min(1).max(16384),
  height: z.int().min(1).max(16384),
  /** Nominal frames per second; 0 = unknown. */
  fps: z.number().min(0).max(1000),
  /** Ticks per second of pts, dts and duration. */
  timescale: z.int().min(1).max(1_000_000_000),
  /** AVCDecoderConfigurationRecord or HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1, 8.3.3.1). */
  config: bytesAsBase64,
});

const audioTrackSchema = z.strictObject({
  kind: z.literal('audio'),
  id: z.int().min(1).max(255),
  codec: z.literal('aac'),
  codecString: z.string().max(64),
  /** Hz. */
  sampleRate: z.int().min(1).max(768_000),
  channels: z.int().min(1).max(64),
  timescale: z.int().min(1).max(1_000_000_000),
  /** AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1). */
  config: bytesAsBase64,
  /** What the camera sent, when capture transcoded it, e.g. `pcm_alaw`. */
  transcodedFrom: z.string().max(64).optional(),
});

const streamTableSchema = z.strictObject({
  tracks: z.array(z.discriminatedUnion('kind', [videoTrackSchema, audioTrackSchema])).max(8),
  /** Sentences for people: what the camera offers and we do not carry, and why. */
  leftOut: z.array(z.string().max(200)).max(16),
});

export type VideoTrack = z.output<typeof videoTrackSchema>;
export type AudioTrack = z.output<typeof audioTrackSchema>;
export type Track = VideoTrack | AudioTrack;
export type StreamTable = z.output<typeof streamTableSchema>;

/** Serialises a stream table for the ring (UTF-8 JSON, binary parameters in base64). */
export function encodeStreamTable(table: StreamTable): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(z.encode(streamTableSchema, table)));
}

/** Reads a stream table from a ring. Throws `corrupt` on anything that `encodeStreamTable` does not write. */
export function decodeStreamTable(bytes: Uint8Array): StreamTable {
  try {
    return z.decode(streamTableSchema, JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw new BulkheadError(
      'corrupt',
      'The stream table of the ring is not readable; its writer is of another version.',
      {
        cause,
      },
    );
  }
}

/** The picture and sound of a source in a form for people, handles and the API: no bytes, no secrets. */
export type MediaDescription = {
  readonly codec: VideoTrack['codec'] | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly fps: number | null;
  readonly audio: { readonly codec: 'aac'; readonly sampleRate: number; readonly channels: number } | null;
  readonly leftOut: readonly string[];
};

/** Describes a stream table for people. */
export function describeTable(table: StreamTable): MediaDescription {
  const video = table.tracks.find((track) => track.kind === 'video');
  const audio = table.tracks.find((track) => track.kind === 'audio');
  return {
    codec: video?.codec ?? null,
    width: video?.width ?? null,
    height: video?.height ?? null,
    fps: video?.fps ?? null,
    audio: audio ? { codec: audio.codec, sampleRate: audio.sampleRate, channels: audio.channels } : null,
    leftOut: table.leftOut,
  };
}
