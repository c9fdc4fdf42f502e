/**
 * What viewers are offered: one picture track and at most one sound track out of a stream table, and how a browser is told of them.
 */
import { BulkheadError } from '../../runtime/errors.ts';
import { mp4MimeType } from '../../runtime/media/codec-string.ts';
import { initSegment } from '../../runtime/media/fmp4/init-segment.ts';
import type { AudioTrack, StreamTable, Track, VideoTrack } from '../../runtime/media/track.ts';

export type Format = {
  /** Version of the stream table that this is made from: records of another version do not fit. */
  readonly tableVersion: number;
  readonly tracks: readonly Track[];
  /** The track whose keyframes a viewer can begin at: the picture, or the sound where there is no picture. */
  readonly lead: Track;
  readonly sound: AudioTrack | undefined;
  /** For MediaSource, e.g. `video/mp4; codecs="avc1.4d401f, mp4a.40.2"`. */
  readonly mime: string;
  /** Nominal frames per second of the picture; 0 = unknown, or no picture. */
  readonly fps: number;
  /** Usual ticks from one sample of the lead track to the next. */
  readonly nominal: number;
};

/** A rate to begin with where a stream does not say its own. */
const USUAL_FPS = 25;

/** Throws `unsupported` for a table without a track that can be shown. */
export function formatOf(table: StreamTable, tableVersion: number, withSound: boolean): Format {
  const picture = table.tracks.find((track): track is VideoTrack => track.kind === 'video');
  const sound = table.tracks.find((track): track is AudioTrack => track.kind === 'audio');
  const lead = picture ?? sound;
  if (!lead) {
    throw new BulkheadError(
      'unsupported',
      `The camera sends nothing that can be shown. ${table.leftOut.join(' ')}`.trimEnd(),
    );
  }
  const tracks: Track[] = picture && sound && withSound ? [picture, sound] : [lead];
  const fps = picture?.fps ?? 0;
  return {
    tableVersion,
    tracks,
    lead,
    sound: tracks.find((track) => track.kind === 'audio'),
    mime: mp4MimeType(tracks.map((track) => track.codecString)),
    fps,
    nominal: Math.max(1, Math.round(lead.timescale / (fps || USUAL_FPS))),
  };
}

/** The initialisation segment; `startSeconds` makes presentation begin there (see `initSegment`). */
export function formatInit(format: Format, startSeconds?: number): Uint8Array {
  if (startSeconds === undefined) return initSegment(format.tracks);
  return initSegment(
    format.tracks,
    new Map(format.tracks.map((track) => [track.id, Math.round(startSeconds * track.timescale)])),
  );
}
