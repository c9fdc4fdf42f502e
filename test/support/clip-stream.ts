/**
 * A clip as a stream: its tracks as a stream table describes them, its packets in order, and the same as a live fMP4.
 */
import path from 'node:path';
import { parseAudioSpecificConfig } from '../../runtime/media/aac.ts';
import { writeFragment } from '../../runtime/media/fmp4/fragment.ts';
import { SampleChain } from '../../runtime/media/fmp4/sample-chain.ts';
import type { Track } from '../../runtime/media/track.ts';
import { readExtradata, videoConfigFromParameterSets } from '../../runtime/media/video-config.ts';
import { type ClipPacket, type ClipTrack, readMp4Clip } from './mp4-clip.ts';

export type Packet = ClipPacket & { track: Track; discontinuity: boolean };

/** Where a clip is put on the timeline: the monotonic clock never stands at zero. */
const START_SECONDS = 1000;

/** Tracks of a clip (a name in test/clips, or a path) and its packets in order of decode time. */
export function readClip(name: string): { tracks: Track[]; packets: Packet[] } {
  const clip = readMp4Clip(path.resolve(import.meta.dirname, '../clips', name));
  const tracks = clip.map(describe);
  const packets = clip.flatMap((source, i) => {
    const track = tracks[i];
    return track ? source.packets.map((packet) => shifted(packet, START_SECONDS * track.timescale, track)) : [];
  });
  return { tracks, packets: packets.toSorted((a, b) => a.dts / a.track.timescale - b.dts / b.track.timescale) };
}

function shifted(packet: ClipPacket, ticks: number, track: Track): Packet {
  return { ...packet, pts: packet.pts + ticks, dts: packet.dts + ticks, track, discontinuity: false };
}

function describe(source: ClipTrack, index: number): Track {
  const id = index + 1;
  const { timescale } = source;
  if (source.format === 'mp4a') {
    const { sampleRate, channels, codecString } = parseAudioSpecificConfig(source.config);
    return {
      kind: 'audio',
      id,
      codec: 'aac',
      codecString,
      sampleRate,
      channels,
      timescale,
      config: new Uint8Array(source.config),
    };
  }
  const codec = source.format === 'avc1' ? 'h264' : 'h265';
  const { config, codecString, width, height, fps } = videoConfigFromParameterSets(
    codec,
    readExtradata(codec, source.config).parameterSets,
  );
  return { kind: 'video', id, codec, codecString, width, height, fps, timescale, config: new Uint8Array(config) };
}

/** One fragment a packet, as the stream daemon sends them. */
export function fragments(packets: readonly Packet[]): Buffer[] {
  const chains = new Map<number, SampleChain>();
  return packets.map((packet, i) => {
    const chain = chains.get(packet.track.id) ?? new SampleChain();
    chains.set(packet.track.id, chain);
    const place =
      packet.track.kind === 'video'
        ? chain.placePicture(packet, packet.duration)
        : chain.placeSound(packet, packet.duration);
    return writeFragment(i + 1, { track: packet.track.id, sync: packet.key, ...place }, packet.data);
  });
}
