/**
 * From the source's packets to records in the ring: normal form, the ring's timeline, and a stream table that is always true.
 *
 * A connection begins with a keyframe; a change of the stream table takes effect with a keyframe. Sound waits for the picture. The ring outlives
 * connections and this process: timestamps only ever rise. Does not belong here: connecting, and telling anybody.
 */
import { BulkheadError, type ErrorKind } from '../../runtime/errors.ts';
import { parseAudioSpecificConfig } from '../../runtime/media/aac.ts';
import { Timeline, type PlacedStamps } from '../../runtime/media/timeline.ts';
import { encodeStreamTable, type AudioTrack, type StreamTable, type VideoTrack } from '../../runtime/media/track.ts';
import type { VideoConfig } from '../../runtime/media/video-config.ts';
import type { RingWriter } from '../../runtime/ring/writer.ts';
import { DecodeOrder } from './decode-order.ts';
import { FrameRate, tidyFps } from './frame-rate.ts';
import type { Loss, Losses } from './losses.ts';
import type { SourceAudio, SourceDescription, SourcePacket, SourceVideo } from './media-source.ts';
import { VideoIntake } from './video-intake.ts';

export type PacketWriterOptions = {
  readonly ring: RingWriter;
  /** End of the records of an earlier process, on the monotonic clock. */
  readonly afterUs: number;
  readonly losses: Losses;
  /** A record is in the ring. */
  readonly onRecord: () => void;
  /** What the stream is has become known, or has changed. */
  readonly onTable: (table: StreamTable) => void;
  readonly onFps: (fps: number) => void;
};

/** Track numbers in the ring. */
const VIDEO = 1;
const AUDIO = 2;
/** All pictures count in this in the ring, whatever the container's unit: it holds every common frame rate exactly. */
const VIDEO_TIMESCALE = 90_000;
/** As many as a stream table takes. */
const MOST_SENTENCES = 16;
const SOUND_UNFIT = 'The sound is left out: what it says about itself does not fit into a stream table.';

/** What lasts as long as a connection. */
type Run = {
  readonly video: SourceVideo;
  /** Undefined = there is none, or it was left out. */
  audio: SourceAudio | undefined;
  leftOut: readonly string[];
  readonly intake: VideoIntake;
  readonly order: DecodeOrder<SourcePacket>;
  readonly frameRate: FrameRate;
  /** The configuration that the ring's stream table has. */
  config: VideoConfig | undefined;
};

export class PacketWriter {
  readonly #options: PacketWriterOptions;
  #timeline: Timeline;
  #run: Run | undefined;
  #audioTimescale = 0;
  /** Tracks whose break could not be recorded because its record did not fit: the next one carries it. */
  readonly #owedBreaks = new Set<number>();
  #latestUs: number;

  constructor(options: PacketWriterOptions) {
    this.#options = options;
    this.#timeline = new Timeline(options.afterUs);
    this.#latestUs = options.afterUs;
  }

