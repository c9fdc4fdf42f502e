/**
 * Starting a daemon's process: which program, which descriptors, which environment.
 *
 * Belongs here: the spawn call and nothing around it. Does not belong here: state files (child.ts) and when to spawn (transition.ts).
 *
 *   fd 0  nothing
 *   fd 1  the log file, append
 *   fd 2  the log file, append
 *   fd 3  the listening socket, where one is inherited; for a standby what it will receive one through
 *   fd 4  for a standby the pipe on which it is told what to become
 *
 * No IPC channel and no pipe for a daemon: either would tie its life to ours. That is what a standby wants, until it has become a daemon.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { DaemonKind } from '../../message/config.ts';

export const LISTEN_FD = 3;
export const STANDBY_PIPE_FD = 4;

const NODE_OPTIONS = [
  // Node 22 warns about stripping types from sources; it is what we mean.
  '--disable-warning=ExperimentalWarning',
  // A daemon makes short-lived packets only. A small nursery (MiB) is collected more often, at no cost that shows, and saves 6 MiB and more.
  '--max-semi-space-size=1',
  // A daemon's heap is 10 MiB or so: pictures are not in it. One that runs away is ended by V8 (SIGABRT) long before the machine feels it.
  '--max-old-space-size=192',
  // SIGUSR1 opens Node's inspector, on 9229 unless told otherwise: of many daemons only one could be looked into. The log has the address.
  '--inspect-port=127.0.0.1:0',
];

/** The entry file of a kind: TypeScript when this file is, so that a daemon runs from sources exactly when its supervisor does. */
export function daemonEntry(kind: DaemonKind | 'standby'): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`../../../daemon/${kind}.${extension}`, import.meta.url));
}

/** glibc keeps a heap for each thread otherwise: 2 to 4 MiB a daemon that nobody needs. Other libraries do not look. */
const FEW_ARENAS = { MALLOC_ARENA_MAX: '1' };

export type SpawnOptions = {
  readonly entry: string;
  readonly stateFile: string;
  readonly logFd: number;
  readonly listenFd: number | undefined;
  /** Have a pipe to it: `stdio[STANDBY_PIPE_FD]` of the result. */
  readonly pipe?: boolean;
};

/** Starts the process; except on Windows it outlives this one. Failure is an `error` event on the result. */
export function spawnDaemon(options: SpawnOptions): ChildProcess {
  const inherited = options.listenFd === undefined ? [] : [options.listenFd];
  const pipe = options.pipe === true ? ['pipe' as const] : [];
  const child = spawn(process.execPath, [...NODE_OPTIONS, options.entry, options.stateFile], {
    // On Windows only a process that is not detached ends with us; and there nothing could be adopted (identity.ts).
    detached: process.platform !== 'win32',
    stdio: ['ignore', options.logFd, options.logFd, ...inherited, ...pipe],
    env: { ...daemonEnvironment(process.env), ...FEW_ARENAS },
    windowsHide: true,
  });
  child.unref();
  return child;
}

/**
 * What a daemon inherits of our environment. A list of what may pass, because what must not (the admin password, the credential secret, whatever
 * a user exports) has no list.
 */
const INHERITED =
  /^(PATH|HOME|USER|LANG|LC_[A-Z]+|TZ|TMPDIR|TEMP|TMP|XDG_RUNTIME_DIR|LD_LIBRARY_PATH|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|LIBVA_[A-Z_]+|UV_THREADPOOL_SIZE|BULKHEAD_LOG_LEVEL|SystemRoot|SystemDrive|windir|PATHEXT|APPDATA|LOCALAPPDATA|USERPROFILE)$/i;

export function daemonEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => INHERITED.test(name)));
}
