/**
 * FFmpeg's timestamps as numbers. A time base of 1/n is kept, so that timestamps stay exact; any other is brought to 90 kHz.
 */
import { AV_NOPTS_VALUE } from 'node-av/constants';

/** Seconds a tick, as a fraction. */
export type TimeBase = { readonly num: number; readonly den: number };

const FALLBACK_TIMESCALE = 90_000;

/** Ticks per second of `ticksOf`. */
export function timescaleOf({ num, den }: TimeBase): number {
  return num === 1 ? den : FALLBACK_TIMESCALE;
}

/** Ticks; undefined = FFmpeg does not know either. */
export function ticksOf({ num, den }: TimeBase, value: bigint): number | undefined {
  if (value === AV_NOPTS_VALUE) return undefined;
  return num === 1 ? Number(value) : Math.round((Number(value) * num * FALLBACK_TIMESCALE) / den);
}

/** Microseconds; undefined = not known. */
export function microsecondsOf({ num, den }: TimeBase, value: bigint): number | undefined {
  return value === AV_NOPTS_VALUE ? undefined : (Number(value) * num * 1e6) / den;
}

/** FFmpeg's own units. */
export function fromMicroseconds({ num, den }: TimeBase, us: number): bigint {
  return BigInt(Math.round((us * den) / (num * 1e6)));
}
