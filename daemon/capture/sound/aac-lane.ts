/**
 * AAC that is carried as it is: with its parameters out of band (RTSP, MP4) or behind ADTS headers, which come off (MPEG-TS, HLS).
 */
import { isAdts, parseAudioSpecificConfig, splitAdts } from '../../../runtime/media/aac.ts';
import { BulkheadError } from '../../../runtime/errors.ts';
import type { SourceAudio } from '../media-source.ts';
import { SampleClock, requireFewChannels, type AudioLane, type LaneFrame } from './audio-lane.ts';

type Carried = { readonly track: SourceAudio; readonly samplesPerFrame: number; readonly clock: SampleClock };

/**
 * `config`: AudioSpecificConfig, where the source has said it. Throws `corrupt` when it cannot be read, `unsupported` when it has more channels
 * than can be carried.
 */
export function openAacLane(config: Uint8Array | undefined): AudioLane {
  let carried = config ? carry(config) : undefined;
  return {
    track: () => carried?.track,
    take: async ({ bytes, ptsUs }) => {
      if (bytes.length === 0) return [];
      const units = isAdts(bytes) ? splitAdts(bytes) : [{ config: undefined, payload: bytes }];
      const frames: LaneFrame[] = [];
      for (const unit of units) {
        if (unit.config) carried = recognise(carried, unit.config);
        if (!carried) throw new BulkheadError('unsupported', 'its AAC says nothing about itself');
        const said = frames.length === 0 && ptsUs !== undefined ? (ptsUs * carried.track.timescale) / 1e6 : undefined;
        const pts = carried.clock.place(said, carried.samplesPerFrame);
        if (pts !== undefined) frames.push({ pts, duration: carried.samplesPerFrame, bytes: unit.payload });
      }
      return frames;
    },
    close: () => {},
  };
}

/** The first header decides; another number of channels later would need another track, and is the sign of another stream. */
function recognise(known: Carried | undefined, config: Uint8Array): Carried {
  if (!known) return carry(config);
  if (Buffer.compare(known.track.config, config) === 0) return known;
  // Parameters given out of band may say more than a header can (HE-AAC): only what a header says is compared.
  if (parseAudioSpecificConfig(known.track.config).channels !== parseAudioSpecificConfig(config).channels) {
    throw new BulkheadError('corrupt', 'its number of channels has changed');
  }
  return known;
}

function carry(config: Uint8Array): Carried {
  const { sampleRate, samplesPerFrame, channels } = parseAudioSpecificConfig(config);
  requireFewChannels(channels);
  return {
    track: { kind: 'audio', timescale: sampleRate, config, transcodedFrom: undefined },
    samplesPerFrame,
    clock: new SampleClock(sampleRate),
  };
}
