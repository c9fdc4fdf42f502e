/**
 * What a channel lost during a trial: in its ring, at its camera, at its viewer.
 *
 * Belongs here: counting, over what the lane's reader and viewer saw since a mark. Does not belong here: when a trial begins and ends (trial.ts).
 */
import { FRAME_MS, type Lane } from './rig.ts';

export type Losses = {
  /** Breaks of the ring's sequence. */
  readonly ring: number;
  /** Pictures that the camera sent and no capture daemon took. */
  readonly camera: number;
  /** Pictures that are in the ring and did not reach the viewer. */
  readonly viewer: number;
  /** Connections that the viewer lost. */
  readonly closed: number;
  /** Dials of the viewer that were refused. */
  readonly refused: number;
};

export type Mark = {
  /** Ends the counting. Call it when the viewer is at the live edge again. */
  readonly losses: () => Losses;
};

/** Begins to count; the last picture that the viewer has is the first one of which everything after must arrive. */
export function mark({ viewer, ring }: Lane): Mark {
  ring.look();
  const fromSeq = viewer.newestSeq;
  const { lost, refused } = viewer;
  const gaps = ring.gaps.length;
  return {
    losses: () => {
      // What the viewer has is in the ring; what the ring has may be on its way.
      ring.look();
      const pictures = [...ring.pictures.values()].filter(({ seq }) => seq >= fromSeq);
      const due = pictures.filter(({ seq }) => seq > fromSeq && seq <= viewer.newestSeq);
      return {
        ring: ring.gaps.length - gaps,
        camera: missing(pictures.map(({ dtsSeconds }) => dtsSeconds * 1000)),
        viewer: due.filter(({ seq }) => !viewer.pictures.has(seq)).length,
        closed: viewer.lost - lost,
        refused: viewer.refused - refused,
      };
    },
  };
}

/** How many frames are missing between times that should be a frame apart. */
function missing(timesMs: readonly number[]): number {
  let sum = 0;
  for (const [index, timeMs] of timesMs.entries()) {
    if (index > 0) sum += Math.max(0, Math.round((timeMs - timesMs[index - 1]!) / FRAME_MS) - 1);
  }
  return sum;
}

export const NO_LOSSES: Losses = { ring: 0, camera: 0, viewer: 0, closed: 0, refused: 0 };

export function sumLosses(all: readonly Losses[]): Losses {
  return all.reduce(
    (sum, one) => ({
      ring: sum.ring + one.ring,
      camera: sum.camera + one.camera,
      viewer: sum.viewer + one.viewer,
      closed: sum.closed + one.closed,
      refused: sum.refused + one.refused,
    }),
    NO_LOSSES,
  );
}
