/**
 * The standalone host: Node-RED inside Express, on one port, with the origin guard in front of all of it.
 *
 *   browser -> listening server -> guard -> Express -> Node-RED's editor and admin API -> flows' own HTTP
 *                                      \-> upgrades  -> a server that never listens, which Node-RED takes for its own
 *
 * Belongs here: opening these in order and closing them in the opposite one. Does not belong here: the command line and signals (run.ts), and the
 * API, which the nodes register as they do in a palette.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Express, NextFunction, Request, Response } from 'express';
import { openBulkhead, type Bulkhead } from '../bulkhead.ts';
import { BulkheadError, toBulkheadError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { packageRoot } from '../package-root.ts';
import { channelViews } from './api/channel-view.ts';
import { makeHome, prepareHome } from './first-start.ts';
import { loadNodeRed, nodeRedSettings, type NodeRed, type NodeRedLogEntry } from './node-red.ts';
import type { HostOptions } from './options.ts';
import { createOriginGuard, type Guard } from './origin-guard.ts';

/** Flows with a type that is not installed never start; the editor is there to mend that. */
const START_LIMIT_MS = 60_000;
/** How long the banner waits for the first stream, so that it can say where it is. */
const FIRST_STREAM_MS = 3000;

/** Nothing of the editor belongs into another page, and nothing here is another type than it says. */
const HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'SAMEORIGIN',
  'Content-Security-Policy': "frame-ancestors 'self'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'same-origin',
} as const;

export type Host = {
  readonly url: string;
  readonly username: string;
  /** The password that was made at this start. */
  readonly newPassword: string | undefined;
  readonly channels: () => { readonly name: string; readonly url: string }[];
  readonly close: () => Promise<void>;
};

export type HostLogs = { readonly log: Logger; readonly nodeRedLog: (entry: NodeRedLogEntry) => void };

async function loadExpress(): Promise<() => Express> {
  try {
    return (await import('express')).default;
  } catch (cause) {
    throw new BulkheadError(
      'notFound',
      'The bulkhead command needs Node-RED and Express beside it: npm install node-red express',
      { cause },
    );
  }
}

function guarded(guard: Guard, app: Express, upgrades: Server): Server {
  const server = createServer((request, response) => {
    const refusal = guard(request);
    if (refusal === undefined) {
      app(request, response);
      return;
    }
    response.writeHead(403, { 'Content-Type': 'text/plain; charset=utf-8', ...HEADERS }).end(`${refusal}\n`);
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    if (guard(request) === undefined) upgrades.emit('upgrade', request, socket, head);
    else socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  return server;
}

/** Listens, or says in one sentence why not. */
async function listen(server: Server, host: string, port: number): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    const why: Readonly<Record<string, string>> = {
      EADDRINUSE: `Port ${port} on ${host} is taken. Stop what uses it, or choose another one with --port.`,
      EACCES: `This user may not listen on port ${port}. Choose one above 1023 with --port.`,
      EADDRNOTAVAIL: `This machine has no address ${host}. Choose one that it has with --host.`,
      ENOTFOUND: `There is no host "${host}". Choose an address of this machine with --host.`,
    };
    const known = why[(error as NodeJS.ErrnoException).code ?? ''];
    if (known !== undefined) throw new BulkheadError('conflict', known, { context: { port }, cause: error });
    throw toBulkheadError(error, `listening on ${host}:${port}`, { port });
  }
  return (server.address() as AddressInfo).port;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Resolves when flows run, or when it is clear that they will not. `RED.start()` resolves before that. */
function flowsStarted({ events }: NodeRed): Promise<void> {
  return new Promise((resolve) => {
    const limit = setTimeout(resolve, START_LIMIT_MS);
    const done = (): void => {
      clearTimeout(limit);
      events.off('flows:started', done);
      events.off('runtime-event', stopped);
      resolve();
    };
    const stopped = ({ id, payload }: { id?: string; payload?: { state?: string; error?: string } }): void => {
      if (id === 'runtime-state' && (payload?.error !== undefined || payload?.state === 'stop')) done();
    };
    events.on('flows:started', done);
    events.on('runtime-event', stopped);
  });
}

function channelsOf(bulkhead: Bulkhead): { name: string; url: string }[] {
  const views = channelViews({
    sources: bulkhead.registry.sources(),
    streams: [...bulkhead.streams.values()],
    daemons: [],
    callerHost: '127.0.0.1',
  });
  return views.flatMap(({ name, url }) => (url === null ? [] : [{ name, url }]));
}

async function waitForFirstStream(bulkhead: Bulkhead): Promise<void> {
  for (let waitedMs = 0; waitedMs < FIRST_STREAM_MS; waitedMs += 50) {
    if (bulkhead.streams.size > 0 || bulkhead.registry.sources().length === 0) return;
    await sleep(50);
  }
}

/** An address that a browser on this machine can open. */
function editorUrl(host: string, port: number): string {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}/`;
}

/** Starts everything; resolves when flows run. Throws with everything closed again. */
export async function openHost(options: HostOptions, { log, nodeRedLog }: HostLogs): Promise<Host> {
  const { home, host } = options;
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    const nodeRed = loadNodeRed();
    const express = await loadExpress();

    await makeHome(home);
    const bulkhead = openBulkhead({
      home,
      log,
      development: options.development,
      orphanGraceMs: options.orphanGraceMs ?? null,
    });
    closers.push(() => bulkhead.close());
    await bulkhead.supervisor;

    const root = packageRoot();
    const defaultFlow = path.join(import.meta.dirname, '../../flows/default.json');
    const prepared = await prepareHome(home, defaultFlow, options.adminPassword);

    const app = express();
    const upgrades = createServer();
    const server = guarded(createOriginGuard(options), app, upgrades);
    const port = await listen(server, host, options.port);
    closers.push(() => closeServer(server));

    nodeRed.init(upgrades, nodeRedSettings({ home, prepared, packageRoot: root, host, port, log: nodeRedLog }));
    app.disable('x-powered-by');
    app.use((_request: Request, response: Response, next: NextFunction) => {
      response.set(HEADERS);
      next();
    });
    // As plain functions: mounted as Express applications they would take ours for their root, and reach into it for what Express 4 has there.
    app.use((request: Request, response: Response, next: NextFunction) => nodeRed.httpAdmin(request, response, next));
    app.use((request: Request, response: Response, next: NextFunction) => nodeRed.httpNode(request, response, next));

    const started = flowsStarted(nodeRed);
    closers.push(() => nodeRed.stop());
    await nodeRed.start();
    await started;
    await waitForFirstStream(bulkhead);
    return {
      url: editorUrl(host, port),
      username: prepared.admin.username,
      newPassword: prepared.newPassword,
      channels: () => channelsOf(bulkhead),
      close,
    };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}
