/**
 * What tests of the stream daemon share: a folder for a ring, a free port, a daemon in a process of its own, viewers on real sockets.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { WebSocket } from 'ws';
import type { ErrorKind } from '../../runtime/errors.ts';
import type { DaemonReport } from '../../runtime/message/schema.ts';
import { type Feeder, type FeederOptions, feedRing } from '../support/feed-ring.ts';
import { type JsonProcess, spawnJson } from '../support/json-process.ts';

export type StreamEvent =
  | { type: 'ready' }
  | { type: 'drained' }
  | { type: 'message'; message: DaemonReport }
  | { type: 'failed'; kind: ErrorKind; text: string }
  | { type: 'laps'; count: number }
  | { type: 'viewers'; count: number }
  | { type: 'counted'; input: number; output: number }
  | { type: 'log'; level: string; text: string; detail: string };

export type StreamDaemon = JsonProcess<StreamEvent> & { readonly port: number; readonly url: string };

/** A private folder in shared memory where there is such a thing; `remove` takes it away. */
export function ringFolder(): { path: string; remove: () => void } {
  const parent = process.platform === 'linux' ? '/dev/shm' : os.tmpdir();
  const folder = mkdtempSync(path.join(parent, 'bulkhead-test-'));
  return { path: path.join(folder, 'camera.ring'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A port that nobody has now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export type StreamSettings = {
  readonly ring: string;
  readonly port: number;
  readonly starvationMs?: number;
  readonly maxViewers?: number;
  readonly host?: string;
  readonly options?: { readonly stuckAfterMs?: number; readonly beginLimitMs?: number };
};

/** Starts a stream daemon without waiting for anything. */
export function spawnStream(settings: StreamSettings): StreamDaemon {
  const { ring, port, options = {}, ...rest } = settings;
  const config = {
    kind: 'stream',
    channel: 'front-door',
    name: 'Front door',
    number: 1,
    port,
    ring: { path: ring },
    ...rest,
  };
  const program = path.join(import.meta.dirname, 'stream-process.ts');
  const child = spawnJson<StreamEvent>(program, [JSON.stringify(config), JSON.stringify(options)]);
  return { ...child, port, url: `http://127.0.0.1:${port}` };
}

/** Starts a stream daemon and waits until its port answers. */
export async function startStreamDaemon(settings: StreamSettings): Promise<StreamDaemon> {
  const daemon = spawnStream(settings);
  await daemon.until((event) => event.type === 'ready');
  return daemon;
}

export type Health = {
  channel: string;
  state: string;
  pid: number;
  generation: number;
  lastPacketAgeMs: number | null;
  viewers: number;
  skipped: number;
  evicted: number;
  refused: number;
  laps: number;
  packets: number;
  trouble: string | null;
  media: { codec: string; width: number; height: number; audio: object | null } | null;
};

export async function health(url: string): Promise<Health> {
  return (await (await fetch(`${url}/health`)).json()) as Health;
}

/** Waits until /health fits. */
export async function healthUntil(url: string, fits: (health: Health) => boolean, limitMs = 20_000): Promise<Health> {
  const endMs = Date.now() + limitMs;
  for (;;) {
    const now = await health(url);
    if (fits(now)) return now;
    if (Date.now() > endMs) throw new Error(`it stayed ${JSON.stringify(now)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export type Message = { text: string } | { bytes: Buffer };
export type Viewer = {
  readonly socket: WebSocket;
  readonly messages: readonly Message[];
  /** Waits until the messages fit. */
  readonly until: (fits: (messages: readonly Message[]) => boolean, limitMs?: number) => Promise<readonly Message[]>;
  /** Close code and reason. */
  readonly closed: Promise<{ code: number; reason: string }>;
};

/** A viewer of /live.ws that keeps every message. */
export function watch(url: string, headers: Record<string, string> = {}): Viewer {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/live.ws`, { headers });
  const messages: Message[] = [];
  const listeners = new Set<() => void>();
  socket.on('message', (data: Buffer, binary) => {
    messages.push(binary ? { bytes: data } : { text: data.toString() });
    for (const listener of listeners) listener();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    socket.on('error', (error) => resolve({ code: -1, reason: error.message }));
  });
  const until: Viewer['until'] = (fits, limitMs = 20_000) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!fits(messages)) return;
        done();
        resolve(messages);
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`after ${limitMs} ms there are ${messages.length} messages`));
      }, limitMs);
      const done = (): void => {
        clearTimeout(timer);
        listeners.delete(look);
      };
      listeners.add(look);
      look();
    });
  return { socket, messages, until, closed };
}

/** A plain request with any headers, target and method; the body as text. */
export function request(
  port: number,
  o: { path?: string; method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = http.request(
      {
        host: '127.0.0.1',
        port,
        path: o.path ?? '/',
        method: o.method ?? 'GET',
        headers: o.headers ?? {},
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
        response.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(o.body);
  });
}

/** What comes from a URL within a time. */
export async function download(url: string, forMs: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const response = await fetch(url, { signal: AbortSignal.timeout(forMs) });
  try {
    for await (const chunk of response.body ?? []) chunks.push(chunk as Uint8Array);
  } catch (error) {
    if ((error as Error).name !== 'TimeoutError') throw error;
  }
  return Buffer.concat(chunks);
}

/** A camera, a ring and a live channel of its own. */
export async function media(
  clip: string,
  more: { feeder?: Partial<FeederOptions>; stream?: Partial<StreamSettings> } = {},
): Promise<{ feeder: Feeder; daemon: StreamDaemon; ring: string; stop: () => Promise<void> }> {
  const ring = ringFolder();
  const feeder = await feedRing({ path: ring.path, clip, prefillSeconds: 5, ...more.feeder });
  const daemon = await startStreamDaemon({ ring: ring.path, port: await freePort(), ...more.stream });
  await healthUntil(daemon.url, ({ state }) => state === 'live');
  const stop = async (): Promise<void> => {
    await daemon.stop();
    await feeder.stop();
    ring.remove();
  };
  return { feeder, daemon, ring: ring.path, stop };
}
