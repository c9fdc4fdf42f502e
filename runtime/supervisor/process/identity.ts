/**
 * Which process is which: a pid alone names nobody, because pids are used again. A process is its pid, the tick it started at and the boot it
 * started in.
 *
 * Belongs here: reading that from the platform, and sending a signal only to who was meant. Does not belong here: deciding to.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** `startTicks` and `bootId` are opaque: only equality means something. */
export type ProcessIdentity = { readonly pid: number; readonly startTicks: string; readonly bootId: string };

/** Who has this pid now; undefined when nobody, or only a zombie: a process that has ended and waits for its parent. */
export function identify(pid: number): ProcessIdentity | undefined {
  const startTicks = readStart(pid);
  return startTicks === undefined ? undefined : { pid, startTicks, bootId: bootId() };
}

/** True while exactly this process exists and is no zombie. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== undefined && now.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

/**
 * Sends a signal to exactly this process; false when it is gone. Between the check and the signal are microseconds in which the pid would
 * have to die and be given to somebody else.
 */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Names the boot; a pid and its start tick are unique within one. */
export function bootId(): string {
  knownBootId ??= readBootId();
  return knownBootId;
}
let knownBootId: string | undefined;

// The platform seam. Linux: /proc. Other POSIX systems: ps. Windows: no start time without a native call, so nothing is ever identified there
// and a supervisor adopts nothing and signals only its own children.

function readStart(pid: number): string | undefined {
  if (process.platform === 'linux') return startTicksOf(readProc(`/proc/${pid}/stat`));
  if (process.platform === 'win32') return undefined;
  const [state, ...started] = runPs(pid).split(/\s+/);
  return state === undefined || state === '' || state.startsWith('Z') ? undefined : started.join(' ');
}

/** Field 22 of /proc/<pid>/stat; undefined for a zombie (Z) or a dead process (X). The name in field 2 may hold spaces and brackets. */
export function startTicksOf(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  return state === undefined || state === '' || state === 'Z' || state === 'X' ? undefined : fields[19];
}

function readBootId(): string {
  if (process.platform === 'linux') return readProc('/proc/sys/kernel/random/boot_id').trim() || 'unknown';
  // The start time that ps gives is a date, which no later boot repeats.
  return 'dated';
}

function readProc(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function runPs(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, LC_ALL: 'C' },
    }).trim();
  } catch {
    return '';
  }
}
