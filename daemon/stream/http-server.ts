/**
 * The channel's port: one HTTP server, its paths, and what every answer has in common.
 *
 * Belongs here: routes, limits, headers, listening. Does not belong here: what is streamed (progressive.ts, live-socket.ts), who may ask (guard.ts).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import os from 'node:os';
import { BulkheadError, toBulkheadError } from '../../runtime/errors.ts';
import { Assets, pageFolder } from '../../runtime/web-assets.ts';
import type { Audience } from './audience.ts';
import { hostOf, isOurHost, isOurOrigin } from './guard.ts';
import { LiveSocket } from './live-socket.ts';
import { serveProgressive } from './progressive.ts';

export type HttpServerOptions = {
  readonly host: string;
  readonly port: number;
  readonly listenFd: number | undefined;
  readonly maxViewers: number;
  readonly audience: Audience;
  /** What /health answers, as JSON. */
  readonly health: () => object;
  readonly stuckAfterMs?: number;
  readonly beginLimitMs?: number;
};

const STUCK_AFTER_MS = 30_000;
const BEGIN_LIMIT_MS = 5_000;
/** Connections beside viewers: pages, health checks, refusals that are being told. */
const FURTHER_CONNECTIONS = 64;
/** So long a refusal may wait to be taken. */
const REFUSAL_LIMIT_MS = 1000;
/** So long viewers may take to close when the port is closed: a little more than live-socket.ts grants each. */
const GOODBYE_LIMIT_MS = 1500;

