/**
 * Documentation is kept true by tests: links lead somewhere, decisions are numbered without a hole, every command the README names exists, and
 * nothing in the tree names a machine.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');
const pages = ['README.md', 'CHANGELOG.md', ...globSync('docs/**/*.md', { cwd: root })];

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

test.each(pages)('every relative link in %s leads to a file', (page) => {
  const targets = [...read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '');
  const dead = targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => !existsSync(path.resolve(root, path.dirname(page), target)));
  expect(dead).toEqual([]);
});

test('decision records are numbered without a hole and say when they were decided', () => {
  const records = readdirSync(path.join(root, 'docs/decisions')).toSorted();
  records.forEach((name, index) => {
    expect(name).toMatch(new RegExp(`^${String(index + 1).padStart(4, '0')}-[a-z0-9-]+\\.md$`));
    expect(read(`docs/decisions/${name}`)).toMatch(/\*\*Decided\*\* \d{4}-\d{2}-\d{2}\./);
  });
});

test('every npm script that the documentation names exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const known = new Set([...Object.keys(scripts), 'start', 'test', 'install']);
  const named = pages.flatMap((page) =>
    [...read(page).matchAll(/npm (?:run )?([a-z]+:[a-z:-]+)/g)].map((match) => match[1] ?? ''),
  );
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});

test('every file that a script of package.json runs is there or is built', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const files = Object.values(scripts).flatMap((script) => script.match(/\S+\.ts\b/g) ?? []);
  expect(files.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
});

test('no file of the tree names a path of a developer machine or the host of a registry', () => {
  const marks = /\/(?:work|root)\/|registry\.npmjs|deb\.debian/;
  const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
  const text = tracked.filter(
    (file) => /\.(ts|js|json|md|html|css|sh|py|svg|yml)$/.test(file) && file !== 'package-lock.json',
  );
  const found = text.filter((file) => existsSync(path.join(root, file)) && marks.test(read(file)));
  expect(found).toEqual([]);
});
