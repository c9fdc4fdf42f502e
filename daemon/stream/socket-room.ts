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
 * Node's own socket timeout is just that: progress of a large write counts as activity, and any write after a quiet time starts it again.
 * The result ends the watch.
 */
export function whenStuck(socket: Socket, limitMs: number, then: () => void): () => void {
  const look = (): void => {
    if (socket.writableLength > 0) then();
  };
  // Not as an argument of setTimeout: that would listen for one timeout only, which may be a quiet one.
  socket.on('timeout', look);
  socket.setTimeout(limitMs);
  return () => void socket.off('timeout', look);
}
