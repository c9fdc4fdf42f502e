/**
 * Runs the stream daemon's work in a process of its own, with the least context around it: what it tells its supervisor is printed as JSON.
 *
 * Arguments: configuration and options as JSON. SIGTERM stops it as the harness would; `drain` on standard input drains it.
 */
import { createInterface } from 'node:readline';
import { startStream, type StreamOptions } from '../../daemon/stream/start.ts';
import type { BulkheadError } from '../../runtime/errors.ts';
import { EXIT } from '../../runtime/exit-code.ts';
import type { Logger } from '../../runtime/log.ts';
import { streamConfigSchema } from '../../runtime/message/config.ts';
import { parse } from '../../runtime/message/parse.ts';
import type { DaemonReport } from '../../runtime/message/schema.ts';
import type { StreamEvent } from './stream-daemon.ts';

const tell = (event: StreamEvent): void => void process.stdout.write(`${JSON.stringify(event)}\n`);
const logLine = (level: string) => (first: unknown, text?: string) =>
  tell({
    type: 'log',
    level,
    text: text ?? String(first),
    detail: typeof first === 'object' ? JSON.stringify(first) : '',
  });
const log = {
  error: logLine('error'),
  warn: logLine('warn'),
  info: logLine('info'),
  debug: () => {},
} as unknown as Logger;

const config = parse(streamConfigSchema, JSON.parse(process.argv[2] ?? '{}'));
const { listenFd, ...options } = JSON.parse(process.argv[3] ?? '{}') as StreamOptions & { listenFd?: number };
let input = 0;
let output = 0;
setInterval(() => tell({ type: 'counted', input, output }), 250).unref();

const running = startStream(
  config,
  {
    log,
    channel: config.channel,
    generation: Number(process.env['GENERATION'] ?? 1),
    listenFd,
    send: (message: DaemonReport) => tell({ type: 'message', message }),
    ready: () => tell({ type: 'ready' }),
    exit: (meaning, error) => {
      if (error) tell({ type: 'failed', kind: error.kind, text: error.message });
      void running.then((work) => work?.stop()).then(() => process.exit(EXIT[meaning]));
    },
    status: {
      input: (count = 1) => void (input += count),
      output: (count = 1) => void (output += count),
      laps: (count) => tell({ type: 'laps', count }),
      viewers: (count) => tell({ type: 'viewers', count }),
      error: () => {},
      requestRecycle: () => {},
    },
  },
  options,
).catch((thrown: unknown) => {
  const error = thrown as BulkheadError;
  tell({ type: 'failed', kind: error.kind, text: error.message });
  process.exit(EXIT.temporary);
});

async function stop(): Promise<void> {
  const work = await running;
  await work.stop();
  process.exit(EXIT.done);
}
process.on('SIGTERM', () => void stop());
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'drain') void running.then((work) => work.drain?.(1000)).then(() => tell({ type: 'drained' }));
});
