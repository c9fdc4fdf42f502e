import { checkPassword, generatePassword, hashPassword } from '../../runtime/server/password.ts';

test('a generated password has four groups of letters and digits that nobody confuses, and is another one each time', () => {
  const passwords = Array.from({ length: 50 }, generatePassword);
  for (const password of passwords) expect(password).toMatch(/^([a-hjkmnp-z2-9]{4}-){3}[a-hjkmnp-z2-9]{4}$/);
  expect(new Set(passwords).size).toBe(50);
});

test('a hash accepts its password and no other', async () => {
  const hash = await hashPassword('correct horse');
  await expect(checkPassword('correct horse', hash)).resolves.toBe(true);
  await expect(checkPassword('correct horsf', hash)).resolves.toBe(false);
  await expect(checkPassword('', hash)).resolves.toBe(false);
});

test('two hashes of one password differ, and neither holds it', async () => {
  const [a, b] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')]);
  expect(a).not.toBe(b);
  expect(a).not.toContain('correct');
});

test.each(['', 'plain', '$2b$08$abcdefghijklmnopqrstuv', 'scrypt$3$8$1$AAAA$AAAA', 'scrypt$99999999$8$1$AAAA$AAAA'])(
  'a stored value that is not a hash of ours (%s) accepts nothing',
  async (hash) => {
    await expect(checkPassword('anything', hash)).resolves.toBe(false);
  },
);
