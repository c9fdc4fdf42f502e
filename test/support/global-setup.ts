/** Node-RED loads the built package, so tests that start it need a current build; this one does nothing when nothing has changed. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';

export default function buildIfStale(): void {
  const script = path.resolve(__dirname, '../../scripts/build.ts');
  execFileSync(process.execPath, [script, '--if-stale'], { stdio: 'inherit' });
}
