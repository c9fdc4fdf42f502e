/**
 * Sound that MP4 cannot hold, or that browsers do not play (G.711 above all), turned into AAC: decoder, resampler, encoder.
 *
 *   packet -> decoder -> resampler -> samples waiting -> frames of 1024 -> encoder -> AAC
 *
 * Timestamps count samples: they come from the camera once and then from what was really decoded, so that rounding never tears the sound.
 * A hole in the camera's timestamps is filled with silence. Everything is a fraction of a millisecond of work and runs on the main loop.
 */
import {
  AV_CHANNEL_LAYOUT_MONO,
  AV_CHANNEL_LAYOUT_STEREO,
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_CODEC_ID_AAC,
  AV_SAMPLE_FMT_FLTP,
} from 'node-av/constants';
import {
  Codec,
  CodecContext,
  FFmpegError,
  Frame,
  Packet,
  Rational,
  SoftwareResampleContext,
  type CodecParameters,
} from 'node-av/lib';
import { BulkheadError } from '../../../runtime/errors.ts';
import type { SourceAudio } from '../media-source.ts';
import { outputRate } from '../sound/aac-rate.ts';
import { requireFewChannels, type AudioLane, type LaneFrame, type Sound } from '../sound/audio-lane.ts';
import { SampleQueue } from '../sound/sample-queue.ts';

/** Samples that an AAC access unit stands for. */
const FRAME_SAMPLES = 1024;
/** The encoder's first access unit stands for nothing but its own start. */
const PRIMING_SAMPLES = 1024;

/** How samples come out of the decoder. A camera may change it between two frames. */
type SampleFormat = Pick<CodecContext, 'sampleRate' | 'channelLayout' | 'sampleFormat'>;

/** What the sound becomes: the same from the first sample to the last, because the track is promised to viewers. */
type Encoding = {
  readonly track: SourceAudio;
  readonly rate: number;
  /** Made for `input`. It reads as many planes as that says, checking nothing: any other sound in it is a crash or a wrong pitch. */
  resampler: SoftwareResampleContext;
  input: SampleFormat;
  readonly encoder: CodecContext;
  readonly queue: SampleQueue;
  /** Where the access units begin that the encoder still owes, in order. */
  readonly owed: number[];
  isFresh: boolean;
};

export class AacTranscoder implements AudioLane {
  readonly #codecName: string;
  readonly #decoder: CodecContext;
  readonly #undecoded = new Packet();
  readonly #decoded = new Frame();
  readonly #encoded = new Packet();
  #encoding: Encoding | undefined;
  #closed = false;

  /** Rejects with `unsupported` when there is no way to decode the sound. `parameters` are taken over and freed. */
  static async open(codecName: string, parameters: CodecParameters): Promise<AacTranscoder> {
    const decoder = new CodecContext();
    try {
      const codec = Codec.findDecoder(parameters.codecId);
      decoder.allocContext3(codec);
      check(decoder.parametersToContext(parameters), 'the decoder');
      // Awaited, never the synchronous form: that one has corrupted memory.
      check(await decoder.open2(codec, null), 'the decoder');
      const lane = new AacTranscoder(codecName, decoder);
      const { sampleRate, channels } = parameters;
      if (sampleRate > 0 && channels > 0 && decoder.sampleFormat >= 0) {
        const { channelLayout, sampleFormat } = decoder;
        lane.#encoding = await openEncoding(codecName, { sampleRate, channelLayout, sampleFormat });
      }
      return lane;
    } catch (error) {
      decoder.freeContext();
      throw error;
    } finally {
      parameters.free();
    }
  }

  private constructor(codecName: string, decoder: CodecContext) {
    this.#codecName = codecName;
    this.#decoder = decoder;
    this.#undecoded.alloc();
    this.#decoded.alloc();
    this.#encoded.alloc();
  }

  track(): SourceAudio | undefined {
    return this.#encoding?.track;
  }

