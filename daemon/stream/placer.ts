/**
 * Turns the ring's records into samples of the fMP4 that viewers get: one chain for the lead track, one for the sound beside it.
 */
import { assertNever } from '../../runtime/errors.ts';
import type { Sample } from '../../runtime/media/fmp4/fragment.ts';
import { type ChainPlace, SampleChain } from '../../runtime/media/fmp4/sample-chain.ts';
import type { AudioTrack, Track } from '../../runtime/media/track.ts';
import type { RingRecord } from '../../runtime/ring/reader.ts';
import type { Format } from './format.ts';

/** Samples of an AAC access unit, for records that do not say their duration. */
const AAC_FRAME = 1024;

export class Placer {
  readonly format: Format;
  readonly #lead: SampleChain;
  readonly #sound = new SampleChain();

  /** `leadEnd`: where the lead track goes on, when it does not begin here. */
  constructor(format: Format, leadEnd?: number) {
    this.format = format;
    this.#lead = new SampleChain(leadEnd);
  }

  /** Where the lead track's next sample begins; `undefined` before its first. */
  get leadEnd(): number | undefined {
    return this.#lead.end;
  }

  /** The sample, or `undefined` for a track that is not offered. Records come in the ring's order. */
  place(record: RingRecord): Sample | undefined {
    const { lead, sound, nominal } = this.format;
    if (record.track === lead.id) {
      return { track: lead.id, sync: isKey(record, this.format), ...placeOn(this.#lead, lead, record, nominal) };
    }
    if (sound && record.track === sound.id) {
      return { track: sound.id, sync: true, ...placeOn(this.#sound, sound, record, nominal) };
    }
    return undefined;
  }
}

/** Whether a viewer can begin at this record. */
export function isKey(record: RingRecord, format: Format): boolean {
  return record.track === format.lead.id && (record.key || format.lead.kind === 'audio');
}

/** How long a record lasts, in ticks of its track. */
export function soundLength(record: RingRecord, track: AudioTrack): number {
  return record.duration || Math.round((AAC_FRAME * track.timescale) / track.sampleRate);
}

function placeOn(chain: SampleChain, track: Track, record: RingRecord, nominal: number): ChainPlace {
  switch (track.kind) {
    case 'video':
      return chain.placePicture(record, record.duration || nominal);
    case 'audio':
      return chain.placeSound(record, soundLength(record, track));
    default:
      return assertNever(track);
  }
}
