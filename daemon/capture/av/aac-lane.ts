/**
 * AAC that is carried as it is: with its parameters out of band (RTSP, MP4) or behind ADTS headers, which come off (MPEG-TS, HLS).
 */
import type { Packet } from 'node-av/lib';
import { isAdts, parseAudioSpecificConfig, splitAdts } from '../../../runtime/media/aac.ts';
import { BulkheadError } from '../../../runtime/errors.ts';
import type { SourceAudio } from '../media-source.ts';
import { SampleClock, type AudioLane, type LaneFrame } from './audio-lane.ts';
import type { InputStream } from './packet-input.ts';
import { microsecondsOf } from './ticks.ts';

type Carried = { readonly track: SourceAudio; readonly samplesPerFrame: number; readonly clock: SampleClock };

/** Throws `corrupt` when the stream's parameters cannot be read. */
export function openAacLane(stream: InputStream): AudioLane {
  let carried = stream.extradata ? carry(stream.extradata) : undefined;
  return {
    track: () => carried?.track,
    take: async (packet) => {
      const { data } = packet;
      if (!data || data.length === 0) return [];
      const units = isAdts(data) ? splitAdts(data) : [{ config: undefined, payload: data }];
      const frames: LaneFrame[] = [];
      for (const { config, payload } of units) {
        if (config) carried = recognise(carried, config);
        if (!carried) throw new BulkheadError('unsupported', 'its AAC says nothing about itself');
        frames.push(...place(carried, payload, frames.length === 0 ? ptsSamples(stream, packet, carried) : undefined));
      }
      return frames;
    },
    close: () => {},
  };
}

/** The first header decides; another one later would need another track, and is the sign of another stream. */
function recognise(known: Carried | undefined, config: Uint8Array): Carried {
  if (!known) return carry(config);
  if (known.track.transcodedFrom === undefined && Buffer.compare(known.track.config, config) !== 0) {
    // Parameters given out of band may say more than a header can (HE-AAC): only what the header says is compared.
    const before = parseAudioSpecificConfig(known.track.config);
    const now = parseAudioSpecificConfig(config);
    if (before.channels !== now.channels) throw new BulkheadError('corrupt', 'its number of channels has changed');
  }
  return known;
}

function carry(config: Uint8Array): Carried {
  const { sampleRate, samplesPerFrame } = parseAudioSpecificConfig(config);
  return {
    track: { kind: 'audio', timescale: sampleRate, config, transcodedFrom: undefined },
    samplesPerFrame,
    clock: new SampleClock(sampleRate),
  };
}

function ptsSamples(stream: InputStream, packet: Packet, carried: Carried): number | undefined {
  const us = microsecondsOf(stream.timeBase, packet.pts);
  return us === undefined ? undefined : (us * carried.track.timescale) / 1e6;
}

function place(carried: Carried, bytes: Uint8Array, ptsSaid: number | undefined): LaneFrame[] {
  const pts = carried.clock.place(ptsSaid, carried.samplesPerFrame);
  return pts === undefined ? [] : [{ pts, duration: carried.samplesPerFrame, bytes }];
}
