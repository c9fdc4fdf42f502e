/**
 * What a standby may leave behind beside its state file and its status page: the ring on which it rehearses. Named in one place, because the process
 * that makes it is not the one that sweeps up after it.
 */
import { existsSync } from 'node:fs';
import { removeRing } from '../../ring/remove-ring.ts';

const SUFFIX = '.rehearsal';

/** Where the standby with this status page may make a ring. */
export function scratchOf(statusPage: string): string {
  return statusPage + SUFFIX;
}

/** Whether a file in the folder of the status pages is part of such a ring. */
export function isScratch(name: string): boolean {
  return name.includes(SUFFIX);
}

/** Removes the ring of a standby that is gone. */
export function removeScratch(statusPage: string): void {
  const scratch = scratchOf(statusPage);
  if (existsSync(`${scratch}.lock`)) removeRing(scratch);
}
