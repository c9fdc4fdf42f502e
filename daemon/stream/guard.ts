/**
 * Who may speak to a channel's port: protection against pages of other sites in the browser of somebody who can reach it.
 *
 * The port itself has no login yet, so what it must not be is an open door for the web at large: a foreign name that resolves to us (DNS
 * rebinding) is refused by its Host header, and a foreign page's WebSocket by its Origin. Addresses are let through: an attacker's page cannot
 * have one as its origin unless it is served from there.
 */
import { isIP } from 'node:net';

/** The host of a `Host` header or of an origin's authority, without port and brackets, in lower case; `undefined` if it is not one. */
export function hostOf(authority: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?$/i.exec(authority);
  return (match?.[1] ?? match?.[2])?.toLowerCase().replace(/\.$/, '');
}

/** Names that mean this machine whatever a name server says. `names` = what it is bound to and called. */
export function isOurHost(authority: string | undefined, names: readonly string[]): boolean {
  // HTTP/1.0 has no Host, and no browser speaks it.
  if (authority === undefined) return true;
  const host = hostOf(authority);
  if (host === undefined) return false;
  if (isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost')) return true;
  return names.some((name) => name.toLowerCase() === host);
}

/** Whether a WebSocket may be opened: by programs, which send no Origin, and by our own pages. */
export function isOurOrigin(origin: string | undefined, authority: string | undefined): boolean {
  if (origin === undefined) return true;
  if (authority === undefined) return false;
  const match = /^https?:\/\/(.+)$/i.exec(origin);
  return match?.[1]?.toLowerCase() === authority.toLowerCase();
}
