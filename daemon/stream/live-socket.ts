/**
 * /live.ws: a text message `{"type":"init","mime":...}`, then the init segment, then one fragment a message. The same again when the stream's
 * parameters change. Viewers send nothing.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Audience } from './audience.ts';
import { whenRoom, whenStuck } from './socket-room.ts';
import type { Goodbye, Sink } from './sink.ts';

/** RFC 6455 7.4.1 and the registry at IANA: 1001 going away, 1008 policy, 1012 service restart, 1013 try again later. */
const CLOSE_CODE: Readonly<Record<Goodbye, number>> = {
  stopped: 1001,
  recycled: 1012,
  starved: 1013,
  stuck: 1008,
  format: 1012,
  full: 1013,
};
const CLOSE_TEXT: Readonly<Record<Goodbye, string>> = {
  stopped: 'The channel was stopped.',
  recycled: 'The channel is being renewed; connect again.',
  starved: 'The camera sends nothing.',
  stuck: 'Nothing was taken for too long.',
  format: 'The stream has changed; connect again.',
  full: 'The channel has as many viewers as it may have.',
};
/** After a close frame the other side has this long to answer before the connection is cut. */
const CLOSE_LIMIT_MS = 1000;

export class LiveSocket {
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: 1024,
  });
  readonly #audience: Audience;
  readonly #stuckAfterMs: number;

  constructor(audience: Audience, stuckAfterMs: number) {
    this.#audience = audience;
    this.#stuckAfterMs = stuckAfterMs;
  }

  /** Completes the handshake; the caller has checked path, host and origin. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (client) => this.#welcome(client, socket));
  }

  #welcome(client: WebSocket, socket: Socket): void {
    client.on('error', () => client.terminate());
    if (!this.#audience.admit()) {
      sayGoodbye(client, 'full');
      return;
    }
    const sink: Sink = {
      begin: (mime, init) => {
        client.send(JSON.stringify({ type: 'init', mime }));
        client.send(init);
      },
      send: (fragment) => client.send(fragment),
      queuedBytes: () => socket.writableLength,
      whenRoom: (then) => whenRoom(socket, then),
      canRestart: true,
      fromZero: false,
      close: (why) => sayGoodbye(client, why),
    };
    const place = this.#audience.enter(sink);
    client.on('close', place.closed);
    whenStuck(socket, this.#stuckAfterMs, place.stuck);
  }
}

function sayGoodbye(client: WebSocket, why: Goodbye): void {
  client.close(CLOSE_CODE[why], CLOSE_TEXT[why]);
  // One that is stuck would never get to the close frame.
  const cut = setTimeout(() => client.terminate(), why === 'stuck' ? 0 : CLOSE_LIMIT_MS);
  client.on('close', () => clearTimeout(cut));
}
