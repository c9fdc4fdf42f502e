/**
 * Where the supervisor's local socket is: in the run directory, or, where that path is too long for a socket, in a private directory with
 * a short one. The same run directory gives the same path in every process, so that daemons find the next supervisor where the last one was.
 */
import { createHash } from 'node:crypto';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** sockaddr_un holds 104 bytes on macOS and 108 on Linux, the closing zero included. */
const MAX_SOCKET_PATH_BYTES = 103;

/** The path to listen on; its directory may have to be made. */
export function controlSocketPath(runDirectory: string, temporary: string = tmpdir()): string {
  const absolute = resolve(runDirectory);
  const name = createHash('sha256').update(absolute).digest('hex').slice(0, 16);
  if (process.platform === 'win32') return `\\\\.\\pipe\\bulkhead-${name}`;
  const preferred = join(absolute, 'control.sock');
  if (fits(preferred)) return preferred;
  const short = join(temporary, `bulkhead-${userInfo().uid}-${name}`, 'control.sock');
  return fits(short) ? short : join('/tmp', `bulkhead-${userInfo().uid}-${name}`, 'control.sock');
}

/** The directory that `controlSocketPath` needs apart from the run directory; undefined = none. */
export function controlSocketDirectory(runDirectory: string, socketPath: string): string | undefined {
  if (process.platform === 'win32' || dirname(socketPath) === resolve(runDirectory)) return undefined;
  return dirname(socketPath);
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES;
}
