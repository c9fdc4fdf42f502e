/**
 * What a home folder holds before anything runs: the default flow, the administrator, the secret that encrypts Node-RED's credentials. Each file is created once,
 * readable by its owner only, and never written over.
 */
import { randomBytes } from 'node:crypto';
import { access, constants, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { BulkheadError, toBulkheadError } from '../errors.ts';
import { makeDirectory } from '../make-directory.ts';
import { anyFilledText } from '../message/fields.ts';
import { parse } from '../message/parse.ts';
import { checkPassword, generatePassword, hashPassword } from './password.ts';

const FLOW_FILE = 'flows.json';
const ADMIN_FILE = 'admin.json';
const SECRET_FILE = 'credential-secret';
/** Node-RED's own: the tokens of people who are logged in. */
const SESSION_FILE = '.sessions.json';

const adminSchema = v.strictObject({ username: anyFilledText, hash: anyFilledText });

export type Home = {
  readonly admin: { readonly username: string; readonly check: (password: string) => Promise<boolean> };
  readonly credentialSecret: string;
  /** The password that was made just now; undefined when there was one, or when it was preset. */
  readonly newPassword: string | undefined;
};

/** Runs `create` when the file is not there; true when it was not. */
async function unlessThere(create: () => Promise<void>): Promise<boolean> {
  try {
    await create();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function createPrivate(file: string, text: string): Promise<boolean> {
  return unlessThere(() => writeFile(file, text, { flag: 'wx', mode: 0o600 }));
}

async function readAdmin(file: string): Promise<v.InferOutput<typeof adminSchema>> {
  try {
    return parse(adminSchema, JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw new BulkheadError(
      'corrupt',
      `${file} is not readable. Delete it to get a new administrator's password at the next start.`,
      { cause },
    );
  }
}

/** Makes the home folder. Throws with what is wrong with it. */
export async function makeHome(home: string): Promise<void> {
  try {
    makeDirectory(home);
    await access(home, constants.W_OK);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    const why = code === 'EEXIST' || code === 'ENOTDIR' ? 'a file is in its way' : `it cannot be written (${code})`;
    throw new BulkheadError('invalid', `The home folder ${home} cannot be used: ${why}. Choose another with --home.`, {
      context: { path: home },
      cause,
    });
  }
}

async function prepareFiles(home: string, defaultFlow: string, presetPassword: string | undefined): Promise<Home> {
  await makeHome(home);
  await unlessThere(() => copyFile(defaultFlow, path.join(home, FLOW_FILE), constants.COPYFILE_EXCL));

  const secretFile = path.join(home, SECRET_FILE);
  await createPrivate(secretFile, randomBytes(32).toString('hex'));
  const credentialSecret = (await readFile(secretFile, 'utf8')).trim();
  if (credentialSecret === '') {
    throw new BulkheadError(
      'corrupt',
      `${secretFile} is empty. Restore it from a backup, or delete it and enter the cameras' passwords again.`,
    );
  }

  const adminFile = path.join(home, ADMIN_FILE);
  const password = presetPassword ?? generatePassword();
  const admin = { username: 'admin', hash: await hashPassword(password) };
  const created = await createPrivate(adminFile, `${JSON.stringify(admin)}\n`);
  // Whoever makes a new password by deleting the file means to lock the others out.
  if (created) await rm(path.join(home, SESSION_FILE), { force: true });
  const { username, hash } = created ? admin : await readAdmin(adminFile);
  return {
    admin: { username, check: (candidate) => checkPassword(candidate, hash) },
    credentialSecret,
    newPassword: created && presetPassword === undefined ? password : undefined,
  };
}

/** Completes a home folder. Throws when it cannot be read or written, or holds a damaged file. */
export async function prepareHome(
  home: string,
  defaultFlow: string,
  presetPassword: string | undefined,
): Promise<Home> {
  try {
    return await prepareFiles(home, defaultFlow, presetPassword);
  } catch (error) {
    throw toBulkheadError(error, `preparing the home folder ${home}`, { path: home });
  }
}
