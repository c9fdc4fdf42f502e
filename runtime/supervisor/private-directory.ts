/**
 * Directories that hold what only this user may touch: state files, sockets, status pages.
 *
 * Does not belong here: where they are (paths.ts).
 */
import { chmodSync, lstatSync } from 'node:fs';
import { BulkheadError, toBulkheadError } from '../errors.ts';
import { makeDirectory } from '../make-directory.ts';

/**
 * Makes `path` a directory of this user that nobody else may enter. In a folder that all users share somebody else may have put one of
 * that name there first: it is refused (`conflict`), never used.
 */
export function ensurePrivateDirectory(path: string): void {
  try {
    makeDirectory(path);
    if (process.getuid === undefined) return;
    const found = lstatSync(path);
    if (!found.isDirectory() || found.uid !== process.getuid()) {
      throw new BulkheadError('conflict', `${path} belongs to somebody else. Remove it, or choose another home.`, {
        context: { path },
      });
    }
    if ((found.mode & 0o077) !== 0) chmodSync(path, 0o700);
  } catch (error) {
    throw toBulkheadError(error, `preparing the directory ${path}`, { path });
  }
}
