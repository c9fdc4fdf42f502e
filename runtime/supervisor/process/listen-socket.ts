/**
 * A listening TCP socket that this process holds and a daemon serves. The daemon inherits the descriptor, so while it is replaced the port refuses
 * nobody: connections wait in the backlog.
 *
 * Belongs here: socket, bind and listen through libc, getting a socket back from a daemon that was adopted, and the words for what can go
 * wrong. Does not belong here: when a port is open (slot.ts). A net.Server would not do: it accepts connections itself and leaves them
 * hanging. Where this cannot be done the answer is `undefined` and the daemon binds by itself: that is the only seam.
 */
import { closeSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { BulkheadError, type ErrorKind } from '../../errors.ts';

/** A bound, listening descriptor, close-on-exec; `close` may be called again. */
export type ListenSocket = { readonly fd: number; readonly close: () => void };

/** Connections that wait while nobody accepts; what Node asks for as well. The kernel may allow fewer (net.core.somaxconn). */
const BACKLOG = 511;

/** Opens it. Throws `conflict`, `unauthorised` or `invalid` with what to do about it; `undefined` = the daemon has to bind by itself. */
export function openListenSocket(host: string, port: number): ListenSocket | undefined {
  const address = literalAddress(host);
  const libc = loadLibc();
  if (libc === undefined || address === undefined) return undefined;

  const fd = libc.socket(address.includes(':') ? libc.numbers.AF_INET6 : AF_INET);
  const check = (result: number): void => {
    if (result === 0) return;
    const code = getSystemErrorName(-koffi.errno());
    closeSync(fd);
    throw listenError(code, host, port);
  };
  if (fd < 0) throw listenError(getSystemErrorName(-koffi.errno()), host, port);
  check(libc.setOption(fd, libc.numbers.SOL_SOCKET, libc.numbers.SO_REUSEADDR, 1));
  // Like Node: `::` takes IPv4 as well.
  if (address.includes(':')) check(libc.setOption(fd, IPPROTO_IPV6, libc.numbers.IPV6_V6ONLY, 0));
  check(libc.bind(fd, address, port));
  check(libc.listen(fd, BACKLOG));
  return owned(fd);
}

/**
 * Gets a copy of the listening socket of a daemon that an earlier supervisor started (pidfd_getfd, Linux 5.6). `undefined` = the kernel does
 * not allow it: then the port is closed for the moment between that daemon's end and the next one's start.
 */
export function retrieveListenSocket(pid: number, fd: number, host: string, port: number): ListenSocket | undefined {
  if (process.platform !== 'linux') return undefined;
  const libc = loadLibc();
  const address = literalAddress(host);
  if (libc === undefined || address === undefined) return undefined;
  const pidfd = libc.pidfdOpen(pid);
  if (pidfd < 0) return undefined;
  const copy = libc.pidfdGetfd(pidfd, fd);
  closeSync(pidfd);
  if (copy < 0) return undefined;
  // What that number means in the other process is only written in a file: look at the socket itself. Another address is another port: a
  // channel that is meant for this machine alone must not stay open to all.
  if (libc.isBoundTo(copy, address, port)) return owned(copy);
  closeSync(copy);
  return undefined;
}

/** Undefined for a name, which may need a resolver, and a scoped address, which needs an interface: the daemon's own listen() knows both. */
function literalAddress(host: string): string | undefined {
  const address = host === 'localhost' ? '127.0.0.1' : host;
  return (isIPv4(address) || isIPv6(address)) && !address.includes('%') ? address : undefined;
}

function owned(fd: number): ListenSocket {
  let open = true;
  return {
    fd,
    close: () => {
      if (!open) return;
      open = false;
      closeSync(fd);
    },
  };
}

function listenError(code: string, host: string, port: number): BulkheadError {
  const known: Readonly<Record<string, readonly [ErrorKind, string]>> = {
    EADDRINUSE: ['conflict', `Port ${port} on ${host} is taken by another program. Stop that, or choose another port.`],
    EACCES: ['unauthorised', `This user may not open port ${port} on ${host}. Choose a port above 1023.`],
    EADDRNOTAVAIL: ['invalid', `This machine has no address ${host}. Choose one of its own, or 0.0.0.0 for all.`],
  };
  const [kind, message] = known[code] ?? ['unavailable', `Port ${port} on ${host} cannot be opened: ${code}.`];
  return new BulkheadError(kind, message, { context: { port, code } });
}

// <sys/socket.h>, <netinet/in.h>: what Linux and macOS agree on
const AF_INET = 2;
const SOCK_STREAM = 1;
const IPPROTO_IPV6 = 41;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
// and what they do not
const NUMBERS = {
  linux: { AF_INET6: 10, SOL_SOCKET: 1, SO_REUSEADDR: 2, IPV6_V6ONLY: 26, SOCK_CLOEXEC: 0o2000000 },
  darwin: { AF_INET6: 30, SOL_SOCKET: 0xffff, SO_REUSEADDR: 4, IPV6_V6ONLY: 27, SOCK_CLOEXEC: 0 },
} as const;
// <sys/syscall.h>: the same on every architecture that Node runs on
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;

type Libc = {
  readonly numbers: (typeof NUMBERS)[keyof typeof NUMBERS];
  readonly socket: (family: number) => number;
  readonly setOption: (fd: number, level: number, option: number, value: number) => number;
  readonly bind: (fd: number, address: string, port: number) => number;
  readonly listen: (fd: number, backlog: number) => number;
  readonly isBoundTo: (fd: number, address: string, port: number) => boolean;
  readonly pidfdOpen: (pid: number) => number;
  readonly pidfdGetfd: (pidfd: number, fd: number) => number;
};

let loaded: Libc | undefined;
let tried = false;

/** Undefined where there is no such libc, or koffi has no binary. */
function loadLibc(): Libc | undefined {
  if (tried) return loaded;
  tried = true;
  const numbers = process.platform === 'linux' || process.platform === 'darwin' ? NUMBERS[process.platform] : undefined;
  if (numbers === undefined || endianness() !== 'LE') return undefined;
  try {
    loaded = bindLibc(numbers);
  } catch {
    loaded = undefined;
  }
  return loaded;
}

function bindLibc(numbers: Libc['numbers']): Libc {
  const libc = koffi.load(null);
  const socket = libc.func('int socket(int, int, int)');
  const fcntl = libc.func('int fcntl(int, int, ...)');
  const setsockopt = libc.func('int setsockopt(int, int, int, void *, uint32_t)');
  const bind = libc.func('int bind(int, void *, uint32_t)');
  const listen = libc.func('int listen(int, int)');
  const getsockname = libc.func('int getsockname(int, void *, void *)');
  const inetPton = libc.func('int inet_pton(int, const char *, void *)');
  const syscall = libc.func('long syscall(long, ...)');
  const addressBytes = (address: string, port: number): Buffer =>
    socketAddress(numbers, address, port, (family, into) => void inetPton(family, address, into));
  return {
    numbers,
    socket: (family) => {
      const fd = socket(family, SOCK_STREAM | numbers.SOCK_CLOEXEC, 0) as number;
      if (fd >= 0 && numbers.SOCK_CLOEXEC === 0) fcntl(fd, F_SETFD, 'int', FD_CLOEXEC);
      return fd;
    },
    setOption: (fd, level, option, value) => {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(value);
      return setsockopt(fd, level, option, bytes, bytes.length) as number;
    },
    bind: (fd, address, port) => {
      const bytes = addressBytes(address, port);
      return bind(fd, bytes, bytes.length) as number;
    },
    listen: (fd, backlog) => listen(fd, backlog) as number,
    isBoundTo: (fd, address, port) => {
      const bytes = Buffer.alloc(128);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      if (getsockname(fd, bytes, length) !== 0) return false;
      return bytes.subarray(0, length.readUInt32LE()).equals(addressBytes(address, port));
    },
    pidfdOpen: (pid) => Number(syscall(SYS_PIDFD_OPEN, 'int', pid, 'unsigned int', 0)),
    pidfdGetfd: (pidfd, fd) => Number(syscall(SYS_PIDFD_GETFD, 'int', pidfd, 'int', fd, 'unsigned int', 0)),
  };
}

/**
 * struct sockaddr_in and sockaddr_in6: family (macOS: length and family, a byte each), port and address in network order.
 *
 *   byte  0        2      4                8                                24
 *         +--------+------+----------------+----------------+
 *         | family | port | IPv4 address   | 8 zeros        |                                     16 bytes
 *         +--------+------+----------------+----------------+---------------+----------+
 *         | family | port | flow info, 0   | IPv6 address, 16 bytes         | scope, 0 |          28 bytes
 *         +--------+------+----------------+--------------------------------+----------+
 */
function socketAddress(
  numbers: Libc['numbers'],
  address: string,
  port: number,
  parse: (family: number, into: Buffer) => void,
): Buffer {
  const six = isIPv6(address);
  const family = six ? numbers.AF_INET6 : AF_INET;
  const bytes = Buffer.alloc(six ? 28 : 16);
  if (process.platform === 'darwin') bytes.set([bytes.length, family], 0);
  else bytes.writeUInt16LE(family, 0);
  bytes.writeUInt16BE(port, 2);
  parse(family, six ? bytes.subarray(8, 24) : bytes.subarray(4, 8));
  return bytes;
}
