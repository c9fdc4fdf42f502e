/**
 * Where things lie: everything that lasts in the home folder, rings in memory. The supervisor's socket is its own matter (supervisor/process/control-path.ts).
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export type Paths = {
  readonly home: string;
  readonly run: string;
  readonly logs: string;
  /** What happened, for longer than anything runs. */
  readonly events: string;
  /** A folder of this home's own on tmpfs, or in the temporary folder where there is none. */
  readonly rings: string;
};

const SHARED_MEMORY = '/dev/shm';

function shortHash(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}

/** The paths of a home; equal homes have equal paths in every process, so that a new supervisor finds the old one's rings. */
export function pathsOf(home: string): Paths {
  const absolute = path.resolve(home);
  const inMemory = process.platform === 'linux' && existsSync(SHARED_MEMORY);
  return {
    home: absolute,
    run: path.join(absolute, 'run'),
    logs: path.join(absolute, 'logs'),
    events: path.join(absolute, 'events'),
    rings: path.join(inMemory ? SHARED_MEMORY : os.tmpdir(), `bulkhead-${os.userInfo().uid}-${shortHash(absolute, 8)}`),
  };
}

/** The ring of a source: a name that no flow can break out of its folder with. */
export function ringPath(paths: Paths, sourceId: string): string {
  return path.join(paths.rings, `${shortHash(sourceId, 16)}.ring`);
}