  /** A new connection: what it brings has nothing to do with what came before. */
  begin(description: SourceDescription): void {
    const [video, audio] = description.tracks;
    this.#timeline.startRun();
    if (audio && audio.timescale !== this.#audioTimescale) {
      // Rising timestamps are kept track by track, in ticks: in another unit they are compared anew.
      this.#timeline = new Timeline(this.#latestUs);
      this.#audioTimescale = audio.timescale;
    }
    this.#run = {
      video,
      audio,
      leftOut: description.leftOut,
      intake: new VideoIntake(video.codec, video.extradata),
      order: new DecodeOrder(video.timescale, video.fps),
      frameRate: new FrameRate(VIDEO_TIMESCALE),
      config: undefined,
    };
  }

  /** Takes one packet; returns how many records it became (pictures may wait for those that follow). Damaged ones are counted and skipped. */
  write(packet: SourcePacket): number {
    const run = this.#run;
    if (!run) return 0;
    if (packet.track !== 0) return this.#writeAudio(run, packet);
    if (packet.dts !== undefined && packet.pts !== undefined)
      return this.#writeVideo(run, packet, packet.pts, packet.dts);
    let written = 0;
    for (const { held, pts, dts } of run.order.push(packet, packet.pts, packet.duration)) {
      written += this.#writeVideo(run, held, pts, dts);
    }
    return written;
  }

  #writeVideo(run: Run, packet: SourcePacket, pts: number, dts: number): number {
    const taken = this.#counting('corrupt', () => run.intake.take(packet.bytes, packet.key, packet.extradata));
    if (taken?.type !== 'picture') return 0;
    if (taken.config !== run.config) this.#setTable(run, taken.config);
    const scale = VIDEO_TIMESCALE / run.video.timescale;
    const placed = this.#put(
      { track: VIDEO, timescale: VIDEO_TIMESCALE, pts: pts * scale, dts: dts * scale },
      { key: taken.key, duration: packet.duration * scale, captureUs: packet.captureUs },
      taken.payload,
    );
    if (!placed) {
      // What follows refers to a picture that is not there.
      run.intake.begin();
      return 0;
    }
    if (run.frameRate.count(placed.dts, placed.discontinuity)) this.#options.onFps(run.frameRate.fps);
    return 1;
  }

  #writeAudio(run: Run, packet: SourcePacket): number {
    // Before the first picture there is nothing that the sound would belong to.
    if (!run.audio || !run.config || packet.pts === undefined) return 0;
    const placed = this.#put(
      { track: AUDIO, timescale: run.audio.timescale, pts: packet.pts, dts: packet.pts },
      // Sound is no place to begin: the ring's newest key must be a picture that viewers can start at.
      { key: false, duration: packet.duration, captureUs: packet.captureUs },
      [packet.bytes],
    );
    return placed ? 1 : 0;
  }

  /** Undefined = the record does not fit into the ring. */
  #put(
    stamps: { track: number; timescale: number; pts: number; dts: number },
    meta: { key: boolean; duration: number; captureUs: number },
    payload: readonly Uint8Array[],
  ): PlacedStamps | undefined {
    const { track, timescale } = stamps;
    const placed = this.#timeline.place({ ...stamps, captureUs: meta.captureUs });
    const discontinuity = placed.discontinuity || this.#owedBreaks.has(track);
    const record = { ...meta, ...placed, discontinuity, track, duration: Math.round(meta.duration) };
    const sequence = this.#counting('tooLarge', () => this.#options.ring.write(record, payload));
    if (sequence === undefined) {
      if (discontinuity) this.#owedBreaks.add(track);
      return undefined;
    }
    this.#owedBreaks.delete(track);
    this.#latestUs = Math.max(this.#latestUs, (placed.dts / timescale) * 1e6);
    this.#options.onRecord();
    return placed;
  }

  /** Says what the stream is; sound that the ring's table does not take is left out. Throws `unsupported` when not even the picture fits. */
  #setTable(run: Run, config: VideoConfig): void {
    let table: StreamTable;
    try {
      table = this.#writeTable(run, config);
    } catch (cause) {
      if (!isUnfit(cause)) throw cause;
      if (!run.audio) throw pictureUnfit(cause);
      run.audio = undefined;
      run.leftOut = [...run.leftOut, SOUND_UNFIT];
      this.#setTable(run, config);
      return;
    }
    run.config = config;
    this.#options.onTable(table);
  }

  #writeTable({ video, audio, leftOut }: Run, config: VideoConfig): StreamTable {
    const picture = videoTrack(video, config);
    const table: StreamTable = {
      tracks: audio ? [picture, audioTrack(audio)] : [picture],
      leftOut: leftOut.slice(-MOST_SENTENCES),
    };
    this.#options.ring.setTable(encodeStreamTable(table));
    return table;
  }

  /** One damaged or oversized packet is a loss that is counted; anything else is a fault of ours and passes. */
  #counting<T>(loss: Loss, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof BulkheadError) || (error.kind !== 'corrupt' && error.kind !== 'exhausted')) throw error;
      this.#options.losses.add(loss);
      return undefined;
    }
  }
}

const UNFIT: ReadonlySet<ErrorKind> = new Set(['invalid', 'corrupt', 'exhausted']);

/** The table cannot be said, or the ring has no room for it: the stream's fault. Any other error is a fault of ours. */
function isUnfit(error: unknown): boolean {
  return error instanceof BulkheadError && UNFIT.has(error.kind);
}

function pictureUnfit(cause: unknown): BulkheadError {
  return new BulkheadError(
    'unsupported',
    'The parameters of this picture do not fit into a stream table: choose another profile of the camera.',
    { cause },
  );
}

function videoTrack(video: SourceVideo, config: VideoConfig): VideoTrack {
  return {
    kind: 'video',
    id: VIDEO,
    codec: video.codec,
    codecString: config.codecString,
    width: config.width,
    height: config.height,
    fps: tidyFps(config.fps || video.fps),
    timescale: VIDEO_TIMESCALE,
    config: new Uint8Array(config.config),
  };
}

function audioTrack(audio: SourceAudio): AudioTrack {
  const { sampleRate, channels, codecString } = parseAudioSpecificConfig(audio.config);
  return {
    kind: 'audio',
    id: AUDIO,
    codec: 'aac',
    codecString,
    sampleRate,
    channels,
    timescale: audio.timescale,
    config: new Uint8Array(audio.config),
    ...(audio.transcodedFrom === undefined ? {} : { transcodedFrom: audio.transcodedFrom }),
  };
}
