/**
 * Where a viewer's bytes go: the little that a WebSocket and a plain HTTP response have in common.
 */

/** Why a viewer is sent away. `format`: the stream's parameters changed, and this kind of viewer cannot be told. */
export type Goodbye = 'stopped' | 'recycled' | 'starved' | 'stuck' | 'format' | 'full';

export type Sink = {
  /** A stream begins (again): what it is, for those who can be told in the middle, and its initialisation segment. */
  readonly begin: (mime: string, init: Uint8Array) => void;
  readonly send: (fragment: Uint8Array) => void;
  /** Bytes that were sent and that the kernel has not taken yet. */
  readonly queuedBytes: () => number;
  /** Calls back once, when there is room again; at once (but later in the loop) when there is. */
  readonly whenRoom: (then: () => void) => void;
  /** Whether a change of format can be announced to this viewer; if not, it is sent away and comes back by itself. */
  readonly canRestart: boolean;
  /** Whether presentation should begin at zero: players of files expect it, MediaSource wants the stream's own time. */
  readonly fromZero: boolean;
  readonly close: (why: Goodbye) => void;
};
