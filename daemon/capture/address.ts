/**
 * A camera's address, taken apart: where it is, and who we are there.
 *
 * Belongs here: keeping credentials and address apart, whichever way they were written. A URL with a password in it exists only as the
 * return value of `dialString`, for the moment of the call that dials. Does not belong here: what the other side answers.
 */
import { BulkheadError } from '../../runtime/errors.ts';
import { Secret } from '../../runtime/secret.ts';

export type Address = {
  readonly scheme: string;
  /** Name or number, IPv6 in brackets. */
  readonly host: string;
  readonly port: number;
  /** Path and query as written, at least `/`. May hold secrets of the camera's own making: show `place` instead. */
  readonly path: string;
  readonly username: string | undefined;
  readonly password: Secret | undefined;
  /** Host, port and path for people: no credentials, no query. */
  readonly place: string;
};

const DEFAULT_PORT: Readonly<Record<string, number>> = { rtsp: 554, rtsps: 322, http: 80, https: 443 };
const PARTS = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^#]*)/i;
const HOST_AND_PORT = /^(\[[0-9a-f:.]+\]|[^:@[\]\s]+)(?::(\d{1,5}))?$/i;
/** Some cameras want the password in the path (`/user=admin_password=...`). */
const TALKATIVE_PATH = /(pass\w*|pwd|secret|token|auth|user\w*)=/i;
/** FFmpeg keeps `user:password` of an RTSP address in 128 bytes and cuts the rest off without a word (rtsp.c). */
const CREDENTIALS_LIMIT_BYTES = 127;

/**
 * Takes an address apart. Credentials inside the URL are taken out of it; those given beside it win. Throws `invalid` without quoting the
 * URL, which may hold a password.
 */
export function parseAddress(
  url: string,
  schemes: readonly string[],
  given: { username?: string | undefined; password?: Secret | undefined } = {},
): Address {
  const parts = PARTS.exec(url.trim());
  const scheme = parts?.[1]?.toLowerCase() ?? '';
  if (!parts || !schemes.includes(scheme)) {
    throw new BulkheadError('invalid', `The address must begin with ${schemes.map((s) => `${s}://`).join(' or ')}.`);
  }
  const authority = parts[2] ?? '';
  const at = authority.lastIndexOf('@');
  const place = HOST_AND_PORT.exec(authority.slice(at + 1));
  const port = Number(place?.[2] ?? DEFAULT_PORT[scheme]);
  if (!place?.[1] || port < 1 || port > 65_535) {
    throw new BulkheadError(
      'invalid',
      `The address needs a host, like ${scheme}://192.0.2.10/stream. A password with one of / ? # in it belongs in the field for passwords.`,
    );
  }
  const inUrl = at === -1 ? undefined : splitUserInfo(authority.slice(0, at));
  const host = place[1];
  const path = parts[3]?.startsWith('/') ? parts[3] : `/${parts[3] ?? ''}`;
  const credentials = given.username || given.password ? given : inUrl;
  return {
    scheme,
    host,
    port,
    path,
    username: credentials?.username || undefined,
    password: credentials?.password,
    place: `${host}${port === DEFAULT_PORT[scheme] ? '' : `:${port}`}${showablePath(path)}`,
  };
}

/** The URL to dial, credentials included: for the call that opens the source, and for nothing else. Throws `invalid`. */
export function dialString(address: Address): string {
  const { scheme, host, port, path, username, password } = address;
  if (username === undefined && password === undefined) return `${scheme}://${host}:${port}${path}`;
  const credentials = `${percentEncode(username ?? '')}:${percentEncode(password?.reveal() ?? '')}`;
  if (scheme.startsWith('rtsp') && credentials.length > CREDENTIALS_LIMIT_BYTES) {
    throw new BulkheadError(
      'invalid',
      `User name and password are too long together: RTSP takes ${CREDENTIALS_LIMIT_BYTES - 1} bytes, and each special character counts as three.`,
    );
  }
  return `${scheme}://${credentials}@${host}:${port}${path}`;
}

/** Every form in which a secret of this address might turn up in somebody else's text. */
export function secretForms(address: Address): readonly string[] {
  const forms = new Set<string>();
  const password = address.password?.reveal();
  if (password) {
    forms.add(password);
    forms.add(percentEncode(password));
    forms.add(encodeURIComponent(password));
  }
  if (showablePath(address.path) !== address.path && address.path.length > 1) forms.add(address.path);
  return [...forms].toSorted((a, b) => b.length - a.length);
}

function splitUserInfo(userInfo: string): { username: string; password: Secret | undefined } {
  const colon = userInfo.indexOf(':');
  if (colon === -1) return { username: percentDecode(userInfo), password: undefined };
  return {
    username: percentDecode(userInfo.slice(0, colon)),
    password: new Secret(percentDecode(userInfo.slice(colon + 1))),
  };
}

function showablePath(path: string): string {
  const plain = path.split('?', 1)[0] ?? '/';
  if (TALKATIVE_PATH.test(plain)) return '/...';
  return plain.length > 100 ? `${plain.slice(0, 99)}…` : plain;
}

/** RFC 3986: all but what user information may hold as it is; the colon too, because it parts the name from the password. */
function percentEncode(text: string): string {
  return text.toWellFormed().replace(/[^A-Za-z0-9\-._~!$&'()*+,;=]/gu, encodeURIComponent);
}

/** A password typed into a URL is often not encoded at all: then it is what was typed. */
function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
