/**
 * Brings a camera's pictures into the ring's form and keeps track of what a decoder must know to show them.
 *
 * Belongs here: framing, parameter sets (beforehand, in band, changed in the middle), and waiting for a keyframe to begin with. Does not belong
 * here: timestamps, the ring, and what the change of a configuration means for others.
 */
import { normaliseAccessUnit } from '../../runtime/media/access-unit.ts';
import { h264NalType } from '../../runtime/media/h264.ts';
import { h265NalType } from '../../runtime/media/h265.ts';
import {
  readExtradata,
  videoConfigFromParameterSets,
  type VideoCodec,
  type VideoConfig,
} from '../../runtime/media/video-config.ts';
import { BulkheadError } from '../../runtime/errors.ts';

export type TakenPicture =
  /** `payload`: pieces for one gathering write. `config` differs from the one before only with a keyframe. */
  | {
      readonly type: 'picture';
      readonly payload: readonly Uint8Array[];
      readonly key: boolean;
      readonly config: VideoConfig;
    }
  /** Nothing to decode it with yet, or no picture in it. */
  | { readonly type: 'skipped' };

const SKIPPED: TakenPicture = { type: 'skipped' };
const NAL_TYPE: Readonly<Record<VideoCodec, (nal: Uint8Array) => number>> = { h264: h264NalType, h265: h265NalType };

export class VideoIntake {
  readonly #codec: VideoCodec;
  #form: 'annexb' | 'lengthPrefixed' = 'annexb';
  #lengthSizeBytes = 4;
  #parameterSets: readonly Uint8Array[] = [];
  #changed = false;
  #config: VideoConfig | undefined;
  #begun = false;

  /** `extradata`: what the source said beforehand. Nonsense in it is forgiven as long as a keyframe brings the truth. */
  constructor(codec: VideoCodec, extradata: Uint8Array | undefined) {
    this.#codec = codec;
    if (extradata) this.#useExtradata(extradata);
    this.#refresh();
  }

  /** Undefined = nothing has said yet what the picture is. */
  get config(): VideoConfig | undefined {
    return this.#config;
  }

  /** After a break: begins with a keyframe again. */
  begin(): void {
    this.#begun = false;
  }

  /** Takes one access unit. `flaggedKey` is the source's own opinion. Throws `corrupt`. */
  take(bytes: Uint8Array, flaggedKey: boolean, extradata: Uint8Array | undefined): TakenPicture {
    if (extradata) this.#useExtradata(extradata);
    const unit = normaliseAccessUnit(this.#codec, bytes, this.#form, this.#lengthSizeBytes);
    // Some cameras send parameter sets as an access unit of their own: they are kept for the keyframe that follows.
    if (unit.parameterSets.length > 0) this.#learn(unit.parameterSets);
    if (unit.payload.length === 0) return SKIPPED;
    // Streams of gradual refresh have no IDR picture: there FFmpeg's parser flags the recovery points.
    const key = unit.key || flaggedKey;
    if (key) {
      this.#refresh();
      this.#begun = this.#config !== undefined;
    }
    if (!this.#begun || !this.#config) return SKIPPED;
    return { type: 'picture', payload: unit.payload, key, config: this.#config };
  }

  #useExtradata(extradata: Uint8Array): void {
    try {
      const { form, lengthSizeBytes, parameterSets } = readExtradata(this.#codec, extradata);
      this.#form = form;
      this.#lengthSizeBytes = lengthSizeBytes;
      if (parameterSets.length > 0) this.#learn(parameterSets);
    } catch (error) {
      if (!(error instanceof BulkheadError) || error.kind !== 'corrupt') throw error;
    }
  }

  /** New sets replace those of their own type; what came before of another type (a PPS that is not repeated) stays. */
  #learn(sets: readonly Uint8Array[]): void {
    if (sets.every((set) => this.#parameterSets.some((known) => Buffer.compare(known, set) === 0))) return;
    const typeOf = NAL_TYPE[this.#codec];
    const types = new Set(sets.map(typeOf));
    const kept = this.#parameterSets.filter((known) => !types.has(typeOf(known)));
    // Copies: the packet they came in is used again.
    const fresh = sets.filter((set, i) => sets.findIndex((other) => Buffer.compare(other, set) === 0) === i);
    this.#parameterSets = [...kept, ...fresh.map((set) => new Uint8Array(set))];
    this.#changed = true;
  }

  /** Works the configuration out again when the parameter sets have changed; an unreadable change leaves the old one in force. */
  #refresh(): void {
    if (!this.#changed) return;
    this.#changed = false;
    try {
      this.#config = videoConfigFromParameterSets(this.#codec, this.#parameterSets);
    } catch (error) {
      if (!(error instanceof BulkheadError) || error.kind !== 'corrupt') throw error;
    }
  }
}
