/**
 * Which of the streams that FFmpeg found are carried: the first picture in H.264 or H.265, the first sound. Everything else is named in a
 * sentence, because somebody will look for it.
 */
import { AV_CODEC_ID_AAC, AV_CODEC_ID_H264, AV_CODEC_ID_HEVC } from 'node-av/constants';
import { Codec } from 'node-av/lib';
import type { VideoCodec } from '../../../runtime/media/video-config.ts';
import type { CameraFailure } from '../camera-error.ts';
import type { SourceVideo } from '../media-source.ts';
import type { InputStream } from './packet-input.ts';
import { timescaleOf } from './ticks.ts';

export type ChosenTracks = {
  readonly type: 'chosen';
  readonly video: { readonly stream: InputStream; readonly track: SourceVideo };
  readonly audio: { readonly stream: InputStream; readonly isAac: boolean } | undefined;
  readonly leftOut: readonly string[];
};

const VIDEO_CODECS: ReadonlyMap<number, VideoCodec> = new Map([
  [AV_CODEC_ID_H264, 'h264'],
  [AV_CODEC_ID_HEVC, 'h265'],
]);
/** FFmpeg's names of codecs, as people know them. */
const SPOKEN: Readonly<Record<string, string>> = {
  mjpeg: 'MJPEG',
  mpeg4: 'MPEG-4 Part 2',
  h264: 'H.264',
  hevc: 'H.265',
  av1: 'AV1',
  vp8: 'VP8',
  vp9: 'VP9',
  aac: 'AAC',
  pcm_alaw: 'G.711 A-law',
  pcm_mulaw: 'G.711 µ-law',
  adpcm_g726: 'G.726',
  opus: 'Opus',
  mp2: 'MP2',
  mp3: 'MP3',
};
const MOST_SENTENCES = 12;

export function spokenCodec(name: string): string {
  return SPOKEN[name] ?? name;
}

/** Chooses. A source without a picture that can be carried is a failure. */
export function chooseTracks(streams: readonly InputStream[]): ChosenTracks | CameraFailure {
  const leftOut: string[] = [];
  let video: ChosenTracks['video'] | undefined;
  let audio: ChosenTracks['audio'];
  for (const stream of streams) {
    const name = spokenCodec(stream.codecName);
    if (stream.kind === 'video') {
      const codec = VIDEO_CODECS.get(stream.codecId);
      if (!codec) leftOut.push(`A picture in ${name} is left out: only H.264 and H.265 can be carried.`);
      else if (video) leftOut.push(`A second picture (${name}) is left out: a channel has one.`);
      else video = { stream, track: describeVideo(stream, codec) };
    } else if (stream.kind === 'audio') {
      const isAac = stream.codecId === AV_CODEC_ID_AAC;
      if (audio) leftOut.push(`A second sound track (${name}) is left out: a channel has one.`);
      else if (isAac || Codec.findDecoder(stream.codecId)) audio = { stream, isAac };
      else leftOut.push(`The sound is left out: nothing here can decode ${name}.`);
    } else {
      leftOut.push('A stream that is neither picture nor sound (such as ONVIF metadata) is left out.');
    }
  }
  if (!video) return failureWithoutVideo(streams);
  return { type: 'chosen', video, audio, leftOut: leftOut.slice(0, MOST_SENTENCES) };
}

function describeVideo(stream: InputStream, codec: VideoCodec): SourceVideo {
  return {
    kind: 'video',
    codec,
    timescale: timescaleOf(stream.timeBase),
    extradata: stream.extradata,
    fps: stream.fps,
  };
}

function failureWithoutVideo(streams: readonly InputStream[]): CameraFailure {
  const other = streams.find((stream) => stream.kind === 'video');
  if (other) return { type: 'unsupported', codec: spokenCodec(other.codecName) };
  const sound = streams.find((stream) => stream.kind === 'audio');
  return { type: 'noVideo', offered: sound ? `sound (${spokenCodec(sound.codecName)})` : '' };
}
