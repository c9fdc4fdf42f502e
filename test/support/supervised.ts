/** A real supervisor over fake daemons in a directory of its own, and ways to wait for what it does. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { systemClock, type Clock } from '../../runtime/clock.ts';
import { captureConfigSchema, streamConfigSchema } from '../../runtime/message/config.ts';
import { parse } from '../../runtime/message/parse.ts';
import { identify } from '../../runtime/supervisor/process/identity.ts';
import { statusPageDirectory } from '../../runtime/supervisor/process/page-path.ts';
import { readStateFile } from '../../runtime/supervisor/process/state-file.ts';
import { StatusPageReader } from '../../runtime/supervisor/process/status-page.ts';
import { Supervisor, type Spec, type SupervisorOptions } from '../../runtime/supervisor/supervisor.ts';
import type { BulkheadEvent, DaemonView } from '../../runtime/supervisor/view.ts';
import type { Behaviour } from './fake-daemon.ts';

export const FAKE_DAEMON = fileURLToPath(new URL('fake-daemon.ts', import.meta.url));
export const SILENT = pino({ level: 'silent' });

/** A folder for one supervisor after another. */
export class Home {
  readonly path = mkdtempSync(path.join(tmpdir(), 'bulkhead-'));
  readonly run = path.join(this.path, 'run');
  readonly logs = path.join(this.path, 'logs');
  readonly events = path.join(this.path, 'events');

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** State files, sockets and status pages that are there now. */
  leftovers(): string[] {
    const kept = new Set(['supervisor.lock', 'generations.json']);
    const run = list(this.run).filter((name) => !kept.has(name));
    const pages = statusPageDirectory(this.run);
    return [...run, ...(pages === this.run ? [] : list(pages))];
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** A supervisor with a memory of its events. */
export class Supervised {
  readonly supervisor: Supervisor;
  readonly events: BulkheadEvent[] = [];
  readonly #waiting = new Set<() => void>();

  private constructor(supervisor: Supervisor) {
    this.supervisor = supervisor;
    supervisor.on((event) => {
      this.events.push(event);
      for (const resolve of this.#waiting) resolve();
      this.#waiting.clear();
    });
  }

  static async open(home: Home, options: Partial<SupervisorOptions> = {}): Promise<Supervised> {
    const supervisor = await Supervisor.open({
      runDirectory: home.run,
      logDirectory: home.logs,
      eventDirectory: home.events,
      log: SILENT,
      daemonEntry: () => FAKE_DAEMON,
      // What is tested of one daemon should not depend on a process that happens to wait or not.
      standby: [],
      ...options,
    });
    return new Supervised(supervisor);
  }

  /** The first event of this type, past or to come, after the events that are given. */
  async event(
    type: string,
    wanted: (event: BulkheadEvent) => boolean = () => true,
    afterId = 0,
  ): Promise<BulkheadEvent> {
    for (;;) {
      const found = this.events.find((event) => event.id > afterId && event.type === type && wanted(event));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  /** Waits until the daemon is ready in a generation of at least `generation`; its pid. */
  async ready(id: string, generation = 1): Promise<number> {
    const event = await this.event('daemon.ready', ({ daemon }) => daemon.id === id && daemon.generation >= generation);
    return event.daemon.pid!;
  }

  view(id: string): DaemonView {
    const view = this.supervisor.daemons().find((view) => view.id === id);
    if (view === undefined) throw new Error(`no daemon ${id}`);
    return view;
  }

  ofType(type: string): BulkheadEvent[] {
    return this.events.filter((event) => event.type === type);
  }
}

export function streamSpec(
  channel: string,
  behaviour: Behaviour = {},
  more: Partial<Spec> & { port?: number } = {},
): Spec {
  const { port = 1, ...rest } = more;
  const config = parse(streamConfigSchema, {
    kind: 'stream',
    channel,
    name: JSON.stringify(behaviour),
    number: 1,
    port,
    // A name is not resolved by the supervisor: without a port of its own the daemon would have to bind it, and does not.
    host: port === 1 ? 'no-port.invalid' : '127.0.0.1',
    ring: { path: `/nowhere/${channel}.ring` },
  });
  return { id: `stream:${channel}`, channel, config, ...rest };
}

export function captureSpec(channel: string, behaviour: Behaviour = {}, more: Partial<Spec> = {}): Spec {
  const config = parse(captureConfigSchema, {
    kind: 'capture',
    channel,
    source: { type: 'file', path: JSON.stringify(behaviour) },
    ring: { path: `/nowhere/${channel}.ring` },
  });
  return { id: `capture:${channel}`, channel, config, ...more };
}

/** The machine's clock, but timers of some lengths are shorter: for limits of many seconds. */
export function impatient(shortened: (delayMs: number) => number): Clock {
  return { ...systemClock, after: (delayMs, run) => systemClock.after(shortened(delayMs), run) };
}

/** A test that has failed must not poll for ever: jest would never end. */
const GIVE_UP_MS = 50_000;

/** Waits until `condition` holds, and gives what it gave. */
export async function until<T>(
  condition: () => T | undefined | false | null | Promise<T | undefined | false | null>,
): Promise<T> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < GIVE_UP_MS) {
    const value = await condition();
    if (value !== undefined && value !== false && value !== null) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`this never came true: ${condition.toString()}`);
}

/** Whether the process is there. A zombie is not: where nobody reaps orphans it stays for ever. */
export function exists(pid: number): boolean {
  return identify(pid) !== undefined;
}

/** The standby of a profile that has loaded everything and waits: its pid. Other than `not`. */
export async function standbyOf(home: Home, profile: 'light' | 'media', not?: number): Promise<number> {
  return await until(() => {
    for (const name of list(home.run)) {
      if (!name.startsWith(`standby_${profile}.`) || !name.endsWith('.json')) continue;
      const state = readStateFile(path.join(home.run, name));
      const pid = state.process?.pid;
      if (pid !== undefined && pid !== not && isWaiting(state.statusPage)) return pid;
    }
    return undefined;
  });
}

function isWaiting(statusPage: string): boolean {
  try {
    const page = StatusPageReader.open(statusPage);
    const { phase } = page.sample();
    page.close();
    return phase === 'ready';
  } catch {
    return false;
  }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs a supervisor in a process of its own; resolves when all its daemons are ready. */
export async function supervisorProcess(
  home: Home,
  end: 'stay' | 'exit' | 'throw',
  specs: readonly Spec[],
  environment: NodeJS.ProcessEnv = {},
): Promise<{ process: ChildProcess; pids: Record<string, number> }> {
  const entry = fileURLToPath(new URL('supervisor-process.ts', import.meta.url));
  const child = spawn(process.execPath, [entry, home.path, end, ...specs.map((spec) => JSON.stringify(spec))], {
    stdio: ['ignore', 'pipe', end === 'throw' ? 'ignore' : 'inherit'],
    env: { ...process.env, ...environment },
  });
  const lines = createInterface(child.stdout);
  const [line] = (await once(lines, 'line')) as [string];
  return { process: child, pids: JSON.parse(line) as Record<string, number> };
}
