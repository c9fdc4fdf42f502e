/**
 * Where a supervisor's status pages are: in memory on Linux, because a page that beats four times a second on a disk would be written back for
 * ever, and a disk that stalls would stall the beat with it. Elsewhere in the run directory.
 *
 * The same run directory gives the same place in every process. Does not belong here: what a page holds (status-page.ts).
 */
import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';

const SHARED_MEMORY = '/dev/shm';

export function statusPageDirectory(runDirectory: string): string {
  const absolute = resolve(runDirectory);
  if (process.platform !== 'linux') return absolute;
  try {
    accessSync(SHARED_MEMORY, constants.W_OK | constants.X_OK);
  } catch {
    return absolute;
  }
  const name = createHash('sha256').update(absolute).digest('hex').slice(0, 16);
  return join(SHARED_MEMORY, `bulkhead-${userInfo().uid}-${name}-status`);
}
