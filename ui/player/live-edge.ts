/**
 * Keeps playback at the live edge: when to start, where to jump, how fast to play, what to forget.
 *
 * A pure policy: it is given what is buffered and where playback stands, and answers what to do. All times in seconds of the stream, except
 * `nowMs`. Does not belong here: the video element (player.ts), the SourceBuffer (buffer.ts).
 */

export type Range = readonly [start: number, end: number];

export type Playback = {
  readonly position: number;
  /** What is buffered, in order. */
  readonly ranges: readonly Range[];
  /** When the newest picture is to be shown. */
  readonly edge: number;
  readonly playing: boolean;
  /** Nobody looks: the page is in the background. */
  readonly hidden: boolean;
  readonly nowMs: number;
};

export type Advice = {
  /** Where to go; `undefined` = stay. */
  readonly seekTo: number | undefined;
  readonly play: boolean;
  readonly rate: number;
};

/** How far behind the edge playback wants to be: less stutters, more is late. It grows with every stall, and shrinks again. */
const LEAST_TARGET = 0.2;
const MOST_TARGET = 1;
const GROWTH = 1.5;
const CALM_MS = 20_000;
const SHRINK = 0.85;
/** Further behind than this is not hurried through but left out. */
const TOO_FAR = 2.5;
/** Hurrying begins this far behind the target, and is too little to be noticed. */
const SLACK = 0.25;
const HURRY = 1.06;
/** Distances below this are rounding. */
const NOTHING = 0.01;
/** What lies behind playback is kept for so long. */
const KEEP_BEHIND = 8;
/** In the background playback may stand still; then this is kept behind the edge. */
const KEEP_HIDDEN = 15;

export class LiveEdge {
  #target = LEAST_TARGET;
  #changedMs = 0;

  /** Seconds behind the newest picture that playback aims for. */
  get target(): number {
    return this.#target;
  }

  /** Playback had to wait for data although it was at the edge: the line is less steady than thought. */
  stalled(nowMs: number): void {
    // One hiccup makes several events.
    if (nowMs - this.#changedMs < 500) return;
    this.#target = Math.min(MOST_TARGET, this.#target * GROWTH);
    this.#changedMs = nowMs;
  }

  advise(now: Playback): Advice {
    this.#relax(now.nowMs);
    const range = now.ranges.find(([start, end]) => now.position >= start - NOTHING && now.position <= end + NOTHING);
    if (!range) return { seekTo: this.#entry(now), play: now.playing, rate: 1 };
    const behind = now.edge - now.position;
    const gapEnd = this.#gapAhead(now, range);
    if (gapEnd !== undefined) return { seekTo: gapEnd, play: now.playing, rate: 1 };
    if (!now.hidden && behind > this.#target + TOO_FAR) {
      return { seekTo: this.#entry(now), play: true, rate: 1 };
    }
    // At the beginning playback waits until there is something to live on, or it would stall at once.
    const play = now.playing || behind >= this.#target || now.ranges.length > 1;
    return { seekTo: undefined, play, rate: behind > this.#target + SLACK ? HURRY : 1 };
  }

  /** Where to enter what is buffered: at the target distance from the edge, but not before its last unbroken part. */
  #entry({ ranges, edge, position }: Playback): number | undefined {
    const last = ranges.findLast(([start]) => start <= edge) ?? ranges.at(-1);
    if (!last) return undefined;
    const entry = Math.max(last[0], Math.min(edge - this.#target, last[1]));
    return Math.abs(entry - position) < NOTHING ? undefined : entry;
  }

  /** At the end of a part with another one behind it, there is nothing to wait for: the gap will not be filled. */
  #gapAhead({ ranges, position }: Playback, range: Range): number | undefined {
    const next = ranges[ranges.indexOf(range) + 1];
    return next && range[1] - position < 0.1 ? next[0] + NOTHING / 2 : undefined;
  }

  #relax(nowMs: number): void {
    if (nowMs - this.#changedMs < CALM_MS) return;
    this.#target = Math.max(LEAST_TARGET, this.#target * SHRINK);
    this.#changedMs = nowMs;
  }
}

/**
 * Up to where may be forgotten, or `undefined`. It is always the time of a keyframe: removing in the middle of a GOP would remove the rest
 * of it too (Media Source Extensions, coded frame removal), and with a long GOP that is what is being watched.
 */
export function forgetBefore(now: Playback, keyTimes: readonly number[]): number | undefined {
  const [first] = now.ranges;
  if (!first) return undefined;
  const needed = now.hidden ? Math.max(now.position, now.edge - KEEP_HIDDEN) : now.position;
  const limit = now.hidden ? needed : needed - KEEP_BEHIND;
  const key = keyTimes.findLast((time) => time <= limit);
  return key !== undefined && key > first[0] + 1 ? key : undefined;
}
