/**
 * Keeps other web pages away from this host: what a browser on this machine may be talked into sending here.
 *
 * DNS rebinding: a page's own name is made to point at this machine; the `Host` header then carries a name that is not ours. Cross-site requests and WebSockets: the
 * `Origin` header is not this host. Both are refused before anything else sees the request, logged in or not. Programs send neither
 * header and log in. Does not belong here: who may do what (Node-RED's adminAuth).
 */
import type { IncomingMessage } from 'node:http';
import net from 'node:net';
import os from 'node:os';

export type GuardOptions = {
  /** The address that the host listens on. */
  readonly host: string;
  readonly allowedHosts: readonly string[];
};

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** `[::1]:1880` and `cam.local:1880` without port and brackets, in lower case. */
function hostName(host: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/\s@]+))(?::\d{1,5})?$/i.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

/** Why a request is refused, in words for whoever reads the answer; undefined = let it in. */
export type Guard = (request: Pick<IncomingMessage, 'headers'>) => string | undefined;

export function createOriginGuard({ host, allowedHosts }: GuardOptions): Guard {
  const names = new Set([...LOOPBACK_NAMES, host.toLowerCase(), ...allowedHosts]);
  const everywhere = !isLoopback(host);
  if (everywhere) {
    const machine = os.hostname().toLowerCase();
    names.add(machine).add(`${machine}.local`);
  }

  return ({ headers }) => {
    const name = headers.host === undefined ? undefined : hostName(headers.host);
    if (name === undefined) return 'The request has no valid Host header.';
    // An address cannot be rebound, only a name can.
    if (!names.has(name) && !(everywhere && net.isIP(name) !== 0)) {
      return `The name "${name}" is not one of this host. Start bulkhead with --allow-host ${name} if it should be.`;
    }
    const { origin } = headers;
    if (origin !== undefined) {
      const from = URL.canParse(origin) ? new URL(origin).host : '';
      return from === headers.host?.toLowerCase() || from === withoutDefaultPort(headers.host ?? '', origin)
        ? undefined
        : 'Requests from other sites are refused.';
    }
    const site = headers['sec-fetch-site'];
    const foreign = site === 'cross-site' || site === 'same-site';
    // A link to the editor is fine; a picture, script or frame of it on another page is not.
    return foreign && (headers['sec-fetch-mode'] !== 'navigate' || headers['sec-fetch-dest'] !== 'document')
      ? 'Requests from other sites are refused.'
      : undefined;
  };
}

/** Some proxies write the scheme's own port into `Host`; `Origin` never has it. */
function withoutDefaultPort(host: string, origin: string): string {
  return host.toLowerCase().replace(origin.startsWith('https:') ? /:443$/ : /:80$/, '');
}
