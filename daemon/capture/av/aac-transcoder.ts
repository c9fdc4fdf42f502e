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
import type { AudioLane, LaneFrame, Sound } from '../sound/audio-lane.ts';
import { SampleQueue } from '../sound/sample-queue.ts';

/** Samples that an AAC access unit stands for. */
const FRAME_SAMPLES = 1024;
/** The encoder's first access unit stands for nothing but its own start. */
const PRIMING_SAMPLES = 1024;

/** What depends on the decoded sound's format. */
type Encoding = {
  readonly track: SourceAudio;
  readonly rate: number;
  readonly resampler: SoftwareResampleContext;
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
        lane.#encoding = await openEncoding(codecName, sampleRate, decoder.channelLayout, decoder.sampleFormat);
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
      this.#encoding ??= await openEncoding(
        this.#codecName,
        frame.sampleRate,
        frame.channelLayout,
        frame.format as typeof AV_SAMPLE_FMT_FLTP,
      );
      if (this.#closed) break;
      const encoding = this.#encoding;
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

async function openEncoding(
  codecName: string,
  sampleRate: number,
  layout: CodecContext['channelLayout'],
  format: CodecContext['sampleFormat'],
): Promise<Encoding> {
  const rate = outputRate(sampleRate);
  const channels = layout.nbChannels > 1 ? 2 : 1;
  const outLayout = channels === 2 ? AV_CHANNEL_LAYOUT_STEREO : AV_CHANNEL_LAYOUT_MONO;
  const encoder = new CodecContext();
  const resampler = new SoftwareResampleContext();
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
    check(resampler.allocSetOpts2(outLayout, AV_SAMPLE_FMT_FLTP, rate, layout, format, sampleRate), 'the resampler');
    check(resampler.init(), 'the resampler');
    return {
      track: { kind: 'audio', timescale: rate, config: new Uint8Array(config), transcodedFrom: codecName },
      rate,
      resampler,
      encoder,
      queue: new SampleQueue(channels, rate, FRAME_SAMPLES),
      owed: [],
      isFresh: true,
    };
  } catch (error) {
    encoder.freeContext();
    resampler.free();
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
