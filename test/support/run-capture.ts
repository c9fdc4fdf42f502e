/**
 * Runs the capture or probe daemon's work in a process of its own, with a context that passes messages on to the parent (Node's own IPC).
 *
 * For tests of capture that need no supervisor; the real harness has tests of its own. The configuration comes as the first message, never in argv.
 */
import { createLogger } from '../../runtime/log.ts';
import { daemonConfigSchema } from '../../runtime/message/config.ts';
import { parse } from '../../runtime/message/parse.ts';
import { startCapture } from '../../daemon/capture/start-capture.ts';
import { startProbe } from '../../daemon/capture/start-probe.ts';
import { toBulkheadError } from '../../runtime/errors.ts';
import type { DaemonContext, Running } from '../../daemon/harness/run-daemon.ts';

const ignore = (): void => {};
const counts = { input: 0, output: 0 };

function context(generation: number): DaemonContext {
  return {
    log: createLogger({ daemon: 'capture', generation }),
    channel: 'test',
    generation,
    listenFd: undefined,
    send: (message) => process.send?.(message),
    ready: () => process.send?.({ type: 'ready' }),
    exit: (meaning, error) => {
      if (error) process.send?.({ type: 'failed', errorKind: error.kind, message: error.message });
      process.send?.({ type: 'exit', meaning });
      void stop();
    },
    status: {
      input: (count = 1) => (counts.input += count),
      output: (count = 1) => (counts.output += count),
      laps: ignore,
      viewers: ignore,
      error: ignore,
      requestRecycle: ignore,
    },
  };
}

let running: Promise<Running> | undefined;

async function stop(): Promise<void> {
  await (await running)?.stop();
  process.send?.({ type: 'stopped', ...counts }, () => process.disconnect());
}

async function begin(message: { config: unknown; generation: number }): Promise<void> {
  try {
    const config = parse(daemonConfigSchema, message.config);
    if (config.kind === 'stream') throw new Error('not a stream daemon');
    running =
      config.kind === 'capture'
        ? startCapture(config, context(message.generation))
        : startProbe(config, context(message.generation));
    await running;
  } catch (thrown) {
    const error = toBulkheadError(thrown, 'starting');
    process.send?.({ type: 'failed', errorKind: error.kind, message: error.message });
    running = undefined;
    process.disconnect();
  }
}

process.on('message', (message: { type: string; config: unknown; generation: number }) => {
  if (message.type === 'configure') void begin(message);
  else void stop();
});
