/**
 * The state file of a daemon: how it finds its supervisor, and how a later supervisor finds it. One JSON file for each process, written
 * before the spawn and once more when the process has a pid; removed when the process is known to be gone.
 *
 * Belongs here: its schema, its name, atomic writing. Does not belong here: configuration and credentials (they travel on the control
 * channel), and what is concluded from a file that was found (adoption.ts).
 */
import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { BulkheadError } from '../../errors.ts';
import type { DaemonKind } from '../../message/config.ts';
import { anyFilledText, filledText, text, whole } from '../../message/fields.ts';
import { tryParse } from '../../message/parse.ts';
import { daemonEventSchema } from '../../message/schema.ts';

export const processIdentity = v.strictObject({ pid: whole(1), startTicks: v.string(), bootId: v.string() });

const stateFileSchema = v.strictObject({
  version: v.literal(1),
  id: filledText(200),
  kind: v.picklist(['capture', 'stream', 'probe', 'standby']),
  channel: filledText(64),
  generation: whole(1),
  /** Proves in `hello` that the process was started from this file. It opens the local socket of this user and nothing else. */
  nonce: v.pipe(text(64), v.minLength(16)),
  controlSocket: anyFilledText,
  statusPage: anyFilledText,
  /** The inherited listening socket, where there is one. */
  listenFd: v.optional(whole(3)),
  /** Keyed by the nonce, so that equal configurations do not show, and no table of hashes helps to guess a password in one. */
  specHash: v.string(),
  /** The pid of the supervisor with which it wants to end; missing = it works on without one. */
  tiedTo: v.optional(whole(1)),
  /** How long it works on without a supervisor; missing = as is usual for its kind. */
  orphanGraceMs: v.optional(whole(0)),
  /** Who it became; missing = the spawn is under way, or failed. */
  process: v.optional(processIdentity),
  /** How it ended when there was no supervisor to tell: written by the daemon itself, as its last act. */
  ended: v.optional(
    v.strictObject({
      code: whole(),
      /** Milliseconds since 1970. */
      time: whole(),
      message: v.nullable(v.string()),
      /** What it had told nobody yet. */
      events: v.pipe(v.array(daemonEventSchema), v.readonly()),
    }),
  ),
});

export type StateFile = v.InferOutput<typeof stateFileSchema>;
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
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new BulkheadError('notFound', `There is no readable state file at ${path}.`, { context: { path }, cause });
  }
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch {
    throw new BulkheadError('corrupt', `The state file ${path} is not JSON.`, { context: { path } });
  }
  const parsed = tryParse(stateFileSchema, json);
  if (parsed.success) return parsed.output;
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
