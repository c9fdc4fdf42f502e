/**
 * When a socket has room again, and when it is stuck: the same for a WebSocket and for a plain response, because both write to one socket.
 */
import type { Socket } from 'node:net';

/** Calls back once when the kernel has taken what was written; later in the loop if it already has. */
export function whenRoom(socket: Socket, then: () => void): void {
  if (socket.writableNeedDrain) socket.once('drain', then);
  else setImmediate(then);
}

/**
 * Calls back when something has been waiting and not a byte was taken for `limitMs`. A quiet socket with nothing to send is not stuck.
 * Node's own socket timeout is just that: progress of a large write counts as activity.
 */
export function whenStuck(socket: Socket, limitMs: number, then: () => void): void {
  socket.setTimeout(limitMs, () => {
    if (socket.writableLength > 0) then();
    else socket.setTimeout(limitMs);
  });
}
