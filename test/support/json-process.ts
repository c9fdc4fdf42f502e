/**
 * A Node process of a test's own that says what happens in lines of JSON on its standard output.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export type JsonProcess<Event> = {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Everything it has said so far. */
  readonly events: readonly Event[];
  /** The first event that fits, now or later. Rejects when the process ends before, or says nothing fitting in time. */
  readonly until: <E extends Event>(fits: (event: Event) => boolean, limitMs?: number) => Promise<E>;
  readonly write: (text: string) => void;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Exit code or signal, when it has ended. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Ends it if it still runs, and waits. */
  readonly stop: () => Promise<void>;
};

/** Starts a TypeScript program under the Node that runs the test. */
export function spawnJson<Event>(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): JsonProcess<Event> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const events: Event[] = [];
  const listeners = new Set<() => void>();
  const ended = once(child, 'exit').then(([code, signal]) => (signal ?? code) as number | NodeJS.Signals);
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('{')) return;
    events.push(JSON.parse(line) as Event);
    for (const listener of listeners) listener();
  });
  child.stdin.on('error', () => {});

  const until = async <E extends Event>(fits: (event: Event) => boolean, limitMs = 30_000): Promise<E> => {
    const { promise, resolve, reject } = Promise.withResolvers<E>();
    const look = (): void => {
      const found = events.find(fits);
      if (found !== undefined) resolve(found as E);
    };
    const timer = setTimeout(
      () => reject(new Error(`${program} did not say it: ${JSON.stringify(events.slice(-5))}`)),
      limitMs,
    );
    void ended.then((how) => setImmediate(() => reject(new Error(`${program} ended with ${how}`))));
    listeners.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      listeners.delete(look);
    });
  };

  return {
    pid: child.pid ?? 0,
    child,
    events,
    until,
    write: (text) => void child.stdin.write(text),
    kill: (signal) => void child.kill(signal),
    ended,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await ended;
    },
  };
}
