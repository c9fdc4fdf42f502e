/**
 * Makes a directory with what is missing above it, for its owner alone. Node's own `recursive` never returns where a parent exists and refuses
 * children with ENOENT, as `/proc` does; this throws then.
 */
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';

export function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(directory).isDirectory()) return;
    const parent = path.dirname(directory);
    if (code !== 'ENOENT' || parent === directory) throw error;
    makeDirectory(parent);
    mkdirSync(directory, { mode: 0o700 });
  }
}
