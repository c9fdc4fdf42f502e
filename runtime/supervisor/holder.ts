/**
 * Who works in a run directory: written into the lock file by whoever holds the lock, for those who want it to stop.
 *
 * Belongs here: writing and reading that name. Does not belong here: the lock itself (ring/lock.ts), which alone decides. What the file says
 * counts only while the process that it names is alive: a dead holder leaves it behind.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from '../message/parse.ts';
import { identify, isAlive, type ProcessIdentity } from './process/identity.ts';
import { processIdentity } from './process/state-file.ts';

export function lockPath(runDirectory: string): string {
  return join(runDirectory, 'supervisor.lock');
}

/** Called by the holder of the lock. Where a process cannot be identified (Windows), nothing is written and nobody is found. */
export function writeHolder(runDirectory: string): void {
  const self = identify(process.pid);
  if (self !== undefined) writeFileSync(lockPath(runDirectory), JSON.stringify(self));
}

/** The process that works there; undefined when nobody does. */
export function readHolder(runDirectory: string): ProcessIdentity | undefined {
  try {
    const holder = parse(processIdentity, JSON.parse(readFileSync(lockPath(runDirectory), 'utf8')));
    return isAlive(holder) ? holder : undefined;
  } catch {
    return undefined;
  }
}
