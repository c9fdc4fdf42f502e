/**
 * Every figure of the memory policy in one place. A supervisor may be given others (`SupervisorOptions.memory`): a bench does not wait an hour for a slope.
 *
 * Belongs here: the figures and why they are what they are (docs/decisions/0009). Does not belong here: judging by them (memory.ts, recycling.ts).
 */
import type { DaemonKind } from '../../message/config.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MIB = 1 << 20;

export type MemoryPolicy = {
  /** How often private memory is read: 26 us a process. What grows by 500 MiB/s is seen before it has taken a machine's last gibibyte. */
  readonly readMs: number;
  /** The hard limit is at least this: some multiple of what the kind needs in the worst case that is still right. */
  readonly hardFloorBytes: Readonly<Record<DaemonKind, number>>;
  /** The hard limit, as a multiple of the baseline. */
  readonly hardFactor: number;
  /** No daemon may have more than this part of the machine's memory, unless it has had from the start. */
  readonly machineShare: number;
  /** So many readings in a row above the hard limit: one may be the moment before a collection. */
  readonly hardReadings: number;
  /** Above this multiple of the hard limit nobody waits for a successor. */
  readonly killFactor: number;
  readonly softFactor: number;
  readonly softMarginBytes: number;
  /** Above the soft limit for this long without a break. */
  readonly softSustainedMs: number;
  /** The baseline is the median between these ages of a ready daemon; before that it is the lowest reading. */
  readonly baselineFromMs: number;
  readonly baselineToMs: number;
  /** The slope is taken over the minima of windows of this length: a minimum does not see the saw-tooth of the collector. */
  readonly windowMs: number;
  readonly mostWindows: number;
  readonly leastWindows: number;
  /** A slope that would reach the hard limit within this time, */
  readonly horizonMs: number;
  /** and by which memory has grown by more than this part already. */
  readonly growth: number;
  /** A graceful recycle that can wait: not before the daemon is this old, */
  readonly leastAgeMs: number;
  /** this long after the last one of its channel, and of any channel, */
  readonly apartMs: number;
  readonly apartFromAllMs: number;
  /** and after this long whether or not there has been a quiet time. */
  readonly patienceMs: number;
  /** A recycle at the hard limit that did not come about is tried again after this. */
  readonly retryMs: number;
  /** More recycles for memory than this within the time are a leak that somebody should hear of, once in that time. */
  readonly leakRecycles: number;
  readonly leakWindowMs: number;
};

export const MEMORY: MemoryPolicy = {
  readMs: 1_000,
  // A stream daemon needs 15 to 20 MiB, and 12 more when the queues of all its viewers are full. A capture daemon needs about 40, and holds a
  // demuxer's buffers and several pictures of any size besides.
  hardFloorBytes: { stream: 256 * MIB, capture: 512 * MIB, probe: 512 * MIB },
  hardFactor: 3,
  machineShare: 0.25,
  hardReadings: 2,
  killFactor: 1.5,
  softFactor: 1.5,
  softMarginBytes: 96 * MIB,
  softSustainedMs: 5 * MINUTE_MS,
  baselineFromMs: 5 * MINUTE_MS,
  baselineToMs: 15 * MINUTE_MS,
  windowMs: 5 * MINUTE_MS,
  mostWindows: 12,
  leastWindows: 8,
  horizonMs: 6 * HOUR_MS,
  growth: 0.2,
  leastAgeMs: 30 * MINUTE_MS,
  apartMs: 10 * MINUTE_MS,
  apartFromAllMs: MINUTE_MS,
  patienceMs: 24 * HOUR_MS,
  retryMs: 5_000,
  leakRecycles: 3,
  leakWindowMs: 24 * HOUR_MS,
};
