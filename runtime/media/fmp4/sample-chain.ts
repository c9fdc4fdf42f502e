/**
 * Where samples stand on the decode timeline of a live fMP4, when a packet must be sent before the next one is known.
 *
 * A sample's true duration is the distance to its successor, so a fragment that leaves at once would have to guess it. Players mind: Chromium
 * takes a step in decode time of more than twice the last duration for a splice and drops all pictures up to the next keyframe, so one lost
 * packet would cost a GOP. Therefore decode times lag by one packet: a sample begins where the last one ended, and ends at its own time.
 * Decode times are contiguous whatever is lost, presentation times are exact, nothing waits, and durations add up to the true rate.
 *
 *   picture n:  decodeTime = dts(n-1)   duration = dts(n) - dts(n-1)            compositionOffset = pts(n) - dts(n-1)
 *   sound n:    decodeTime = end(n-1)   duration = pts(n) + length - end(n-1)   compositionOffset = 0
 *
 * Belongs here: that arithmetic, for one track. Does not belong here: bytes (fragment.ts), and which packets are sent (daemon/stream).
 */

export type ChainPlace = {
  readonly decodeTime: number;
  readonly duration: number;
  readonly compositionOffset: number;
};

/** The chain of one track: remembers only where the last sample ended, in ticks. */
export class SampleChain {
  #end: number | undefined;

  /** `end`: where an earlier sample ended, when the chain goes on from one. */
  constructor(end?: number) {
    this.#end = end;
  }

  /** End of the last sample = decode time of the next; `undefined` before the first. */
  get end(): number | undefined {
    return this.#end;
  }

  /** Forgets the past: the next sample begins anew. */
  reset(): void {
    this.#end = undefined;
  }

  /**
   * Places a picture. `nominal` is the usual duration, for a first picture and after a break. A break counts only at a keyframe: before
   * one, a player would have to drop pictures that it can decode.
   */
  placePicture(
    packet: { pts: number; dts: number; key: boolean; discontinuity: boolean },
    nominal: number,
  ): ChainPlace {
    if (packet.discontinuity && packet.key && this.#end !== undefined) {
      this.#end = Math.max(this.#end, packet.dts - nominal);
    }
    const decodeTime = this.#end ?? Math.max(0, packet.dts - nominal);
    this.#end = Math.max(decodeTime + 1, packet.dts);
    return {
      decodeTime,
      duration: this.#end - decodeTime,
      compositionOffset: Math.max(0, packet.pts - decodeTime),
    };
  }

  /**
   * Places sound of `length` ticks. It never leaps, not even over a break: a leap on one track makes players wait for a keyframe on all others.
   */
  placeSound(packet: { pts: number }, length: number): ChainPlace {
    const decodeTime = this.#end ?? packet.pts;
    this.#end = Math.max(decodeTime + 1, packet.pts + length);
    return { decodeTime, duration: this.#end - decodeTime, compositionOffset: 0 };
  }
}
