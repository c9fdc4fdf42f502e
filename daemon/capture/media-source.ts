/**
 * The contract between capture and whatever brings packets in: FFmpeg as a library here, an FFmpeg child where there is no library.
 *
 * A source is one connection: opened once, read until it ends or breaks, closed. It gives exact timestamps and keyframe flags as the camera
 * meant them, H.264 or H.265 pictures in any framing, and sound that is AAC already. Connecting again, the ring, and the ring's timeline are
 * the business of others (connection-loop.ts, packet-writer.ts).
 */
import type { VideoCodec } from '../../runtime/media/video-config.ts';

export type SourceVideo = {
  readonly kind: 'video';
  readonly codec: VideoCodec;
  /** Ticks per second of pts, dts and duration. */
  readonly timescale: number;
  /** Parameter sets out of band: Annex B, or a configuration record, which then says how packets are framed. Often absent until a keyframe. */
  readonly extradata: Uint8Array | undefined;
  /** As the source announces it; 0 = it does not. */
  readonly fps: number;
};

export type SourceAudio = {
  readonly kind: 'audio';
  readonly timescale: number;
  /** AudioSpecificConfig. */
  readonly config: Uint8Array;
  /** FFmpeg's name of what the camera sent, when it was not AAC. */
  readonly transcodedFrom: string | undefined;
};

export type SourceDescription = {
  /** A packet names its track by its place in this list. Exactly one is video, and it comes first. */
  readonly tracks: readonly [SourceVideo, ...SourceAudio[]];
  /** Sentences: what the source offers and this one does not give, and why. */
  readonly leftOut: readonly string[];
};

/** One access unit, or the frames of sound that came together. */
export type SourcePacket = {
  readonly track: number;
  readonly key: boolean;
  /** Ticks of the track; undefined = the source did not say. Packets of a track come in decoding order. */
  readonly pts: number | undefined;
  readonly dts: number | undefined;
  /** Ticks; 0 = not known. */
  readonly duration: number;
  readonly bytes: Uint8Array;
  /** New parameters, out of band, from this packet on. */
  readonly extradata: Uint8Array | undefined;
  /** When it came in, CLOCK_MONOTONIC. */
  readonly captureUs: number;
};

/** `end`: the source has ended of its own accord (the camera closed the connection). */
export type SourceRead =
  { readonly type: 'packets'; readonly packets: readonly SourcePacket[] } | { readonly type: 'end' };

export type MediaSource = {
  /** Connects. Rejects with a `BulkheadError` whose message is a sentence for people, within the limits the source was made with. */
  readonly open: () => Promise<SourceDescription>;
  /** The next packets (perhaps none). One call at a time. Rejects when the connection broke or stalled. */
  readonly read: () => Promise<SourceRead>;
  /** Says goodbye and frees everything, within 2 s, at any time; a pending `open` or `read` ends. Calling it again does nothing. */
  readonly close: () => Promise<void>;
};
