/**
 * What a stream consists of: its tracks and their codec parameters, as they stand in a ring's stream table and as the fMP4 writer needs them.
 *
 * The normal form of a payload in a packet ring, whatever the camera sent:
 * - H.264 / H.265: one access unit, each NAL unit behind its length in 4 bytes big endian (ISO/IEC 14496-15), without access unit
 *   delimiters and without parameter sets, which are in `config`;
 * - AAC: one raw access unit without ADTS header.
 * Timestamps of a packet count in its track's `timescale`.
 */
import * as v from 'valibot';
import { BulkheadError } from '../errors.ts';
import { finite, text, whole } from '../message/fields.ts';
import { parse } from '../message/parse.ts';

/** Base64 in the one form that we write it in (RFC 4648 section 4, padding bits zero), to bytes. */
const bytesOfBase64 = v.pipe(
  v.string(),
  v.check((given) => Buffer.from(given, 'base64').toString('base64') === given, 'must be base64'),
  v.transform((given) => new Uint8Array(Buffer.from(given, 'base64'))),
);
const base64OfBytes = v.pipe(
  v.instance(Uint8Array),
  v.transform((bytes) => Buffer.from(bytes).toString('base64')),
);

const videoFields = {
  kind: v.literal('video'),
  /** Track number in the ring's records and in the fMP4, 1 to 255. */
  id: whole(1, 255),
  codec: v.picklist(['h264', 'h265']),
  /** RFC 6381, e.g. `avc1.4d401f` or `hvc1.1.6.L93.B0`. */
  codecString: text(64),
  /** Luma samples as displayed (after cropping). */
  width: whole(1, 16384),
  height: whole(1, 16384),
  /** Nominal frames per second; 0 = unknown. */
  fps: v.pipe(finite, v.minValue(0), v.maxValue(1000)),
  /** Ticks per second of pts, dts and duration. */
  timescale: whole(1, 1_000_000_000),
};

const audioFields = {
  kind: v.literal('audio'),
  id: whole(1, 255),
  codec: v.literal('aac'),
  codecString: text(64),
  /** Hz. */
  sampleRate: whole(1, 768_000),
  channels: whole(1, 64),
  timescale: whole(1, 1_000_000_000),
  /** What the camera sent, when capture transcoded it, e.g. `pcm_alaw`. */
  transcodedFrom: v.optional(text(64)),
};

/**
 * One table in two forms: bytes for us, base64 in the ring. `config` = an AVCDecoderConfigurationRecord or HEVCDecoderConfigurationRecord (ISO/IEC 14496-15
 * 5.3.3.1, 8.3.3.1) of a video track, the AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1) of an audio track.
 */
const tableSchema = <C extends v.GenericSchema>(config: C) =>
  v.strictObject({
    tracks: v.pipe(
      v.array(
        v.variant('kind', [v.strictObject({ ...videoFields, config }), v.strictObject({ ...audioFields, config })]),
      ),
      v.maxLength(8),
    ),
    /** Sentences for people: what the camera offers and we do not carry, and why. */
    leftOut: v.pipe(v.array(text(200)), v.maxLength(16)),
  });
const tableInRing = tableSchema(bytesOfBase64);
const tableForRing = tableSchema(base64OfBytes);

export type StreamTable = v.InferOutput<typeof tableInRing>;
export type Track = StreamTable['tracks'][number];
export type VideoTrack = Extract<Track, { kind: 'video' }>;
export type AudioTrack = Extract<Track, { kind: 'audio' }>;

/** Serialises a stream table for the ring (UTF-8 JSON, binary parameters in base64). Throws `invalid` for one that no reader would take. */
export function encodeStreamTable(table: StreamTable): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(parse(tableForRing, table)));
}

/** Reads a stream table from a ring. Throws `corrupt` on anything that `encodeStreamTable` does not write. */
export function decodeStreamTable(bytes: Uint8Array): StreamTable {
  try {
    return parse(tableInRing, JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
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
