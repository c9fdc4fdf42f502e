/**
 * What gives out FFmpeg's packets: a connection or file as it is (av-input.ts), or one that is paced and looped (paced-input.ts).
 *
 * Expected failures are values here: a camera that is away is an ordinary event, and only the layer that knows the address can put it into words.
 */
import type { AVCodecID } from 'node-av/constants';
import type { CodecParameters, Packet } from 'node-av/lib';
import type { TimeBase } from './ticks.ts';

/** `code`: FFmpeg's negative number. `timedOut`: it was us who gave up, after `afterMs`. */
export type InputFailure = { readonly code: number; readonly timedOut: boolean; readonly afterMs: number };

/** A stream as the header describes it: a copy, since FFmpeg's own is gone with the context. */
export type InputStream = {
  readonly index: number;
  readonly kind: 'video' | 'audio' | 'other';
  readonly codecId: AVCodecID;
  readonly codecName: string;
  readonly timeBase: TimeBase;
  readonly extradata: Uint8Array | undefined;
  /** 0 = not said. */
  readonly fps: number;
};

export type PacketInput = {
  /** Connects and reads the headers. Undefined = done. */
  readonly open: () => Promise<InputFailure | undefined>;
  /** FFmpeg's name of the format, e.g. `rtsp`, `hls`, `mov,mp4,...`. */
  readonly formatName: () => string;
  readonly streams: () => readonly InputStream[];
  /** The full parameters of a stream, for a decoder: a copy that the caller frees. */
  readonly parametersOf: (index: number) => CodecParameters;
  /** Tells FFmpeg not to bother with the other streams. */
  readonly select: (indices: readonly number[]) => void;
  /** The one packet that `read` fills; what is in it is valid until the next `read`, and gone after `close`. */
  readonly packet: Packet;
  /** One at a time. Undefined = `packet` holds the next one. */
  readonly read: () => Promise<InputFailure | undefined>;
  /** When what is in `packet` came in, or, of a paced input, when it was due. CLOCK_MONOTONIC microseconds. */
  readonly captureUs: () => number;
  /** Ends whatever is pending, says goodbye, frees. Calling it again does nothing. */
  readonly close: () => Promise<void>;
};
