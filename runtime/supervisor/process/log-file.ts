/**
 * Where a daemon's output goes: one file for each kind and channel, appended to, so that it survives both the daemon and the supervisor.
 *
 * Belongs here: opening them, and that none grows without end. Does not belong here: what is in it (runtime/log.ts). A file, never a pipe: a pipe's reader
 * dies with the supervisor, and then the daemon with it.
 */
import { copyFileSync, mkdirSync, openSync, readdirSync, renameSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../../log.ts';

/** A longer file becomes `<name>.log.1`; the one before that is dropped. */
const ROTATE_BYTES = 5 << 20;

/** Opens `<directory>/<kind>-<channel>.log` for appending; the caller closes the descriptor once the daemon has inherited it. */
export function openLogFile(directory: string, kind: string, channel: string): { fd: number; path: string } {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${kind}-${channel}.log`);
  if (isLong(path)) renameSync(path, `${path}.1`);
  return { fd: openSync(path, 'a', 0o600), path };
}

/**
 * Rotates the files that processes write to at this moment: they have them open, so what is in them is copied away, and what is written next begins at
 * the front again (they append). A line that is written between the two is lost.
 */
export function rotateOpenLogs(directory: string, log: Logger): void {
  try {
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      if (!name.endsWith('.log') || !isLong(path)) continue;
      copyFileSync(path, `${path}.1`);
      truncateSync(path);
    }
  } catch (error) {
    log.warn({ err: error }, 'a log cannot be rotated');
  }
}

function isLong(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > ROTATE_BYTES;
}
