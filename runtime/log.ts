/**
 * The logger of every process: one JSON line an entry on standard output, which the supervisor points at a file.
 *
 * Levels: error = somebody must act; warn = we coped; info = a state changed; debug = the rest. A secret is a `Secret` and masks itself;
 * losses are counted and reported at most once a second, never once a frame.
 */
import pino, { type Logger as PinoLogger } from 'pino';

export type Logger = Pick<PinoLogger, 'error' | 'warn' | 'info' | 'debug' | 'child'>;

/** Lines that may wait for a disk that is full; beyond that they are dropped. */
const MAX_WAITING_BYTES = 1 << 20;

/** Where nothing that happens to a log (a full disk, a closed pipe) can end the process that writes it. */
function openDestination(fd: number): ReturnType<typeof pino.destination> {
  const destination = pino.destination({ fd, sync: true, maxLength: MAX_WAITING_BYTES });
  destination.on('error', () => {});
  return destination;
}

/** `bindings` appear on every line, e.g. `{ daemon: 'stream', channel: 'front-door', generation: 3 }`. */
export function createLogger(bindings: Record<string, string | number> = {}): Logger {
  return pino(
    {
      level: process.env['BULKHEAD_LOG_LEVEL'] ?? 'info',
      base: { pid: process.pid, ...bindings },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    openDestination(1),
  );
}

/** Everything into a file, for those who look for a cause; what somebody must act on goes to `alarms` too. */
export function createFileLogger(fd: number, alarms: Logger): Logger {
  const file = openDestination(fd);
  const alarm = {
    write: (line: string) => {
      const { msg, err } = JSON.parse(line) as { msg?: string; err?: unknown };
      alarms.error({ err }, msg);
    },
  };
  return pino(
    {
      level: process.env['BULKHEAD_LOG_LEVEL'] ?? 'info',
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.multistream([
      { level: 'debug', stream: file },
      { level: 'error', stream: alarm },
    ]),
  );
}
