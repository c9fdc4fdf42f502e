/**
 * Starts a camera script (by default camera.py beside this file) and treats it as a real camera is treated: unplugged, frozen, thawed.
 *
 * A camera runs in a process of its own and is ended by its pid only. Does not belong here: what a test expects of it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

export type Camera = {
  readonly pid: number;
  readonly port: number;
  /** `rtsp://127.0.0.1:<port>/<mount>`, without credentials. */
  url(mount: string): string;
  /** Asks it to end and waits until it has; a frozen one is thawed first. */
  stop(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing comes any more. */
  freeze(): void;
  thaw(): void;
  /** Ends the picture while the sound goes on, and brings it back; for a camera with a `shutter`. */
  toggleShutter(): void;
  /** SIGKILL: gone without a word, as if the cable were pulled and the device had lost power. */
  unplug(): Promise<void>;
};

export type CameraOptions = {
  /** 0 = any free port. Give the port of an unplugged camera to plug it in again. */
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  /** Further mounts: name -> path of a clip. */
  readonly mounts?: Readonly<Record<string, string>>;
  /** Only these mounts; the others are not loaded, which is faster. */
  readonly only?: readonly string[];
  readonly shutter?: boolean;
  /** Another camera script: it must take --port and print `port N` or an `rtsp://...:N` line when it answers. */
  readonly script?: string;
  readonly startTimeoutMs?: number;
};

const OWN_SCRIPT = path.resolve(import.meta.dirname, 'camera.py');
/** Debian's GStreamer bindings belong to this interpreter; another `python3` on the path lacks them. */
const INTERPRETER = '/usr/bin/python3';

function argumentsOf(options: CameraOptions): string[] {
  const list = [options.script ?? OWN_SCRIPT, '--port', String(options.port ?? 0)];
  if (options.user !== undefined) list.push('--user', options.user, '--password', options.password ?? '');
  for (const [name, clip] of Object.entries(options.mounts ?? {})) list.push('--mount', `${name}=${clip}`);
  if (options.shutter === true) list.push('--shutter');
  if (options.only) list.push('--only', ...options.only);
  return list;
}

/** The port that the script says it answers at. Rejects when it ends, or says nothing in time. */
async function announcedPort(child: ChildProcess, timeoutMs: number): Promise<number> {
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-2000)));
  const lines = createInterface({ input: child.stdout! });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  try {
    for await (const line of lines) {
      const port = /^port (\d+)$/.exec(line)?.[1] ?? /^rtsp:\/\/[^/]*:(\d+)/.exec(line)?.[1];
      if (port) return Number(port);
    }
  } finally {
    clearTimeout(timer);
    lines.close();
    child.stdout?.resume();
  }
  throw new Error(`the camera did not start: ${errors || 'it ended without a word'}`);
}

export async function startCamera(options: CameraOptions = {}): Promise<Camera> {
  const child = spawn(INTERPRETER, argumentsOf(options), { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  const port = await announcedPort(child, options.startTimeoutMs ?? 20_000);
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      child.kill('SIGCONT');
    }
    const killer = setTimeout(() => child.kill('SIGKILL'), 3000);
    await ended;
    clearTimeout(killer);
  };
  return {
    pid: child.pid!,
    port,
    url: (mount) => `rtsp://127.0.0.1:${port}/${mount}`,
    stop: () => end('SIGTERM'),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    toggleShutter: () => void child.kill('SIGUSR2'),
    unplug: () => end('SIGKILL'),
  };
}
