/**
 * A probe: a daemon that opens a source once, says what it is, and ends. What the editor's *Test* button runs.
 *
 * Belongs here: one process, one answer, one time limit. Does not belong here: respawning (nobody wants a probe back), and how a source is
 * opened (daemon/probe.ts).
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { BulkheadError } from '../errors.ts';
import type { MediaDescription } from '../media/track.ts';
import type { ProbeConfig } from '../message/config.ts';
import { Child, type Launch } from './process/child.ts';
import type { Standby } from './process/standby.ts';
import { specHash } from './process/spec-hash.ts';
import { fileStem, type Terms } from './process/state-file.ts';

export type ProbeHost = Omit<Launch, 'entry' | 'listenFd' | 'state' | 'specHash' | 'standby'> & {
  readonly entry: (kind: 'probe') => string;
  readonly standby: (kind: 'probe') => Standby | undefined;
  readonly pageDirectory: string;
  readonly terms: Terms;
  readonly controlSocket: string;
};

/** A probe under way; `ended` resolves when its process is gone. */
export type Probe = {
  readonly child: Child;
  /** Rejects with a `BulkheadError` that says why the source cannot be opened. */
  readonly result: Promise<MediaDescription>;
  readonly ended: Promise<void>;
  /** Nobody waits for the answer any more. */
  readonly cancel: () => void;
};

/** Starting the process comes on top of what the source may take. */
const START_MS = 5_000;
/** From the answer to the end of the process, before it is killed. */
const END_MS = 2_000;

/** Throws when the process cannot be started at all. */
export function startProbe(config: ProbeConfig, host: ProbeHost): Probe {
  const { runDirectory, logDirectory, pageDirectory, controlSocket, entry, standby, terms, log } = host;
  const id = `probe:${config.channel}:${randomBytes(6).toString('hex')}`;
  const result = Promise.withResolvers<MediaDescription>();
  const ended = Promise.withResolvers<void>();
  const timers: NodeJS.Timeout[] = [];

  const child = Child.spawn(
    {
      runDirectory,
      logDirectory,
      log,
      entry: entry('probe'),
      standby: () => standby('probe'),
      listenFd: undefined,
      state: {
        id,
        kind: 'probe',
        channel: config.channel,
        generation: 1,
        controlSocket,
        statusPage: join(pageDirectory, `${fileStem(id, 1)}.status`),
        ...terms,
      },
      specHash: (nonce) => specHash(config, nonce),
    },
    {
      hello: () => child.send({ type: 'configure', config }),
      refused: () => result.reject(new BulkheadError('version', 'The probe is of another version. Restart Bulkhead.')),
      message: (message) => {
        if (message.type === 'media' && message.media !== null) result.resolve(message.media);
        else if (message.type === 'failed') result.reject(new BulkheadError(message.errorKind, message.message));
      },
      exited: ({ code, signal }, error) => {
        result.reject(
          error ?? new BulkheadError('internal', `The probe crashed (${signal ?? `exit code ${code}`}); see its log.`),
        );
        for (const timer of timers) clearTimeout(timer);
        ended.resolve();
      },
    },
  );
  timers.push(
    setTimeout(() => {
      result.reject(new BulkheadError('timeout', `The source does not answer within ${config.timeoutMs} ms.`));
    }, config.timeoutMs + START_MS),
  );
  const end = (): void => {
    child.send({ type: 'stop' });
    if (process.platform !== 'win32') child.signal('SIGTERM');
    timers.push(setTimeout(() => child.signal('SIGKILL'), END_MS));
  };
  result.promise.then(end, end);
  const cancel = (): void =>
    result.reject(new BulkheadError('unavailable', 'The test was broken off because Bulkhead stops.'));
  return { child, result: result.promise, ended: ended.promise, cancel };
}
