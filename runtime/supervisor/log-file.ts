/**
 * Where a daemon's output goes: one file for each kind and channel, appended to, so that it survives both the daemon and the supervisor.
 *
 * Does not belong here: what is in it (runtime/log.ts). A file, never a pipe: a pipe's reader dies with the supervisor, and then the daemon with it.
 */
import { mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** At a spawn a longer file becomes `<name>.log.1`; the one before that is dropped. */
const ROTATE_BYTES = 5 << 20;

/** Opens `<directory>/<kind>-<channel>.log` for appending; the caller closes the descriptor once the daemon has inherited it. */
export function openLogFile(directory: string, kind: string, channel: string): { fd: number; path: string } {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${kind}-${channel}.log`);
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > ROTATE_BYTES) renameSync(path, `${path}.1`);
  return { fd: openSync(path, 'a', 0o600), path };
}
