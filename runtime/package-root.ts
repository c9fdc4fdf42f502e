/**
 * Where this package lies: the folder of its package.json, above the sources or above `dist`, whichever is running.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BulkheadError } from './errors.ts';

export function packageRoot(): string {
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'package.json'))) return folder;
    if (folder === path.dirname(folder)) {
      throw new BulkheadError('internal', 'This package has no package.json above its code; install it again.');
    }
  }
}
