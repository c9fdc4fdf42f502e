/**
 * A channel's port, held through all generations of the daemon that serves it.
 *
 * Belongs here: opening it when it is needed, keeping it while it stays the same, closing it. Does not belong here: when it should be open
 * (slot.ts) and how a socket is had (listen-socket.ts).
 */
import type { StreamConfig } from '../../message/config.ts';
import { openListenSocket, retrieveListenSocket, type ListenSocket } from './listen-socket.ts';

type Address = Pick<StreamConfig, 'host' | 'port'>;

export class Port {
  #socket: ListenSocket | null = null;
  #address: Address | null = null;

  /** The descriptor to inherit; undefined = the daemon binds by itself. Throws when the port cannot be had. */
  open(address: Address): number | undefined {
    if (!this.isAt(address)) this.close();
    this.#socket ??= openListenSocket(address.host, address.port) ?? null;
    this.#address = { host: address.host, port: address.port };
    return this.#socket?.fd;
  }

  /** Gets it back from a daemon that is serving it already, if it is this address that the daemon serves. */
  retrieve(pid: number, fd: number, address: Address): void {
    if (this.#socket !== null) return;
    this.#socket = retrieveListenSocket(pid, fd, address.host, address.port) ?? null;
    this.#address = { host: address.host, port: address.port };
  }

  /** True while it is open here, and is this one. */
  isAt(address: Address): boolean {
    return this.#socket !== null && this.#address?.host === address.host && this.#address.port === address.port;
  }

  close(): void {
    this.#socket?.close();
    this.#socket = null;
  }
}
