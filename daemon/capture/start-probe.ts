/**
 * The probe's work: opens a source once, says what it is or why it cannot be had, and ends. What the editor's Test button runs.
 *
 * It dials in the very way that capture does, so that what it finds is what capture will find. It writes no ring.
 */
import { systemClock } from '../../runtime/clock.ts';
import { BulkheadError, toBulkheadError } from '../../runtime/errors.ts';
import { parseAudioSpecificConfig } from '../../runtime/media/aac.ts';
import type { MediaDescription } from '../../runtime/media/track.ts';
import type { ProbeConfig } from '../../runtime/message/config.ts';
import type { DaemonContext, Running } from '../harness/run-daemon.ts';
import { after } from './after.ts';
import { listenToFFmpeg } from './av/ffmpeg-log.ts';
import { DecodeOrder } from './decode-order.ts';
import { FrameRate, tidyFps } from './frame-rate.ts';
import type { MediaSource, SourceDescription, SourcePacket } from './media-source.ts';
import { sourceFactory } from './open-source.ts';
import { VideoIntake } from './video-intake.ts';

export type ProbeContext = Pick<DaemonContext, 'log' | 'send' | 'ready' | 'exit'>;

/** Somebody is waiting in front of a dialogue: a rougher figure will do. */
const GAUGE_SECONDS = 1;

/**
 * How the time limit is spent, in the order of the steps: dialling, asking once more after an unclear failure, what lies between the steps on a
 * busy machine, and saying the result and goodbye.
 */
function spend(timeoutMs: number): { connectMs: number; diagnosisMs: number; resultMs: number } {
  const diagnosisMs = Math.min(1500, timeoutMs / 5);
  const leewayMs = timeoutMs / 8;
  const resultMs = timeoutMs - Math.min(300, timeoutMs / 10);
  return { connectMs: resultMs - diagnosisMs - leewayMs, diagnosisMs, resultMs };
}

/** Rejects when the source makes no sense; every other result is a message. */
export async function startProbe(config: ProbeConfig, context: ProbeContext): Promise<Running> {
  const { connectMs, diagnosisMs, resultMs } = spend(config.timeoutMs);
  const factory = sourceFactory(config.source, {
    connectTimeoutMs: connectMs,
    stallTimeoutMs: resultMs,
    diagnosisMs,
    clock: systemClock,
    onSoundLost: () => {},
  });
  const stopListening = listenToFFmpeg({
    log: context.log,
    clock: systemClock,
    secrets: factory.secrets,
    onMissed: () => {},
  });
  const source = factory.make();
  context.ready();
  void report(probe(source, factory.place, resultMs), factory.place, context);
  return {
    stop: () => {
      stopListening();
      return source.close();
    },
  };
}

async function report(result: Promise<MediaDescription>, place: string, context: ProbeContext): Promise<void> {
  try {
    const media = await result;
    context.send({ type: 'media', media: { ...media, leftOut: [...media.leftOut] } });
    context.exit('done');
  } catch (thrown) {
    context.exit('temporary', toBulkheadError(thrown, `opening ${place}`));
  }
}

/** What the source is. Rejects with the reason why that cannot be said; always within `limitMs`. */
async function probe(source: MediaSource, place: string, limitMs: number): Promise<MediaDescription> {
  const started = performance.now();
  const late = after(limitMs).then(() => 'late' as const);
  const description = await Promise.race([source.open(), late]);
  if (description === 'late') throw tooLate(place, limitMs);
  const gauge = new Gauge(description);
  while (!gauge.isDone && performance.now() - started < limitMs) {
    const read = await Promise.race([source.read(), late]);
    if (read === 'late' || read.type === 'end') break;
    for (const packet of read.packets) gauge.take(packet);
  }
  const media = gauge.describe();
  if (!media) throw tooLate(place, limitMs);
  return media;
}

function tooLate(place: string, limitMs: number): BulkheadError {
  return new BulkheadError('timeout', `${place} did not show a picture within ${Math.round(limitMs / 100) / 10} s.`);
}

/** Learns from packets what a description leaves open: the size, and the real frame rate. */
class Gauge {
  readonly #description: SourceDescription;
  readonly #intake: VideoIntake;
  readonly #order: DecodeOrder<SourcePacket>;
  readonly #rate: FrameRate;

  constructor(description: SourceDescription) {
    const [video] = description.tracks;
    this.#description = description;
    this.#intake = new VideoIntake(video.codec, video.extradata);
    this.#order = new DecodeOrder(video.timescale, video.fps);
    this.#rate = new FrameRate(video.timescale, GAUGE_SECONDS);
  }

  /** A rate that was measured, of a picture whose size is known. */
  get isDone(): boolean {
    return this.#intake.config !== undefined && this.#rate.fps > 0;
  }

  take(packet: SourcePacket): void {
    if (packet.track !== 0) return;
    try {
      this.#intake.take(packet.bytes, packet.key, packet.extradata);
    } catch {
      // A damaged picture says nothing; the next one will.
    }
    for (const { dts } of this.#order.push(packet, packet.pts, packet.duration)) this.#rate.count(dts, false);
  }

  /** Undefined = not even the size is known. */
  describe(): MediaDescription | undefined {
    const { config } = this.#intake;
    const [video, audio] = this.#description.tracks;
    if (!config) return undefined;
    const sound = audio && parseAudioSpecificConfig(audio.config);
    return {
      codec: video.codec,
      width: config.width,
      height: config.height,
      fps: this.#rate.fps || tidyFps(config.fps || video.fps) || null,
      audio: sound ? { codec: 'aac', sampleRate: sound.sampleRate, channels: sound.channels } : null,
      leftOut: this.#description.leftOut,
    };
  }
}
