/**
 * Dials a port again and again and counts how it went: the measure of "its port refuses nobody".
 *
 * Only the TCP handshake: what waits in a backlog is not refused. Does not belong here: what is said on a connection (live-viewer.ts).
 */
import { connect } from 'node:net';

export type PortProbe = {
  readonly connected: number;
  readonly refused: number;
  /** Other failures: their codes, each once. */
  readonly failures: ReadonlySet<string>;
  stop(): void;
};

export function probePort(port: number, everyMs = 20): PortProbe {
  let connected = 0;
  let refused = 0;
  const failures = new Set<string>();
  const timer = setInterval(() => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      connected += 1;
      socket.destroy();
    });
    socket.on('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED') refused += 1;
      else failures.add(code);
    });
  }, everyMs);
  return {
    get connected() {
      return connected;
    },
    get refused() {
      return refused;
    },
    failures,
    stop: () => clearInterval(timer),
  };
}
