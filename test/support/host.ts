/**
 * The whole product in a process of its own: the `bulkhead` command on a new home folder, spoken to as an integrator's tools would.
 *
 * Does not belong here: what a test expects of it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathsOf, ringPath } from '../../runtime/paths.ts';
import type { ChannelView } from '../../runtime/server/api/channel-view.ts';
import type { BulkheadEvent } from '../../runtime/supervisor/view.ts';

export const HOST_COMMAND = path.resolve(import.meta.dirname, '../../dist/runtime/server/main.js');
const PASSWORD = 'correct horse battery staple';

export type FlowNode = { readonly id: string; readonly type: string; readonly [key: string]: unknown };
export type HostOptions = {
  /** For Node itself, e.g. the size of the heap. */
  readonly nodeArguments?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
};
export type Credentials = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ports.push((server.address() as AddressInfo).port);
  }
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
  return ports;
}

/** Asks again until `look` gives something; fails with `what` when it never does. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  limits: number | { readonly limitMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const { limitMs = 60_000, everyMs = 50 } = typeof limits === 'number' ? { limitMs: limits } : limits;
  for (const endMs = Date.now() + limitMs; ;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > endMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(everyMs);
  }
}

export class Host {
  readonly home: string;
  readonly url: string;
  readonly #port: number;
  readonly #options: HostOptions;
  #process: ChildProcess | undefined;
  #output = '';
  #token = '';

  private constructor(home: string, port: number, options: HostOptions) {
    this.home = home;
    this.#port = port;
    this.#options = options;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts with an empty flow unless `defaultFlow`. */
  static async start(options: HostOptions & { readonly defaultFlow?: boolean } = {}): Promise<Host> {
    const [port] = await freePorts(1);
    const host = new Host(mkdtempSync(path.join(os.tmpdir(), 'bulkhead-host-')), port!, options);
    await host.run();
    if (options.defaultFlow !== true) await host.deploy([]);
    return host;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** What the command has printed since it was first started. */
  get output(): string {
    return this.#output;
  }

  /** Starts the command on this home, for the first time or again, and logs in. */
  async run(): Promise<void> {
    const { nodeArguments = [], env = {} } = this.#options;
    const command = [HOST_COMMAND, '--home', this.home, '--port', String(this.#port)];
    // SIGUSR1 opens the inspector of this one host, whatever else runs here: the way in for faults (inject.ts).
    const child = spawn(process.execPath, ['--inspect-port=127.0.0.1:0', ...nodeArguments, ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // jest sets NODE_ENV, which a person does not.
      env: { ...process.env, NODE_ENV: undefined, BULKHEAD_ADMIN_PASSWORD: PASSWORD, ...env },
    });
    this.#process = child;
    const collect = (chunk: Buffer): void => void (this.#output += chunk.toString());
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    await eventually(`the host answers; it printed:\n${this.#output}`, async () => {
      if (child.exitCode !== null) throw new Error(`the host ended with ${child.exitCode}:\n${this.#output}`);
      return fetch(`${this.url}/bulkhead/health`).then(
        (answer) => answer.ok,
        () => false,
      );
    });
    const answer = await fetch(`${this.url}/auth/token`, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: 'node-red-admin',
        grant_type: 'password',
        scope: '*',
        username: 'admin',
        password: PASSWORD,
      }),
    });
    this.#token = ((await answer.json()) as { access_token: string }).access_token;
  }

  get login(): { readonly username: string; readonly password: string } {
    return { username: 'admin', password: PASSWORD };
  }

  async request(route: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('Authorization', `Bearer ${this.#token}`);
    return fetch(this.url + route, { ...init, headers });
  }

  async deploy(
    flows: readonly FlowNode[],
    options: { readonly type?: 'full' | 'flows' | 'nodes'; readonly credentials?: Credentials } = {},
  ): Promise<void> {
    const nodes = flows.map((node) => {
      const credentials = options.credentials?.[node.id];
      return credentials ? { ...node, credentials } : node;
    });
    const answer = await this.request('/flows', {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'Node-RED-API-Version': 'v2',
        'Node-RED-Deployment-Type': options.type ?? 'full',
      },
      body: JSON.stringify({ flows: nodes }),
    });
    if (!answer.ok) throw new Error(`deploy: ${answer.status} ${await answer.text()}`);
  }

  async channels(): Promise<ChannelView[]> {
    return (await (await this.request('/bulkhead/api/channels')).json()) as ChannelView[];
  }

  async channel(id: string): Promise<ChannelView | undefined> {
    return (await this.channels()).find((channel) => channel.id === id);
  }

  /** Waits until every one of these channels is live. */
  async live(...ids: readonly string[]): Promise<ChannelView[]> {
    let last: ChannelView[] = [];
    return eventually(`${ids.join(', ')} live`, async () => {
      last = await this.channels();
      const live = last.filter(({ id, state }) => ids.includes(id) && state === 'live');
      return live.length === ids.length && live;
    }).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(last, null, 1)}`);
    });
  }

  /** Everything that has happened, page by page. */
  async events(): Promise<BulkheadEvent[]> {
    const events: BulkheadEvent[] = [];
    for (;;) {
      const since = events.at(-1)?.id ?? 0;
      const answer = await this.request(`/bulkhead/api/events?since=${since}&limit=2000`);
      const page = (await answer.json()) as BulkheadEvent[];
      if (page.length === 0) return events;
      events.push(...page);
    }
  }

  /** The ring of the camera node with this id on this tab. */
  ringOf(tab: string, camera: string): string {
    return ringPath(pathsOf(this.home), `${tab}/${camera}:0`);
  }

  readLines(file: string): string[] {
    try {
      return readFileSync(path.join(this.home, file), 'utf8').split('\n').filter(Boolean);
    } catch {
      return [];
    }
  }

  /** Sends a signal and waits for the end; gives the exit code, or the signal that ended it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null)
      return child?.signalCode ?? child?.exitCode ?? 0;
    const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    child.kill(signal);
    const [code, endedBy] = await ended;
    return endedBy ?? code ?? 0;
  }

  /** Stops it and removes its home. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** A tab with one camera wired to one stream for each entry. Node ids are `camera-<channel>` and `stream-<channel>`. */
export function cameraFlows(
  cameras: readonly {
    readonly channel: string;
    readonly port: number;
    readonly camera: Readonly<Record<string, unknown>>;
    readonly stream?: Readonly<Record<string, unknown>>;
  }[],
): FlowNode[] {
  return [
    { id: 'tab', type: 'tab', label: 'Cameras' },
    ...cameras.flatMap(({ channel, port, camera, stream }, index): FlowNode[] => {
      const at = { z: 'tab', y: 60 + 60 * index };
      return [
        {
          ...at,
          x: 200,
          id: `camera-${channel}`,
          type: 'bulkhead-camera',
          name: channel,
          channel,
          ...camera,
          wires: [[`stream-${channel}`]],
        },
        {
          ...at,
          x: 500,
          id: `stream-${channel}`,
          type: 'bulkhead-stream',
          number: index + 1,
          port,
          ...stream,
          wires: [],
        },
      ];
    }),
  ];
}
