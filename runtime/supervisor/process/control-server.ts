/**
 * The supervisor's local socket, which daemons dial: who may come in, and as whom.
 *
 * Belongs here: listening, the hello of each connection, refusing strangers. Does not belong here: what daemons say afterwards (daemon.ts)
 * and where the socket is (control-path.ts).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, rmSync, statSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import * as v from 'valibot';
import { toBulkheadError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { Connection } from '../../message/connection.ts';
import { text, whole } from '../../message/fields.ts';
import { tryParse } from '../../message/parse.ts';
import {
  daemonMessageSchema,
  PROTOCOL_VERSION,
  type DaemonMessage,
  type SupervisorMessage,
} from '../../message/schema.ts';

/** From accepting a connection to its hello. */
const HELLO_LIMIT_MS = 5_000;
/** Far above the daemons of any machine, far below its descriptors. */
const MAX_CONNECTIONS = 1_000;

export type DaemonConnection = Connection<DaemonMessage | Greeting, SupervisorMessage>;
export type Hello = Extract<DaemonMessage, { type: 'hello' }>;

/** What the hello of every protocol version, past and future, has: enough to know whom we cannot talk to. */
const greetingSchema = v.looseObject({
  type: v.literal('hello'),
  protocol: whole(),
  id: text(200),
  generation: whole(),
  nonce: text(64),
});
type Greeting = v.InferOutput<typeof greetingSchema>;

/** Somebody who is expected to dial. */
export type Expected = {
  readonly nonce: string;
  /** It came: take over the connection; returns who hears what it says from now on. */
  readonly connected: (
    hello: Hello,
    connection: DaemonConnection,
  ) => { readonly message: (message: DaemonMessage) => void; readonly closed: () => void } | undefined;
  /** It came and speaks another protocol. */
  readonly refused: (protocol: number) => void;
};

export type ControlServer = { readonly close: () => Promise<void> };

/** Listens at `path`. Whoever calls holds the run directory's lock, so a socket that is there already is a dead one and is removed. */
export async function listenControl(options: {
  readonly path: string;
  readonly log: Logger;
  readonly find: (id: string, generation: number) => Expected | undefined;
  /** The socket is gone, and is made anew when this returns: its folder may be gone as well. Throws when that cannot be had. */
  readonly lost?: () => void;
}): Promise<ControlServer> {
  const { path, log } = options;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    receive(socket, options.find, log);
  });
  server.maxConnections = MAX_CONNECTIONS;
  const listen = async (): Promise<void> => {
    if (process.platform !== 'win32') rmSync(path, { force: true });
    try {
      // Leaves no listener behind, however it ends: it may be tried for as long as a disk is full.
      const listening = once(server, 'listening');
      server.listen(path);
      await listening;
    } catch (error) {
      throw toBulkheadError(error, `listening for daemons at ${path}`, { path });
    }
    if (process.platform !== 'win32') chmodSync(path, 0o600);
  };
  await listen();
  // An error of the listener later on (descriptors exhausted) must not end the process: daemons dial again.
  server.on('error', (error) => log.warn({ err: error }, 'the control socket reports an error'));
  let closed = false;
  const stopWatching = watchSocket(path, async () => {
    // Who is connected stays connected. Closing removes whatever is at the path, so it comes first.
    server.close();
    options.lost?.();
    if (!closed) await listen();
    log.warn('the control socket was removed by somebody; it is there again');
  });
  return {
    close: () =>
      new Promise((resolve) => {
        closed = true;
        stopWatching();
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** How often it is looked whether the socket is still there. */
const SOCKET_CHECK_MS = 1_000;

/** Calls `repair` when the file at `path` is not the one that is there now: then nobody can dial any more. Tries until it succeeds. */
function watchSocket(path: string, repair: () => Promise<void>): () => void {
  if (process.platform === 'win32') return () => {};
  const inode = (): number | undefined => {
    try {
      return statSync(path).ino;
    } catch {
      // Not there, or on a disk that does not answer: in either case nobody can dial.
      return undefined;
    }
  };
  let ours = inode();
  let repairing = false;
  const timer = setInterval(() => {
    if (repairing || (ours !== undefined && inode() === ours)) return;
    repairing = true;
    repair()
      .then(() => (ours = inode()))
      // It is tried again with the next look.
      .catch(() => (ours = undefined))
      .finally(() => (repairing = false));
  }, SOCKET_CHECK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function receive(socket: Socket, find: (id: string, generation: number) => Expected | undefined, log: Logger): void {
  let listener: ReturnType<Expected['connected']>;
  const limit = setTimeout(() => connection.close(), HELLO_LIMIT_MS);
  const connection: DaemonConnection = new Connection(socket, v.union([daemonMessageSchema, greetingSchema]), {
    message: (message) => {
      if (listener !== undefined && message.type !== 'hello') {
        listener.message(message);
        return;
      }
      clearTimeout(limit);
      const refusal = listener !== undefined || message.type !== 'hello' ? 'hello out of turn' : greet(message);
      if (refusal === null) return;
      log.warn({ refusal }, 'a connection to the control socket was refused');
      connection.close();
    },
    closed: (error) => {
      clearTimeout(limit);
      if (error !== null) log.warn({ err: error }, 'a control channel was closed');
      listener?.closed();
    },
  });

  /** Null = welcome, else why not. */
  function greet(greeting: Hello | Greeting): string | null {
    const expected = find(greeting.id, greeting.generation);
    if (expected === undefined) return 'nobody of this id and generation is expected';
    if (!sameSecret(expected.nonce, greeting.nonce)) return 'wrong nonce';
    if (greeting.protocol !== PROTOCOL_VERSION) {
      expected.refused(greeting.protocol);
      return `protocol ${greeting.protocol}, ours is ${PROTOCOL_VERSION}`;
    }
    const hello = tryParse(daemonMessageSchema, greeting);
    if (!hello.success || hello.output.type !== 'hello') return 'a hello that does not parse';
    listener = expected.connected(hello.output, connection);
    return listener === undefined ? 'not the process that was started' : null;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Compares in a time that says nothing about where the two differ. */
function sameSecret(ours: string, theirs: string): boolean {
  return timingSafeEqual(digest(ours), digest(theirs));
}
