/**
 * From the command line to a running host and back: starts it, says where it is, ends it on a signal. The only file beside main.ts that ends this process.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '../clock.ts';
import { BulkheadError } from '../errors.ts';
import { packageRoot } from '../package-root.ts';
import { createTextLogger } from '../text-log.ts';
import { banner, createConsole } from './console.ts';
import { openHost } from './host.ts';
import { readCommand, type HostOptions } from './options.ts';
import { openServiceManager } from './service-manager.ts';
import { stopHome } from './stop.ts';

/** Node-RED gives its nodes 15 s to close. */
const CLOSE_LIMIT_MS = 30_000;
const ASKED_AGAIN_MS = 500;

function version(): string {
  const manifest = readFileSync(path.join(packageRoot(), 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

function end(code: number): never {
  process.exit(code);
}

function endWith(message: string): never {
  process.stderr.write(`bulkhead: ${message}\n`);
  end(1);
}

async function serve(options: HostOptions): Promise<void> {
  const terminal = createConsole((line) => process.stdout.write(`${line}\n`), systemClock.wallMs);
  const log = createTextLogger(terminal.write);

  const manager = openServiceManager(process.env);
  const opening = openHost(options, { log, nodeRedLog: terminal.nodeRed });
  let stoppingSinceMs: number | undefined;
  const stop = (): void => {
    const nowMs = systemClock.nowMs();
    if (stoppingSinceMs !== undefined) {
      // A person who asks again means: now. A terminal's Ctrl+C comes twice by itself where npm passes it on as well.
      if (nowMs - stoppingSinceMs > ASKED_AGAIN_MS) end(1);
      return;
    }
    stoppingSinceMs = nowMs;
    manager.stopping();
    setTimeout(() => endWith('something did not stop in time.'), CLOSE_LIMIT_MS).unref();
    opening
      .then((host) => host.close())
      .then(
        () => end(0),
        (error: unknown) => endWith(error instanceof Error ? error.message : String(error)),
      );
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop);

  const host = await opening;
  if (stoppingSinceMs !== undefined) return;
  manager.ready(`editor at ${host.url}`);
  process.stdout.write(
    `${banner({
      version: version(),
      home: options.home,
      url: host.url,
      username: host.username,
      newPassword: host.newPassword,
      channels: host.channels(),
    })}\n`,
  );
  terminal.talk();
}

async function stopOther(home: string): Promise<void> {
  const log = createTextLogger((level, text) => {
    if (level === 'error') process.stderr.write(`bulkhead: ${text}\n`);
  });
  process.stdout.write(`${await stopHome(home, log)}\n`);
  end(0);
}

/** Runs the command; resolves when the host runs. */
export async function run(args: readonly string[]): Promise<void> {
  const command = readCommand(args, process.env);
  // What starts daemons and other people's nodes must not hand them a password.
  delete process.env['BULKHEAD_ADMIN_PASSWORD'];
  // Express shows stack traces and paths to whoever sends a malformed request unless it is told that this is no workshop.
  process.env['NODE_ENV'] ??= 'production';
  switch (command.type) {
    case 'help':
      process.stdout.write(command.text);
      return;
    case 'version':
      process.stdout.write(`${version()}\n`);
      return;
    case 'refuse':
      return endWith(command.message);
    case 'stop':
    case 'run':
      try {
        return await (command.type === 'stop' ? stopOther(command.home) : serve(command.options));
      } catch (error) {
        if (error instanceof BulkheadError) endWith(error.message);
        throw error;
      }
  }
}
