/**
 * A `MediaSource` made of FFmpeg as a library: the chosen picture and sound of one input.
 *
 * The picture passes untouched; nothing here decodes it. The sound goes through a lane of its own, and when the lane breaks it is the sound
 * that is left out. Does not belong here: how an input is dialled, paced or looped, and what its failures are called.
 */
import { AV_PKT_DATA_NEW_EXTRADATA } from 'node-av/constants';
import { BulkheadError } from '../../../runtime/errors.ts';
import { cameraError, type CameraFailure } from '../camera-error.ts';
import type { MediaSource, SourceDescription, SourcePacket, SourceRead } from '../media-source.ts';
import { openAacLane } from '../sound/aac-lane.ts';
import type { AudioLane } from '../sound/audio-lane.ts';
import { AacTranscoder } from './aac-transcoder.ts';
import { chooseTracks, spokenCodec, type ChosenTracks } from './choose-tracks.ts';
import { readFailure } from './ffmpeg-failure.ts';
import type { InputFailure, InputStream, PacketInput } from './packet-input.ts';
import { microsecondsOf, ticksOf } from './ticks.ts';

export type AvSourceOptions = {
  readonly input: PacketInput;
  /** For people: host and path, or the path of a file. */
  readonly place: string;
  /** Before dialling, e.g. looking the name up. */
  readonly prepare?: () => Promise<CameraFailure | undefined>;
  /** Puts a failed dial into our terms; may ask the other side again. */
  readonly explain: (failure: InputFailure) => Promise<CameraFailure> | CameraFailure;
  /** Formats whose decoding timestamps are the container's own. From RTSP FFmpeg's are guesses. */
  readonly trustsDts: (formatName: string) => boolean;
  /** Packets of sound that could not be transcoded. */
  readonly onSoundLost: () => void;
};

type Sounding = { readonly stream: InputStream; readonly lane: AudioLane };

/** Sound that does not say its parameters beforehand gets this many packets to show them. */
const LOOK_AHEAD_PACKETS = 200;
const LOOK_AHEAD_MS = 1000;
/** Failures in a row after which the lane is given up. */
const MOST_LANE_FAILURES = 50;

export class AvSource implements MediaSource {
  readonly #options: AvSourceOptions;
  readonly #input: PacketInput;
  #video: ChosenTracks['video'] | undefined;
  #sound: Sounding | undefined;
  #laneFailures = 0;
  #trustsDts = false;
  #readAhead: SourcePacket[] = [];
  #closed = false;

  constructor(options: AvSourceOptions) {
    this.#options = options;
    this.#input = options.input;
  }

  async open(): Promise<SourceDescription> {
    const { prepare, explain } = this.#options;
    const unprepared = await prepare?.();
    if (unprepared) throw this.#error(unprepared);
    const failure = await this.#input.open();
    if (failure) throw this.#error(await explain(failure));
    const chosen = chooseTracks(this.#input.streams());
    if (chosen.type !== 'chosen') throw this.#error(chosen);
    this.#video = chosen.video;
    this.#trustsDts = this.#options.trustsDts(this.#input.formatName());
    this.#input.select([chosen.video.stream.index, ...(chosen.audio ? [chosen.audio.stream.index] : [])]);
    const leftOut = [...chosen.leftOut];
    if (chosen.audio) {
      const silence = await this.#openSound(chosen.audio);
      if (silence !== undefined) leftOut.push(silence);
    }
    const audio = this.#sound?.lane.track();
    return { tracks: audio ? [chosen.video.track, audio] : [chosen.video.track], leftOut };
  }

  async read(): Promise<SourceRead> {
    if (this.#readAhead.length > 0) return { type: 'packets', packets: this.#readAhead.splice(0) };
    return this.#readInput();
  }

  async #readInput(): Promise<SourceRead> {
    const failure = await this.#input.read();
    if (this.#closed) return { type: 'end' };
    if (failure) throw this.#error(readFailure(failure));
    return { type: 'packets', packets: await this.#packets() };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#input.close();
    this.#sound?.lane.close();
    this.#sound = undefined;
  }

  /** What the packet that was just read gives. */
  async #packets(): Promise<SourcePacket[]> {
    const captureUs = this.#input.captureUs();
    const { packet } = this.#input;
    const index = packet.streamIndex;
    if (index === this.#video?.stream.index) return this.#videoPackets(this.#video.stream, captureUs);
    if (index === this.#sound?.stream.index) return this.#soundPackets(this.#sound, captureUs);
    return [];
  }

  #videoPackets(stream: InputStream, captureUs: number): SourcePacket[] {
    const { packet } = this.#input;
    const { data } = packet;
    if (!data || data.length === 0) return [];
    const key = packet.isKeyframe;
    const parameters = key ? packet.getSideData(AV_PKT_DATA_NEW_EXTRADATA) : null;
    return [
      {
        track: 0,
        key,
        pts: ticksOf(stream.timeBase, packet.pts),
        dts: this.#trustsDts ? ticksOf(stream.timeBase, packet.dts) : undefined,
        duration: ticksOf(stream.timeBase, packet.duration) ?? 0,
        bytes: data,
        extradata: parameters ? new Uint8Array(parameters) : undefined,
        captureUs,
      },
    ];
  }

  async #soundPackets({ stream, lane }: Sounding, captureUs: number): Promise<SourcePacket[]> {
    try {
      const { data, pts } = this.#input.packet;
      if (!data) return [];
      const frames = await lane.take({ bytes: data, ptsUs: microsecondsOf(stream.timeBase, pts) });
      this.#laneFailures = 0;
      return frames.map(({ pts, duration, bytes }) => ({
        track: 1,
        key: true,
        pts,
        dts: pts,
        duration,
        bytes,
        extradata: undefined,
        captureUs,
      }));
    } catch {
      this.#options.onSoundLost();
      this.#laneFailures++;
      if (this.#laneFailures > MOST_LANE_FAILURES) this.#giveUpSound();
      return [];
    }
  }

  #giveUpSound(): void {
    this.#sound?.lane.close();
    this.#sound = undefined;
  }

  /** Undefined = the sound's parameters are known; otherwise why there will be none. */
  async #openSound(audio: NonNullable<ChosenTracks['audio']>): Promise<string | undefined> {
    const { stream, isAac } = audio;
    const name = spokenCodec(stream.codecName);
    try {
      const lane = isAac
        ? openAacLane(stream.extradata)
        : await AacTranscoder.open(stream.codecName, this.#input.parametersOf(stream.index));
      this.#sound = { stream, lane };
      if (this.#closed) lane.close();
      const untilMs = performance.now() + LOOK_AHEAD_MS;
      for (let i = 0; !lane.track() && i < LOOK_AHEAD_PACKETS && performance.now() < untilMs; i++) {
        const read = await this.#readInput();
        if (read.type === 'end') break;
        this.#readAhead.push(...read.packets);
      }
      if (lane.track()) return undefined;
      this.#giveUpSound();
      return `The sound (${name}) is left out: it does not say what it is.`;
    } catch (error) {
      if (error instanceof BulkheadError && error.kind !== 'unsupported' && error.kind !== 'corrupt') throw error;
      this.#giveUpSound();
      return `The sound (${name}) is left out: ${error instanceof Error ? error.message : String(error)}.`.slice(
        0,
        200,
      );
    }
  }

  #error(failure: CameraFailure): BulkheadError {
    return cameraError(failure, this.#options.place);
  }
}
