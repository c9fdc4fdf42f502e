/**
 * The sample rate that transcoded sound gets. Telephone rates are doubled: an access unit is 1024 samples whatever the rate, and at 8 kHz that
 * would be 128 ms of delay.
 */

/** Rates that AAC has (ISO/IEC 14496-3 table 1.18) and every player plays. */
const PLAYABLE = [16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
const LOWEST = 16_000;
const FALLBACK = 48_000;

export function outputRate(inputRate: number): number {
  let rate = inputRate;
  while (rate > 0 && rate < LOWEST) rate *= 2;
  return PLAYABLE.includes(rate) ? rate : FALLBACK;
}