export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #names: readonly string[];
  readonly #assets = new Assets(pageFolder('player'));
  readonly #live: LiveSocket;
  readonly #server: Server;
  /** Connections that carry a stream. */
  readonly #streaming = new WeakSet<Socket>();
  /** Connections that Node has handed over, and knows nothing of any more. */
  readonly #upgraded = new Set<Socket>();
  #closed = false;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    const name = os.hostname();
    this.#names = [options.host, name, `${name}.local`];
    this.#live = new LiveSocket(options.audience, options.stuckAfterMs ?? STUCK_AFTER_MS);
    this.#server = createServer({
      maxHeaderSize: 8192,
      headersTimeout: 10_000,
      requestTimeout: 15_000,
      keepAliveTimeout: 5_000,
      connectionsCheckingInterval: 5_000,
    });
    this.#server.maxConnections = options.maxViewers + FURTHER_CONNECTIONS;
    this.#server.maxHeadersCount = 64;
    this.#server.on('request', (request, response) => this.#answer(request, response));
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as Socket, head));
    this.#server.on('clientError', (error, socket) => refuseGarbage(error, socket as Socket));
  }

  /** Opens the port. Throws `conflict` when it is taken. */
  async listen(): Promise<void> {
    const { host, port, listenFd } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.once('listening', resolve);
    if (listenFd === undefined) this.#server.listen({ host, port });
    else this.#server.listen({ fd: listenFd });
    try {
      await promise;
    } catch (thrown) {
      throw explainListening(thrown, host, port);
    }
    this.#server.off('error', reject);
  }

  /** Serves a connection that did not come through the port. */
  accept(socket: Socket): void {
    this.#server.emit('connection', socket);
  }

  /** Refuses new connections; those that are open stay. */
  refuse(): void {
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  /** Closes the port and every connection. Calling it again does nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    // Viewers were told why; who has not closed by then is cut.
    const cut = setTimeout(() => {
      for (const socket of this.#upgraded) socket.destroy();
    }, GOODBYE_LIMIT_MS);
    await promise;
    clearTimeout(cut);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    request.on('error', () => {});
    // Nobody has a body to send; what comes is dropped, and the connection with it.
    request.resume();
    response.on('error', () => {});
    if (this.#streaming.has(request.socket)) {
      // A stream never ends, so this would never be answered, and neither would thousands behind it.
      request.socket.destroy();
      return;
    }
    this.#setHeaders(request, response);
    const path = pathOf(request.url);
    if (path === undefined) return sayText(response, 400, 'This is not an address.');
    if (!isOurHost(request.headers.host, this.#names)) {
      return sayText(
        response,
        403,
        'This name is not ours. Use the address of the machine, or the host that the stream node is bound to.',
      );
    }
    const route = this.#route(path);
    if (!route) return sayText(response, 404, 'There is nothing here. Try /, /stream.mp4, /live.ws or /health.');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return sayText(response, 405, 'Only GET and HEAD are served here.');
    }
    route(request, response);
  }

  #route(path: string): ((request: IncomingMessage, response: ServerResponse) => void) | undefined {
    switch (path) {
      case '/stream.mp4':
        return (request, response) => this.#stream(request, response);
      case '/health':
        return (_request, response) => {
          response.setHeader('cache-control', 'no-store');
          say(response, 200, 'application/json; charset=utf-8', `${JSON.stringify(this.#options.health())}\n`);
        };
      case '/live.ws':
        return (_request, response) => {
          response.setHeader('upgrade', 'websocket');
          sayText(response, 426, 'This is a WebSocket; connect with ws://.');
        };
      default:
        return this.#assetRoute(path === '/' ? 'index.html' : path.replace(/^\/player\//, ''), path);
    }
  }

  #assetRoute(name: string, path: string): ((request: IncomingMessage, response: ServerResponse) => void) | undefined {
    if (path !== '/' && path !== `/player/${name}`) return undefined;
    const asset = this.#assets.read(name);
    if (!asset) return undefined;
    return (request, response) => {
      response.setHeader('etag', asset.etag);
      response.setHeader('cache-control', 'no-cache');
      if (request.headers['if-none-match'] === asset.etag) {
        response.writeHead(304);
        response.end();
      } else say(response, 200, asset.type, asset.body);
    };
  }

  #stream(request: IncomingMessage, response: ServerResponse): void {
    const { audience } = this.#options;
    if (request.method === 'HEAD') {
      response.writeHead(200, { 'content-type': 'video/mp4', 'cache-control': 'no-store' });
      response.end();
      return;
    }
    if (!audience.admit()) {
      response.setHeader('retry-after', '5');
      return sayText(response, 503, 'The channel has as many viewers as it may have.');
    }
    this.#streaming.add(request.socket);
    response.on('close', () => this.#streaming.delete(request.socket));
    serveProgressive(audience, request, response, {
      beginLimitMs: this.#options.beginLimitMs ?? BEGIN_LIMIT_MS,
      stuckAfterMs: this.#options.stuckAfterMs ?? STUCK_AFTER_MS,
    });
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    this.#upgraded.add(socket);
    socket.on('close', () => this.#upgraded.delete(socket));
    const { host, origin } = request.headers;
    if (pathOf(request.url) !== '/live.ws') return refuse(socket, '404 Not Found');
    if (!isOurHost(host, this.#names) || !isOurOrigin(origin, host)) return refuse(socket, '403 Forbidden');
    this.#live.upgrade(request, socket, head);
  }

  #setHeaders(request: IncomingMessage, response: ServerResponse): void {
    const { host = '' } = request.headers;
    const ours = isOurHost(host, this.#names) ? hostOf(host) : undefined;
    // Older browsers do not count ws: as 'self'. The panel, on another port of the same machine, may show us in a frame.
    const sockets = ours ? ` ws://${host} wss://${host}` : '';
    const frames = ours && !ours.includes(':') ? ` http://${ours}:* https://${ours}:*` : '';
    response.setHeader(
      'content-security-policy',
      `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; ` +
        `connect-src 'self'${sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'${frames}`,
    );
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('referrer-policy', 'no-referrer');
    response.setHeader('cross-origin-resource-policy', 'same-site');
  }
}

/** The path of a request target in origin form; `undefined` when it is not one. */
function pathOf(target: string | undefined): string | undefined {
  if (!target?.startsWith('/') || target.startsWith('//')) return undefined;
  const end = target.search(/[?#]/);
  return end === -1 ? target : target.slice(0, end);
}

function say(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  // Node leaves the body of an answer to HEAD out by itself.
  response.end(body);
}

function sayText(response: ServerResponse, status: number, text: string): void {
  say(response, status, 'text/plain; charset=utf-8', `${text}\n`);
}

/**
 * The last words on a connection, which is then cut: the other side may keep its own half open for as long as it likes, and Node watches over
 * neither an upgraded connection nor one whose request made no sense.
 */
function refuse(socket: Socket, status: string): void {
  const cut = setTimeout(() => socket.destroy(), REFUSAL_LIMIT_MS);
  socket.once('close', () => clearTimeout(cut));
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy());
}

/** Something that is not HTTP, or too much of it. After an answer has begun there is nothing sensible left to say. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  refuse(socket, status);
}

function explainListening(thrown: unknown, host: string, port: number): BulkheadError {
  const error = toBulkheadError(thrown, `opening port ${port}`, { port });
  if (error.kind !== 'conflict') return error;
  return new BulkheadError(
    'conflict',
    `Port ${port} on ${host} is taken by another program. Stop it, or give this channel another number or port.`,
    { context: { port }, cause: thrown },
  );
}
