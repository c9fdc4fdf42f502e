/**
 * Removing a ring with everything that belongs to it. Not here: deciding that nobody needs it any more.
 */
import { rmSync } from 'node:fs';
import { acquireLock } from './lock.ts';

/**
 * Removes ring, bell and lock, unless a writer is alive: then `false`, and nothing is touched. Readers that have the ring mapped keep what they
 * have, and `wasReplaced` tells them.
 */
export function removeRing(path: string): boolean {
  const lock = acquireLock(`${path}.lock`);
  if (lock === undefined) return false;
  for (const part of ['', '.tmp', '.bell', '.sock']) rmSync(path + part, { force: true });
  // Windows removes no open file; elsewhere the lock goes while it is held, and whoever waits for it notices.
  if (process.platform === 'win32') lock.release();
  rmSync(lock.path, { force: true });
  lock.release();
  return true;
}
