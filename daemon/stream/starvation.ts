/**
 * When a channel is live, when it has stalled, and when it has starved: closed port = no camera, never a frozen picture that claims to be live.
 *
 * A pure policy on times that are handed in (monotonic milliseconds). It counts packets, not keyframes: a camera with a long GOP is well.
 * Does not belong here: closing the port (channel.ts, start.ts).
 */

/** `starting`: nothing has come yet. `stalled`: it came, and has stopped for longer than usual. `starved`: for so long that the port must close. */
export type Liveness = 'starting' | 'live' | 'stalled' | 'starved';

/** A pause this long is unusual for any camera; slow ones get three of their own frame intervals. */
const USUAL_PAUSE_MS = 2000;
const FRAMES_MISSED = 3;
/** A look that comes later than this says that we ourselves have slept; what we have not looked at must not count as silence. */
const OVERSLEPT_MS = 1000;

export class Starvation {
  readonly #starvationMs: number;
  #silentSinceMs: number;
  #lastPacketMs: number | undefined;
  #lookedMs: number;
  #pauseMs = USUAL_PAUSE_MS;

  constructor(starvationMs: number, nowMs: number) {
    this.#starvationMs = starvationMs;
    this.#silentSinceMs = nowMs;
    this.#lookedMs = nowMs;
  }

  /** `fps` of the stream that is expected; 0 = unknown. */
  expect(fps: number): void {
    this.#pauseMs = Math.max(USUAL_PAUSE_MS, fps > 0 ? (FRAMES_MISSED * 1000) / fps : 0);
  }

  /** A packet that was captured at this time. Old ones, left in a ring by a camera that is gone, change nothing. */
  packet(capturedMs: number, nowMs: number): void {
    const atMs = Math.min(capturedMs, nowMs);
    if (nowMs - atMs > this.#pauseMs) return;
    this.#lastPacketMs = Math.max(this.#lastPacketMs ?? 0, atMs);
    this.#silentSinceMs = Math.max(this.#silentSinceMs, atMs);
  }

  /** Milliseconds since the newest packet was captured; `null` before the first. */
  ageMs(nowMs: number): number | null {
    return this.#lastPacketMs === undefined ? null : Math.max(0, nowMs - this.#lastPacketMs);
  }

  liveness(nowMs: number): Liveness {
    const age = this.ageMs(nowMs);
    if (nowMs - this.#silentSinceMs >= this.#starvationMs) return 'starved';
    if (age === null) return 'starting';
    return age <= this.#pauseMs ? 'live' : 'stalled';
  }

  /** The same, as a regular look: to be taken after everything in the ring was read. After a sleep of ours the silence begins anew. */
  look(nowMs: number): Liveness {
    if (nowMs - this.#lookedMs > OVERSLEPT_MS) this.#silentSinceMs = nowMs;
    this.#lookedMs = nowMs;
    return this.liveness(nowMs);
  }
}
