/**
 * /stream.mp4: a live MP4 that never ends, for VLC, ffmpeg and other recorders, and for `<video src>`.
 *
 * Not chunked: the connection is for this one response, so its end is the end of the body, and every fragment is one write.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Audience } from './audience.ts';
import { whenRoom, whenStuck } from './socket-room.ts';
import type { Sink } from './sink.ts';

export type ProgressiveOptions = {
  /** How long a viewer waits for a stream to begin, before it is told to come again. */
  readonly beginLimitMs: number;
  readonly stuckAfterMs: number;
};

/** Lets a response into the audience. */
export function serveProgressive(
  audience: Audience,
  request: IncomingMessage,
  response: ServerResponse,
  options: ProgressiveOptions,
): void {
  const { socket } = response;
  if (!socket) {
    // It waits behind another answer on its connection. A stream has a connection for itself.
    request.socket.destroy();
    return;
  }
  let begun = false;
  const sink: Sink = {
    begin: (_mime, init) => {
      begun = true;
      clearTimeout(tooLate);
      response.useChunkedEncodingByDefault = false;
      response.writeHead(200, { 'content-type': 'video/mp4', 'cache-control': 'no-store', connection: 'close' });
      response.write(init);
    },
    send: (fragment) => void response.write(fragment),
    queuedBytes: () => socket.writableLength,
    whenRoom: (then) => whenRoom(socket, then),
    canRestart: false,
    fromZero: true,
    close: (why) => {
      if (!begun) sayLater(response);
      else if (why === 'stuck') socket.destroy();
      else response.end();
    },
  };
  const tooLate = setTimeout(() => {
    if (begun) return;
    sayLater(response);
    place.closed();
  }, options.beginLimitMs);
  const place = audience.enter(sink);
  const unwatch = whenStuck(socket, options.stuckAfterMs, place.stuck);
  // Without a listener Node would cut the connection of a viewer to whom nothing has been sent for a while.
  response.on('timeout', () => {});
  response.on('close', () => {
    clearTimeout(tooLate);
    unwatch();
    place.closed();
  });
  response.on('error', () => place.closed());
}

function sayLater(response: ServerResponse): void {
  if (response.headersSent) return;
  response.writeHead(503, {
    'content-type': 'text/plain; charset=utf-8',
    'retry-after': '1',
    'cache-control': 'no-store',
  });
  response.end('Waiting for the camera: there is no picture yet. Try again in a moment.\n');
}
