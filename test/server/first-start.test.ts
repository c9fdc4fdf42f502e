import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { prepareHome } from '../../runtime/server/first-start.ts';

let folder: string;
let home: string;
let defaultFlow: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-first-start-'));
  home = path.join(folder, 'deep/home');
  defaultFlow = path.join(folder, 'default.json');
  writeFileSync(defaultFlow, '[{"id":"tab","type":"tab"}]');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const modeOf = (file: string) => statSync(path.join(home, file)).mode & 0o777;
const read = (file: string) => readFileSync(path.join(home, file), 'utf8');

test('the first start makes a password, shows it once and keeps only its hash', async () => {
  const first = await prepareHome(home, defaultFlow, undefined);
  const password = first.newPassword ?? '';
  await expect(first.admin.check(password)).resolves.toBe(true);
  expect(read('admin.json')).not.toContain(password);

  const second = await prepareHome(home, defaultFlow, undefined);
  expect(second.newPassword).toBeUndefined();
  await expect(second.admin.check(password)).resolves.toBe(true);
  await expect(second.admin.check(`${password}x`)).resolves.toBe(false);
});

test('a preset password is taken at the first start only, and never shown', async () => {
  const first = await prepareHome(home, defaultFlow, 'preset-one');
  expect(first.newPassword).toBeUndefined();
  const second = await prepareHome(home, defaultFlow, 'preset-two');
  await expect(second.admin.check('preset-one')).resolves.toBe(true);
  await expect(second.admin.check('preset-two')).resolves.toBe(false);
});

test('the home folder and its secrets are readable by their owner only', async () => {
  await prepareHome(home, defaultFlow, undefined);
  expect(statSync(home).mode & 0o777).toBe(0o700);
  expect([modeOf('admin.json'), modeOf('credential-secret')]).toEqual([0o600, 0o600]);
});

test('the credential secret is random and stays what it is', async () => {
  const { credentialSecret } = await prepareHome(home, defaultFlow, undefined);
  expect(credentialSecret).toMatch(/^[0-9a-f]{64}$/);
  expect((await prepareHome(home, defaultFlow, undefined)).credentialSecret).toBe(credentialSecret);
  const other = await prepareHome(path.join(folder, 'other'), defaultFlow, undefined);
  expect(other.credentialSecret).not.toBe(credentialSecret);
});

test('flows that somebody made are never written over', async () => {
  await prepareHome(home, defaultFlow, undefined);
  expect(read('flows.json')).toBe(readFileSync(defaultFlow, 'utf8'));
  writeFileSync(path.join(home, 'flows.json'), '[]');
  await prepareHome(home, defaultFlow, undefined);
  expect(read('flows.json')).toBe('[]');
});

test('a new password ends the sessions of the old one', async () => {
  await prepareHome(home, defaultFlow, 'preset-one');
  writeFileSync(path.join(home, '.sessions.json'), '{"token":{}}');
  await prepareHome(home, defaultFlow, undefined);
  expect(read('.sessions.json')).toContain('token');
  rmSync(path.join(home, 'admin.json'));
  await prepareHome(home, defaultFlow, 'preset-two');
  expect(() => read('.sessions.json')).toThrow(/ENOENT/);
});

test('a damaged administrator file is refused with what to do about it, not replaced', async () => {
  await prepareHome(home, defaultFlow, undefined);
  writeFileSync(path.join(home, 'admin.json'), '{');
  await expect(prepareHome(home, defaultFlow, undefined)).rejects.toThrow(/admin\.json is not readable\. Delete it/);
  expect(read('admin.json')).toBe('{');
});
