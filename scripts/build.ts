/**
 * Builds the package: TypeScript to `dist/`, and beside it what is not TypeScript. `--if-stale` does nothing when `dist/` is newer than every source.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, globSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const STAMP = path.join(root, 'dist/.built');
const SOURCES = ['nodes', 'runtime', 'daemon', 'ui', 'flows'];
const COMPILED = /\.ts$|tsconfig\.json$/;

function sourceFiles(): string[] {
  return SOURCES.flatMap((folder) => globSync(`${folder}/**/*`, { cwd: root })).filter((file) =>
    statSync(path.join(root, file)).isFile(),
  );
}

function isFresh(): boolean {
  if (!existsSync(STAMP)) return false;
  const builtMs = statSync(STAMP).mtimeMs;
  return [...sourceFiles(), 'package.json', 'tsconfig.build.json'].every(
    (file) => statSync(path.join(root, file)).mtimeMs <= builtMs,
  );
}

function compile(project: string): void {
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
  const { bin } = JSON.parse(readFileSync(typescript, 'utf8')) as { bin: Record<string, string> };
  const tsc = path.join(path.dirname(typescript), bin['tsc'] ?? 'bin/tsc');
  const result = spawnSync(process.execPath, [tsc, '-p', project], { cwd: root, stdio: 'inherit' });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

if (process.argv.includes('--if-stale') && isFresh()) process.exit(0);

rmSync(path.join(root, 'dist'), { recursive: true, force: true });
rmSync(path.join(root, 'examples'), { recursive: true, force: true });
compile('tsconfig.build.json');
compile('ui/tsconfig.json');
for (const file of sourceFiles()) {
  if (!COMPILED.test(file)) cpSync(path.join(root, file), path.join(root, 'dist', file));
}
// Node-RED looks for examples in the package's root only.
cpSync(path.join(root, 'flows/examples'), path.join(root, 'examples'), { recursive: true });
const command = path.join(root, 'dist/runtime/server/main.js');
if (existsSync(command)) chmodSync(command, 0o755);
writeFileSync(STAMP, '');
