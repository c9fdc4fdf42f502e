/**
 * Fails when an installation has changed the committed lock file, or when it names download addresses: then the next machine would not get
 * what was tested here.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const lock = readFileSync(path.join(root, 'package-lock.json'), 'utf8');
if (/"resolved": "https?:/.test(lock)) {
  console.error('package-lock.json names download addresses: install again with the .npmrc of this project.');
  process.exit(1);
}
const diff = spawnSync('git', ['diff', '--stat', 'HEAD', '--', 'package-lock.json'], { cwd: root, encoding: 'utf8' });
if (diff.status === 0 && diff.stdout.trim() !== '') {
  console.error(`The installation changed package-lock.json; commit it or undo it.\n${diff.stdout}`);
  process.exit(1);
}
