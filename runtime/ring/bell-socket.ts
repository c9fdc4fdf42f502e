/**
 * The bell as a socket: listeners connect to the writer's local socket (a named pipe on Windows) and get a byte for each ring. For machines
 * without inotify, or with too few instances of it.
 *
 * A listener that does not read is dropped, not waited for: it looks by itself and connects again. Not here: when to ring (bell.ts).
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { type Hammer, type Listening, type Way, listenByPolling } from './bell-poll.ts';

/** The shortest limit of sockaddr_un is 104 bytes, with the zero at the end (macOS). */
const MAX_PATH_BYTES = 103;
const BYTE = new Uint8Array(1);

/** Where the writer of a ring listens, or `undefined` when the path is too long for a socket. */
export function socketPath(ringPath: string, platform: NodeJS.Platform = process.platform): string | undefined {
  if (platform === 'win32') {
    const name = createHash('sha256').update(resolve(ringPath).toLowerCase()).digest('hex').slice(0, 32);
    return `\\\\.\\pipe\\bulkhead-bell-${name}`;
  }
  const path = `${ringPath}.sock`;
  return Buffer.byteLength(path) > MAX_PATH_BYTES ? undefined : path;
}

/** Listens for listeners. Where no socket can be had the bell is silent in this way: it is a hint. */
export function openSocketBell(ringPath: string): Hammer {
  const path = socketPath(ringPath);
  const listeners = new Set<Socket>();
  const server = createServer((socket) => {
    listeners.add(socket);
    socket.unref();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => listeners.delete(socket));
    socket.resume();
  });
  server.on('error', () => server.close());
  server.unref();
  if (path !== undefined) {
    // Only the writer, which holds the ring's lock, opens the bell: what is there was left by a dead one.
    if (process.platform !== 'win32') rmSync(path, { force: true });
    server.listen(path); // its folder is this user's, and to connect takes write permission
  }
  return {
    strike: () => {
      for (const socket of listeners) {
        if (socket.writableLength > 0) socket.destroy();
        else socket.write(BYTE);
      }
    },
    close: () => {
      for (const socket of listeners) socket.destroy();
      server.close();
    },
  };
}

export const listenOnSocket: Way = (ringPath, onRing) => {
  const path = socketPath(ringPath);
  if (path === undefined) return undefined;
  let socket: Socket | undefined;
  // While the writer is away this listener looks by itself.
  let looking: Listening | undefined;
  let open = true;

  const dial = (): void => {
    if (!open || socket !== undefined) return;
    socket = connect(path);
    socket.on('connect', () => {
      looking?.close();
      looking = undefined;
      onRing(); // for what was rung before it was connected
    });
    socket.on('data', onRing);
    socket.on('error', () => undefined); // `close` follows
    socket.on('close', () => {
      socket = undefined;
      if (open) looking ??= listenByPolling(ringPath, onRing);
    });
  };
  dial();
  return {
    check: dial,
    close: () => {
      open = false;
      looking?.close();
      socket?.destroy();
    },
  };
};
