/**
 * A `Logger` for the process that people watch: the same calls as in a daemon, but lines of text that go wherever `write` puts them (Node-RED's log, a
 * terminal). Does not belong here: where they go, and the daemons' own logs (log.ts).
 */
import pino from 'pino';
import type { Logger } from './log.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type WriteLine = (level: LogLevel, text: string) => void;

/** pino's own fields; the rest of an entry is what the caller bound to it. */
const OWN_FIELDS = new Set(['level', 'time', 'msg', 'err']);

function lineOf(entry: Readonly<Record<string, unknown>>): string {
  const bound = Object.entries(entry)
    .filter(([key, value]) => !OWN_FIELDS.has(key) && value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const error = (entry['err'] as { message?: unknown } | undefined)?.message;
  const text = [entry['msg'], error].filter((part) => typeof part === 'string' && part !== '').join(': ');
  return bound.length === 0 ? text : `${text} (${bound.join(' ')})`;
}

/** Formats entries as `message: error (key=value ...)`; a secret masks itself. */
export function createTextLogger(write: WriteLine): Logger {
  return pino(
    { level: 'debug', base: null, timestamp: false, formatters: { level: (label) => ({ level: label }) } },
    {
      write: (line: string) => {
        const entry = JSON.parse(line) as Record<string, unknown>;
        write(entry['level'] as LogLevel, lineOf(entry));
      },
    },
  );
}
