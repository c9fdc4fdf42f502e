/**
 * `npm test`: everything that must hold before a change lands, in the order in which it is cheapest to fail. Arguments go to jest
 * (`npm test -- test/ring`) and then only the tests run. Ends with one line, `N passed, N failed`, over checks and tests together.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ensureSystemPackages } from './system-packages.ts';

const root = path.resolve(import.meta.dirname, '..');
const bin = path.join(root, 'node_modules/.bin');
const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env['PATH'] ?? ''}` };

type Check = { readonly name: string; readonly command: readonly [string, ...string[]] };

const CHECKS: readonly Check[] = [
  { name: 'build', command: ['node', 'scripts/build.ts'] },
  { name: 'types', command: ['npm', 'run', '--silent', 'typecheck'] },
  { name: 'lint', command: ['npm', 'run', '--silent', 'lint'] },
  { name: 'format', command: ['npm', 'run', '--silent', 'format:check'] },
  { name: 'unused code', command: ['npm', 'run', '--silent', 'unused'] },
  { name: 'lock file unchanged by the installation', command: ['node', 'scripts/check-lock.ts'] },
  { name: 'package contents', command: ['publint', '--strict'] },
];

let passed = 0;
let failed = 0;

function run([command, ...args]: readonly [string, ...string[]]): boolean {
  return spawnSync(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}

function runChecks(): void {
  for (const { name, command } of CHECKS) {
    const startedMs = Date.now();
    const ok = run(command);
    console.log(`${ok ? 'ok' : 'FAILED'}  ${name} (${((Date.now() - startedMs) / 1000).toFixed(1)} s)`);
    if (ok) passed += 1;
    else failed += 1;
  }
}

/** Runs jest and adds its counts; a run that ends without a report counts as one failure. */
function runTests(args: readonly string[]): void {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-test-'));
  const report = path.join(folder, 'report.json');
  const ok = run([
    'node',
    path.join(root, 'node_modules/jest/bin/jest.js'),
    '--json',
    `--outputFile=${report}`,
    ...args,
  ]);
  try {
    const counts = JSON.parse(readFileSync(report, 'utf8')) as {
      numPassedTests: number;
      numFailedTests: number;
      numRuntimeErrorTestSuites: number;
    };
    passed += counts.numPassedTests;
    failed += counts.numFailedTests + counts.numRuntimeErrorTestSuites;
    if (!ok && failed === 0) failed += 1;
  } catch {
    failed += 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const jestArguments = process.argv.slice(2);
if (!ensureSystemPackages()) {
  console.log('0 passed, 1 failed');
  process.exit(1);
}
if (jestArguments.length === 0) runChecks();
runTests(jestArguments);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
