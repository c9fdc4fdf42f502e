/**
 * What single connections may do to the port: refused ones, pipelined ones, quiet ones and stuck ones.
 */
import net from 'node:net';
import { once } from 'node:events';
import { Audience } from '../../daemon/stream/audience.ts';
import { HttpServer, type HttpServerOptions } from '../../daemon/stream/http-server.ts';
import { Scratch } from '../../daemon/stream/scratch.ts';
import { whenStuck } from '../../daemon/stream/socket-room.ts';
import { freePort, request } from './stream-daemon.ts';

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});

/** A port of a camera that has not sent anything yet. */
async function openPort(
  options: Partial<HttpServerOptions> = {},
): Promise<{ port: number; audience: Audience; server: HttpServer }> {
  const source = {
    begin: () => undefined,
    cursor: () => undefined,
    scratch: new Scratch(),
    lastSeq: () => 0,
    keySeq: () => undefined,
  };
  const audience = new Audience(source, 10, () => {});
  const port = await freePort();
  const server = new HttpServer({
    host: '127.0.0.1',
    port,
    listenFd: undefined,
    maxViewers: 1,
    audience,
    health: () => ({}),
    beginLimitMs: 600_000,
    ...options,
  });
  await server.listen();
  ended.push(() => server.close());
  return { port, audience, server };
}

/** A connection whose own half stays open whatever the other side does. */
function connect(port: number): net.Socket {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {});
  ended.push(() => socket.destroy());
  return socket;
}

/** All that comes on a connection until the other side is done. */
async function heard(socket: net.Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await Promise.race([once(socket, 'end'), once(socket, 'close')]);
  return Buffer.concat(chunks).toString();
}

async function until(fits: () => boolean): Promise<void> {
  while (!fits()) await new Promise((resolve) => setTimeout(resolve, 10));
}

const ask = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
const UPGRADE = 'Upgrade: websocket\r\nConnection: Upgrade\r\n';
const HANDSHAKE = `${UPGRADE}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n`;

test('upgrades that are refused and never closed leave room on the port for everybody else', async () => {
  const { port } = await openPort();
  // One viewer and 64 others may be connected at a time.
  for (let i = 0; i < 80; i++) {
    const socket = connect(port);
    socket.write(ask('/elsewhere', UPGRADE));
    expect(await heard(socket)).toMatch(/^HTTP\/1.1 404 /);
  }
  expect((await request(port, { path: '/health' })).status).toBe(200);
});

test('the port closes although a viewer does not close its connection', async () => {
  const { port, audience, server } = await openPort();
  const viewer = connect(port);
  viewer.write(ask('/live.ws', HANDSHAKE));
  await once(viewer, 'data');
  await until(() => audience.counts.viewers === 1);
  await server.close();
  await expect(request(port)).rejects.toThrow('ECONNREFUSED');
});

test('a request behind a stream on the same connection ends the connection', async () => {
  const { port, audience } = await openPort();
  const both = connect(port);
  both.write(ask('/stream.mp4').repeat(2));
  await once(both, 'end');
  await until(() => audience.counts.viewers === 0);
  const later = connect(port);
  later.write(ask('/stream.mp4'));
  await until(() => audience.counts.viewers === 1);
  later.write(ask('/health'));
  await once(later, 'end');
});

test('a stream that is asked for behind another answer ends the connection', async () => {
  const { port } = await openPort();
  const socket = connect(port);
  socket.resume();
  socket.write(ask('/health') + ask('/stream.mp4'));
  await once(socket, 'end');
});

test('a viewer that was told to come again may do so on the same connection', async () => {
  const { port, audience } = await openPort({ beginLimitMs: 20 });
  const socket = connect(port);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  for (let times = 1; times <= 3; times++) {
    socket.write(ask('/stream.mp4'));
    await until(() => text.split('503 Service Unavailable').length === times + 1);
    await until(() => audience.counts.viewers === 0);
  }
  expect(socket.readableEnded).toBe(false);
});

test('a viewer of the stream for whom there is nothing for a long time is neither stuck nor cut', async () => {
  const { port, audience } = await openPort({ stuckAfterMs: 30 });
  const viewer = connect(port);
  viewer.write(ask('/stream.mp4'));
  await until(() => audience.counts.viewers === 1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(audience.counts).toMatchObject({ viewers: 1, evicted: 0 });
  expect(viewer.readableEnded).toBe(false);
});

test('a socket is seen to be stuck after any number of quiet times', async () => {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ended.push(() => server.close());
  const other = connect((server.address() as net.AddressInfo).port);
  other.pause();
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  ended.push(() => socket.destroy());
  socket.on('error', () => {});
  const stuck = new Promise<void>((resolve) => whenStuck(socket, 30, resolve));
  let quiet = 0;
  socket.on('timeout', () => quiet++);
  await once(socket, 'timeout');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(quiet).toBeGreaterThan(0);
  socket.write(Buffer.alloc(32 << 20));
  await stuck;
});
