/**
 * The state file of a daemon: how it finds its supervisor, and how a later supervisor finds it. One JSON file for each process, written
 * before the spawn and once more when the process has a pid; removed when the process is known to be gone.
 *
 * Belongs here: its schema, its name, atomic writing. Does not belong here: configuration and credentials (they travel on the control
 * channel), and what is concluded from a file that was found (adoption.ts).
 */
import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { BulkheadError } from '../errors.ts';
import type { DaemonKind } from '../message/config.ts';
import { daemonEventSchema } from '../message/schema.ts';

export const processIdentity = z.strictObject({ pid: z.int().min(1), startTicks: z.string(), bootId: z.string() });

const stateFileSchema = z.strictObject({
  version: z.literal(1),
  id: z.string().min(1).max(200),
  kind: z.enum(['capture', 'stream', 'probe', 'standby']),
  channel: z.string().min(1).max(64),
  generation: z.int().min(1),
  /** Proves in `hello` that the process was started from this file. It opens the local socket of this user and nothing else. */
  nonce: z.string().min(16).max(64),
  controlSocket: z.string().min(1),
  statusPage: z.string().min(1),
  /** The inherited listening socket, where there is one. */
  listenFd: z.int().min(3).optional(),
  /** Keyed by the nonce, so that equal configurations do not show, and no table of hashes helps to guess a password in one. */
  specHash: z.string(),
  /** The pid of the supervisor with which it wants to end; missing = it works on without one. */
  tiedTo: z.int().min(1).optional(),
  /** How long it works on without a supervisor; missing = as is usual for its kind. */
  orphanGraceMs: z.int().min(0).optional(),
  /** Who it became; missing = the spawn is under way, or failed. */
  process: processIdentity.optional(),
  /** How it ended when there was no supervisor to tell: written by the daemon itself, as its last act. */
  ended: z
    .strictObject({
      code: z.int(),
      /** Milliseconds since 1970. */
      time: z.int(),
      message: z.string().nullable(),
      /** What it had told nobody yet. */
      events: z.array(daemonEventSchema).readonly(),
    })
    .optional(),
});

export type StateFile = z.output<typeof stateFileSchema>;
/** Of a process that has work; of one that waits for some, the channel is the name of its profile. */
export type DaemonState = StateFile & { readonly kind: DaemonKind };

/** What a supervisor wants of all its daemons. */
export type Terms = Pick<StateFile, 'tiedTo' | 'orphanGraceMs'>;

/** Whether it has work. */
export function isDaemon(state: StateFile): state is DaemonState {
  return state.kind !== 'standby';
}

/** Ids name files: letters, digits, dots, dashes and colons. */
const ID = /^[A-Za-z0-9][A-Za-z0-9.:-]{0,119}$/;

/** Throws `invalid` for an id that cannot name a daemon's files. */
export function checkId(id: string): void {
  if (ID.test(id)) return;
  throw new BulkheadError(
    'invalid',
    `"${id}" is no daemon id; use letters, digits, dots, dashes and colons, at most 120.`,
  );
}

/** The name that a daemon's files begin with. A colon is not allowed on every file system, and an underscore is in no id. */
export function fileStem(id: string, generation: number): string {
  return `${id.replaceAll(':', '_')}.${generation}`;
}

export function stateFilePath(runDirectory: string, id: string, generation: number): string {
  return join(runDirectory, `${fileStem(id, generation)}.json`);
}

/** Writes a file so that whoever opens it sees the old or the new text, and only this user sees either. */
export function writeAtomically(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, path);
  } catch (error) {
    // What a full disk took of it is of no use.
    if (lstatSync(temporary, { throwIfNoEntry: false })?.isFile() === true) rmSync(temporary);
    throw error;
  }
}

export function writeStateFile(path: string, state: StateFile): void {
  writeAtomically(path, JSON.stringify(state));
}

/** Throws `notFound`, `corrupt` or `version` with the file's name; what it holds is never repeated. */
export function readStateFile(path: string): StateFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new BulkheadError('notFound', `There is no readable state file at ${path}.`, { context: { path }, cause });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new BulkheadError('corrupt', `The state file ${path} is not JSON.`, { context: { path } });
  }
  const parsed = stateFileSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new BulkheadError('version', `The state file ${path} is of another version.`, { context: { path } });
}

/** The state file of a process that has work. Throws as `readStateFile` does, and `invalid` for a standby's. */
export function readDaemonState(path: string): DaemonState {
  const state = readStateFile(path);
  if (isDaemon(state)) return state;
  throw new BulkheadError('invalid', `${path} is the state file of a standby, not of a daemon.`, { context: { path } });
}

/** Paths of the state files in a run directory. Half-written ones of a supervisor that died in the middle are swept away. */
export function listStateFiles(runDirectory: string): string[] {
  const paths: string[] = [];
  for (const name of readdirSync(runDirectory)) {
    if (/\.json\.\d+\.tmp$/.test(name)) rmSync(join(runDirectory, name), { force: true });
    else if (/\.\d+\.json$/.test(name)) paths.push(join(runDirectory, name));
  }
  return paths;
}
