/**
 * What a supervisor takes hold of on the machine: its run directory, exclusively, and the two places that may have to be elsewhere.
 *
 * Does not belong here: what is put there.
 */
import { rmdirSync } from 'node:fs';
import { BulkheadError } from '../errors.ts';
import { acquireLock } from '../ring/lock.ts';
import { controlSocketDirectory, controlSocketPath } from './process/control-path.ts';
import { lockPath, writeHolder } from './holder.ts';
import { statusPageDirectory } from './process/page-path.ts';
import { ensurePrivateDirectory } from './private-directory.ts';

export type Place = {
  readonly runDirectory: string;
  readonly controlSocket: string;
  readonly pageDirectory: string;
  /** Makes directories that somebody has removed, and takes the lock in them. Throws when that cannot be had. */
  readonly renew: () => void;
  /** Lets go of it; what is empty outside the run directory is removed. */
  readonly release: () => void;
};

/** Throws `conflict` when another supervisor works there. */
export function takePlace(runDirectory: string): Place {
  ensurePrivateDirectory(runDirectory);
  // The lock comes first: everything below belongs to whoever has it. The kernel releases it, however its holder ends.
  const lock = acquireLock(lockPath(runDirectory));
  if (lock === undefined) {
    throw new BulkheadError(
      'conflict',
      `Another Bulkhead works in ${runDirectory}. Stop it first (bulkhead stop), or give this one another home.`,
      { context: { path: runDirectory } },
    );
  }
  const controlSocket = controlSocketPath(runDirectory);
  const pageDirectory = statusPageDirectory(runDirectory);
  const elsewhere = [pageDirectory, controlSocketDirectory(runDirectory, controlSocket)].filter(
    (directory) => directory !== undefined && directory !== runDirectory,
  ) as string[];
  try {
    writeHolder(runDirectory);
    for (const directory of elsewhere) ensurePrivateDirectory(directory);
  } catch (error) {
    lock.release();
    throw error;
  }
  const locks = [lock];
  return {
    runDirectory,
    controlSocket,
    pageDirectory,
    renew: () => {
      for (const directory of [runDirectory, ...elsewhere]) ensurePrivateDirectory(directory);
      // A lock whose file is gone keeps nobody out. While the file is still there it is ours, and cannot be had twice.
      const again = acquireLock(lockPath(runDirectory));
      if (again === undefined) return;
      locks.push(again);
      writeHolder(runDirectory);
    },
    release: () => {
      elsewhere.forEach(removeIfEmpty);
      for (const held of locks) held.release();
    },
  };
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Something of a daemon that did not end is still there.
  }
}