  async take({ bytes, ptsUs }: Sound): Promise<readonly LaneFrame[]> {
    if (bytes.length === 0) return [];
    this.#undecoded.data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // A packet that cannot be decoded is a loss of some milliseconds, not of the sound.
    const sent = this.#decoder.sendPacketSync(this.#undecoded);
    this.#undecoded.unref();
    if (sent < 0) return [];
    const frames: LaneFrame[] = [];
    let first = true;
    while (!this.#closed && this.#decoder.receiveFrameSync(this.#decoded) >= 0) {
      const frame = this.#decoded;
      const input = formatOf(frame);
      this.#encoding ??= await openEncoding(this.#codecName, input);
      if (this.#closed) break;
      const encoding = this.#encoding;
      adapt(encoding, input);
      if (first && ptsUs !== undefined) encoding.queue.expect((ptsUs * encoding.rate) / 1e6);
      first = false;
      resample(encoding, frame);
      frame.unref();
      this.#encode(encoding, frames);
    }
    return frames;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#decoder.freeContext();
    this.#encoding?.encoder.freeContext();
    this.#encoding?.resampler.free();
    this.#undecoded.free();
    this.#decoded.free();
    this.#encoded.free();
  }

  #encode(encoding: Encoding, out: LaneFrame[]): void {
    for (let block = encoding.queue.shift(); block; block = encoding.queue.shift()) {
      const frame = new Frame();
      frame.alloc();
      frame.format = AV_SAMPLE_FMT_FLTP;
      frame.nbSamples = FRAME_SAMPLES;
      frame.sampleRate = encoding.rate;
      frame.channelLayout = encoding.encoder.channelLayout;
      frame.getBuffer(0);
      block.planes.forEach((plane, i) =>
        frame.data?.[i]?.set(new Uint8Array(plane.buffer, plane.byteOffset, plane.byteLength)),
      );
      const sent = encoding.encoder.sendFrameSync(frame);
      frame.free();
      check(sent, 'the AAC encoder');
      // An MDCT window spans two frames: the first access unit only primes the decoder, and the encoder is late by one or two.
      if (encoding.isFresh) encoding.owed.push(block.pts - PRIMING_SAMPLES);
      encoding.isFresh = false;
      encoding.owed.push(block.pts);
      while (encoding.encoder.receivePacketSync(this.#encoded) >= 0) {
        const { data } = this.#encoded;
        const pts = encoding.owed.shift();
        if (data && pts !== undefined) out.push({ pts, duration: FRAME_SAMPLES, bytes: data });
        this.#encoded.unref();
      }
    }
  }
}

function formatOf(frame: Frame): SampleFormat {
  const { sampleRate, channelLayout } = frame;
  return { sampleRate, channelLayout, sampleFormat: frame.format as SampleFormat['sampleFormat'] };
}

function isSame(a: SampleFormat, b: SampleFormat): boolean {
  return (
    a.sampleRate === b.sampleRate &&
    a.sampleFormat === b.sampleFormat &&
    a.channelLayout.nbChannels === b.channelLayout.nbChannels &&
    a.channelLayout.order === b.channelLayout.order &&
    a.channelLayout.mask === b.channelLayout.mask
  );
}

/** Makes the encoding fit for sound of another format. Throws `unsupported` and changes nothing when there is no way. */
function adapt(encoding: Encoding, input: SampleFormat): void {
  if (isSame(encoding.input, input)) return;
  const resampler = openResampler(input, encoding.encoder.channelLayout, encoding.rate);
  // The fraction of a millisecond that the old one still holds is not worth a wrong sample.
  encoding.resampler.free();
  encoding.resampler = resampler;
  encoding.input = input;
}

function openResampler(
  input: SampleFormat,
  outLayout: SampleFormat['channelLayout'],
  outRate: number,
): SoftwareResampleContext {
  const { sampleRate, channelLayout, sampleFormat } = input;
  requireFewChannels(channelLayout.nbChannels);
  const resampler = new SoftwareResampleContext();
  try {
    check(
      resampler.allocSetOpts2(outLayout, AV_SAMPLE_FMT_FLTP, outRate, channelLayout, sampleFormat, sampleRate),
      'the resampler',
    );
    check(resampler.init(), 'the resampler');
    return resampler;
  } catch (error) {
    resampler.free();
    throw error;
  }
}

async function openEncoding(codecName: string, input: SampleFormat): Promise<Encoding> {
  const rate = outputRate(input.sampleRate);
  const channels = input.channelLayout.nbChannels > 1 ? 2 : 1;
  const outLayout = channels === 2 ? AV_CHANNEL_LAYOUT_STEREO : AV_CHANNEL_LAYOUT_MONO;
  const encoder = new CodecContext();
  try {
    const codec = Codec.findEncoder(AV_CODEC_ID_AAC);
    encoder.allocContext3(codec);
    encoder.sampleFormat = AV_SAMPLE_FMT_FLTP;
    encoder.sampleRate = rate;
    encoder.channelLayout = outLayout;
    encoder.bitRate = BigInt((rate <= 16_000 ? 32_000 : 64_000) * channels);
    encoder.timeBase = new Rational(1, rate);
    encoder.flags = AV_CODEC_FLAG_GLOBAL_HEADER;
    check(await encoder.open2(codec, null), 'the AAC encoder');
    const config = encoder.extraData;
    if (!config || encoder.frameSize !== FRAME_SAMPLES)
      throw new BulkheadError('internal', 'the AAC encoder is of another kind');
    return {
      track: { kind: 'audio', timescale: rate, config: new Uint8Array(config), transcodedFrom: codecName },
      rate,
      resampler: openResampler(input, outLayout, rate),
      input,
      encoder,
      queue: new SampleQueue(channels, rate, FRAME_SAMPLES),
      owed: [],
      isFresh: true,
    };
  } catch (error) {
    encoder.freeContext();
    throw error;
  }
}

/** From the decoder's frame to the end of the queue, which makes room first: the library does not check the size of what it writes to. */
function resample(encoding: Encoding, frame: Frame): void {
  const { resampler, queue } = encoding;
  const most = resampler.getOutSamples(frame.nbSamples);
  const planes = queue.room(most);
  const written = resampler.convertSync(
    planes.map((plane) => Buffer.from(plane.buffer, plane.byteOffset, plane.byteLength)),
    most,
    frame.extendedData ?? frame.data,
    frame.nbSamples,
  );
  check(written, 'the resampler');
  queue.push(written);
}

function check(code: number, part: string): void {
  if (code >= 0) return;
  throw new BulkheadError('unsupported', `${part} says: ${FFmpegError.strerror(code)}`, { context: { code } });
}
