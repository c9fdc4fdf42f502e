/** The middle of some numbers, and the line through points that a few wild ones do not bend (Theil 1950, Sen 1968). Pure. */

/** NaN of none. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export type Point = { readonly x: number; readonly y: number };
export type Line = { readonly slope: number; readonly at: (x: number) => number };

/** The line whose slope is the median of the slopes between all pairs. Null without two points of different x. */
export function theilSen(points: readonly Point[]): Line | null {
  const slopes = points.flatMap((a, i) =>
    points.slice(i + 1).flatMap((b) => (a.x === b.x ? [] : [(b.y - a.y) / (b.x - a.x)])),
  );
  if (slopes.length === 0) return null;
  const slope = median(slopes);
  const offset = median(points.map(({ x, y }) => y - slope * x));
  return { slope, at: (x) => offset + slope * x };
}
