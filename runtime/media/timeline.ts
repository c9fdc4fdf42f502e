/**
 * Places packets on the ring's timeline: the camera's clock within a run, the machine's monotonic clock across runs.
 *
 * A run is one connection to the camera. Its first packet is anchored to the moment of its capture; all others follow by the camera's own
 * time stamps, so that distances between packets are exact and sound stays with the picture (all tracks of a run share the anchor). A time
 * stamp that goes back or leaps is a break: the track finds a new anchor and its packet is flagged. Clocks drift apart over days: that is
 * slewed, never stepped. Does not belong here: what the packets hold, and the wall clock.
 *
 * Invariants, per track: dts strictly increases, over all runs; pts >= dts.
 */

/** A packet's time stamps by the camera, in ticks of its track, and the moment it was captured (CLOCK_MONOTONIC). */
export type CameraStamps = {
  readonly track: number;
  readonly timescale: number;
  readonly pts: number;
  readonly dts: number;
  readonly captureUs: number;
};

/** `discontinuity`: what came before on this track is not continued. */
export type PlacedStamps = { readonly pts: number; readonly dts: number; readonly discontinuity: boolean };

/** A leap of more than this between two packets of a track is a break. */
const LEAP_US = 10_000_000;
/** Going back by less than this is jitter of a sloppy camera, and is evened out. */
const JITTER_US = 500_000;
/** A track may take over an anchor that places it this close to its capture; tracks of a run start and break together, but not exactly. */
const ADOPT_US = 2_000_000;
/** Drift is slewed from when it exceeds the first until it is below the second, at no more than SLEW_RATE (500 ppm: moonfire's figure). */
const SLEW_FROM_US = 1_000_000;
const SLEW_UNTIL_US = 50_000;
const SLEW_RATE = 500e-6;
/** Networks only ever delay: the least lateness in a window this long is the clocks' true difference. */
const DRIFT_WINDOW_US = 10_000_000;

/** The difference between the camera's clock and ours, and what is known of its drift. */
class Anchor {
  #offsetUs: number;
  #slewing = false;
  #driftUs = 0;
  #windowStartUs: number;
  #leastLatenessUs = Number.POSITIVE_INFINITY;
  #lastUs: number;

  constructor(cameraUs: number, placedUs: number) {
    this.#offsetUs = placedUs - cameraUs;
    this.#windowStartUs = placedUs;
    this.#lastUs = placedUs;
  }

  get offsetUs(): number {
    return this.#offsetUs;
  }

  place(cameraUs: number): number {
    return cameraUs + this.#offsetUs;
  }

  /** Learns from one packet how far the clocks have drifted apart, and slews. */
  follow(cameraUs: number, captureUs: number): void {
    const elapsedUs = Math.max(0, captureUs - this.#lastUs);
    this.#lastUs = Math.max(this.#lastUs, captureUs);
    this.#leastLatenessUs = Math.min(this.#leastLatenessUs, captureUs - this.place(cameraUs));
    if (captureUs - this.#windowStartUs >= DRIFT_WINDOW_US) {
      this.#driftUs = this.#leastLatenessUs;
      this.#windowStartUs = captureUs;
      this.#leastLatenessUs = Number.POSITIVE_INFINITY;
      this.#slewing = Math.abs(this.#driftUs) > (this.#slewing ? SLEW_UNTIL_US : SLEW_FROM_US);
    }
    if (!this.#slewing) return;
    const step = Math.min(elapsedUs * SLEW_RATE, Math.abs(this.#driftUs)) * Math.sign(this.#driftUs);
    this.#offsetUs += step;
    this.#driftUs -= step;
  }
}

type TrackState = {
  run: number;
  anchor: Anchor;
  /** Of the last packet: by the camera, and as placed. */
  cameraUs: number;
  dts: number;
  placedUs: number;
};

export class Timeline {
  readonly #tracks = new Map<number, TrackState>();
  #run = 1;
  #anchor: Anchor | undefined;
  #highestUs: number;

  /** Nothing is placed at or before `afterUs`: where an earlier process of this camera has stopped. */
  constructor(afterUs = 0) {
    this.#highestUs = afterUs;
  }

  /** The connection is a new one: time stamps have nothing to do with those before. */
  startRun(): void {
    this.#run++;
    this.#anchor = undefined;
  }

  /** Places one packet. Packets of a track come in the order of their dts. */
  place(stamps: CameraStamps): PlacedStamps {
    const ticksPerUs = stamps.timescale / 1e6;
    const cameraUs = stamps.dts / ticksPerUs;
    const before = this.#tracks.get(stamps.track);
    const discontinuity = !before || before.run !== this.#run || isBreak(cameraUs - before.cameraUs);
    const anchor = discontinuity ? this.#findAnchor(cameraUs, stamps.captureUs, before) : before.anchor;

    const offset = Math.round(anchor.offsetUs * ticksPerUs);
    const dts = Math.max(Math.round(stamps.dts + offset), before ? before.dts + 1 : 0);
    const pts = Math.max(Math.round(stamps.pts + offset), dts);
    const placedUs = dts / ticksPerUs;
    this.#tracks.set(stamps.track, { run: this.#run, anchor, cameraUs, dts, placedUs });
    this.#highestUs = Math.max(this.#highestUs, placedUs);
    anchor.follow(cameraUs, stamps.captureUs);
    return { pts, dts, discontinuity };
  }

  #findAnchor(cameraUs: number, captureUs: number, before: TrackState | undefined): Anchor {
    if (this.#anchor) {
      const placedUs = this.#anchor.place(cameraUs);
      const goesOn = !before || placedUs > before.placedUs;
      if (goesOn && Math.abs(placedUs - captureUs) <= ADOPT_US) return this.#anchor;
    }
    // The first anchor of a run begins behind all tracks of the last one, so that none of them has to be squeezed.
    const floorUs = this.#anchor && before ? before.placedUs : this.#highestUs;
    this.#anchor = new Anchor(cameraUs, Math.max(captureUs, floorUs + 1));
    return this.#anchor;
  }
}

function isBreak(deltaUs: number): boolean {
  return deltaUs < -JITTER_US || deltaUs > LEAP_US;
}
