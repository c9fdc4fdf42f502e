/**
 * Asks ffprobe: a judge of our media that shares no code with us.
 */
import { spawnSync } from 'node:child_process';

export type ProbedStream = {
  codec_name: string;
  codec_tag_string: string;
  codec_type: string;
  profile: string;
  width?: number;
  height?: number;
  sample_aspect_ratio?: string;
  sample_rate?: string;
  channels?: number;
  avg_frame_rate: string;
  r_frame_rate: string;
  nb_read_frames: string;
  nb_read_packets: string;
};
export type ProbedPacket = {
  stream_index: number;
  pts_time: string;
  dts_time: string;
  duration_time: string;
  flags: string;
};
export type Probe = {
  streams: ProbedStream[];
  packets: ProbedPacket[];
  format: { start_time: string };
  complaints: string;
};

/** Reads `media` (bytes, or a URL or path) to its end, decoding every frame. `complaints` is what FFmpeg printed. */
export function ffprobe(media: Uint8Array | string, extra: readonly string[] = []): Probe {
  const input = typeof media === 'string' ? media : 'pipe:0';
  const result = spawnSync(
    'ffprobe',
    [
      '-v',
      'warning',
      '-of',
      'json',
      '-count_frames',
      '-count_packets',
      '-show_streams',
      '-show_packets',
      '-show_format',
      ...extra,
      input,
    ],
    { ...(typeof media === 'string' ? {} : { input: media }), maxBuffer: 1 << 28 },
  );
  if (result.error) throw result.error;
  return {
    ...(JSON.parse(result.stdout.toString()) as Omit<Probe, 'complaints'>),
    complaints: result.stderr.toString(),
  };
}
