/**
 * AAC as far as carrying it needs: AudioSpecificConfig (ISO/IEC 14496-3 clause 1.6.2.1) and the ADTS framing (clause 1.A.2.2) that must come off.
 */
import { BulkheadError } from '../errors.ts';
import { BitReader } from './bits.ts';
import { aacCodecString } from './codec-string.ts';

/** Table 1.18; index 15 means "said explicitly". */
const SAMPLE_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
const EXPLICIT_RATE = 15;
const HIGHEST_RATE = 768_000;
/** Table 1.19: channels of a channelConfiguration; 0 means "said in a program config element". */
const CHANNELS_OF: readonly (number | undefined)[] = [
  undefined,
  1,
  2,
  3,
  4,
  5,
  6,
  8,
  undefined,
  undefined,
  undefined,
  7,
  8,
  24,
  8,
];

const OBJECT_TYPE = { lc: 2, sbr: 5, ps: 29, escape: 31 } as const;
/** Object types whose specific config is GASpecificConfig (1.6.2.1, table 1.15). */
const GENERAL_AUDIO: ReadonlySet<number> = new Set([1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23]);

export type AacConfig = {
  /** Audio object type as signalled: 2 = AAC-LC, 5 = HE-AAC, 29 = HE-AAC v2. */
  readonly objectType: number;
  /** Hz of what a decoder puts out. */
  readonly sampleRate: number;
  readonly channels: number;
  /** Samples that one access unit stands for, counted at `sampleRate`. */
  readonly samplesPerFrame: number;
  readonly codecString: string;
};

/** Parses an AudioSpecificConfig. Throws `corrupt`. */
export function parseAudioSpecificConfig(bytes: Uint8Array): AacConfig {
  const r = new BitReader(bytes, 'An AudioSpecificConfig');
  const objectType = readObjectType(r);
  const coreRate = readSampleRate(r);
  const channelConfiguration = r.bits(4);
  let sampleRate = coreRate;
  let coreType = objectType;
  if (objectType === OBJECT_TYPE.sbr || objectType === OBJECT_TYPE.ps) {
    sampleRate = readSampleRate(r);
    coreType = readObjectType(r);
  }
  let shortFrames = false;
  let channels = CHANNELS_OF[channelConfiguration];
  if (GENERAL_AUDIO.has(coreType)) {
    shortFrames = r.flag(); // frameLengthFlag
    if (r.flag()) r.skip(14); // coreCoderDelay
    r.skip(1); // extensionFlag
    if (channelConfiguration === 0) channels = readProgramConfigChannels(r);
  }
  if (channels === undefined || channels === 0) {
    throw new BulkheadError(
      'corrupt',
      `An AudioSpecificConfig has channel configuration ${channelConfiguration}, which says no channels.`,
    );
  }
  return {
    objectType,
    sampleRate,
    // Parametric stereo makes two channels out of one.
    channels: objectType === OBJECT_TYPE.ps && channels === 1 ? 2 : channels,
    samplesPerFrame: Math.round(((shortFrames ? 960 : 1024) * sampleRate) / coreRate),
    codecString: aacCodecString(objectType),
  };
}

/** Builds the AudioSpecificConfig of plain AAC (GASpecificConfig all zero). Throws `invalid` for what two bytes cannot say. */
export function buildAudioSpecificConfig(o: { objectType: number; sampleRate: number; channels: number }): Uint8Array {
  const rateIndex = SAMPLE_RATES.indexOf(o.sampleRate);
  const channelConfiguration = CHANNELS_OF.indexOf(o.channels);
  if (rateIndex === -1 || channelConfiguration === -1 || o.objectType < 1 || o.objectType > 4) {
    throw new BulkheadError(
      'invalid',
      `AAC of object type ${o.objectType}, ${o.sampleRate} Hz and ${o.channels} channels has no short AudioSpecificConfig.`,
    );
  }
  const word = (o.objectType << 11) | (rateIndex << 7) | (channelConfiguration << 3);
  return Uint8Array.of(word >> 8, word & 0xff);
}

function readObjectType(r: BitReader): number {
  const type = r.bits(5);
  return type === OBJECT_TYPE.escape ? 32 + r.bits(6) : type;
}

function readSampleRate(r: BitReader): number {
  const index = r.bits(4);
  const rate = index === EXPLICIT_RATE ? r.bits(24) : SAMPLE_RATES[index];
  if (!rate || rate > HIGHEST_RATE) {
    throw new BulkheadError(
      'corrupt',
      `An AudioSpecificConfig has sampling frequency index ${index}, which says no possible rate.`,
    );
  }
  return rate;
}

/** The channels of a program_config_element (4.4.1.1). */
function readProgramConfigChannels(r: BitReader): number {
  r.skip(4 + 2 + 4); // element_instance_tag, object_type, sampling_frequency_index
  const speakers = r.bits(4) + r.bits(4) + r.bits(4); // front, side, back
  const lfe = r.bits(2);
  r.skip(3 + 4); // num_assoc_data_elements, num_valid_cc_elements
  if (r.flag()) r.skip(4); // mono_mixdown_element_number
  if (r.flag()) r.skip(4); // stereo_mixdown_element_number
  if (r.flag()) r.skip(3); // matrix_mixdown_idx, pseudo_surround_enable
  let channels = lfe;
  for (let i = 0; i < speakers; i++) {
    channels += r.flag() ? 2 : 1; // is_cpe
    r.skip(4); // tag_select
  }
  return channels;
}

export type AdtsFrame = { readonly config: Uint8Array; readonly payload: Uint8Array };

/** Whether the bytes begin with an ADTS header (syncword, layer 0). */
export function isAdts(bytes: Uint8Array): boolean {
  return bytes.length >= 7 && bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xf6) === 0xf0;
}

/** Takes the headers off: the raw access units and the AudioSpecificConfig that each header stands for. Throws `corrupt`. */
export function splitAdts(bytes: Uint8Array): AdtsFrame[] {
  const frames: AdtsFrame[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const rest = bytes.subarray(offset);
    if (!isAdts(rest)) throw new BulkheadError('corrupt', 'AAC in ADTS has lost its framing.', { context: { offset } });
    const r = new BitReader(rest, 'An ADTS header');
    r.skip(15); // syncword, ID, layer
    const headerBytes = r.flag() ? 7 : 9; // protection_absent
    const objectType = r.bits(2) + 1;
    const sampleRate = SAMPLE_RATES[r.bits(4)] ?? 0;
    r.skip(1); // private_bit
    const channels = CHANNELS_OF[r.bits(3)] ?? 0;
    r.skip(4); // original_copy, home, copyright
    const frameBytes = r.bits(13);
    r.skip(11); // adts_buffer_fullness
    const extraBlocks = r.bits(2);
    if (
      extraBlocks > 0 ||
      channels === 0 ||
      sampleRate === 0 ||
      frameBytes <= headerBytes ||
      frameBytes > rest.length
    ) {
      throw new BulkheadError(
        'corrupt',
        'An ADTS header says what cannot be carried (several blocks, no channels, or a wrong length).',
        {
          context: { offset },
        },
      );
    }
    frames.push({
      config: buildAudioSpecificConfig({ objectType, sampleRate, channels }),
      payload: rest.subarray(headerBytes, frameBytes),
    });
    offset += frameBytes;
  }
  return frames;
}
