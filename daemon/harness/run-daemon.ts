/**
 * What every daemon process is around its work: it says who it is, beats, listens to its supervisor, stops in order, and dies with a reason.
 *
 * Belongs here: the life of the process from its state file to its exit code. Does not belong here: the work of a kind (daemon/<kind>/),
 * and any decision about being restarted (the supervisor's).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { BulkheadError, toBulkheadError, type ErrorKind } from '../../runtime/errors.ts';
import { EXIT, type ExitMeaning } from '../../runtime/exit-code.ts';
import { createLogger, type Logger } from '../../runtime/log.ts';
import type { DaemonConfig, DaemonKind } from '../../runtime/message/config.ts';
import { PROTOCOL_VERSION, type DaemonReport, type SupervisorCommand } from '../../runtime/message/schema.ts';
import { dieWithParent } from '../../runtime/supervisor/process/process-limits.ts';
import { readDaemonState } from '../../runtime/supervisor/process/state-file.ts';
import type { Phase } from '../../runtime/supervisor/process/status-page.ts';
import { ControlLink } from './control-link.ts';
import { startHeartbeat } from './heartbeat.ts';
import { leaveWord } from './last-word.ts';
import { openPage } from './page.ts';
import { takeDescriptorLimit, takeStanding } from './isolation.ts';
import { ORPHAN_GRACE_MS, startOrphanGrace, TIED_GRACE_MS } from './orphan-grace.ts';

/** What a kind's work may use of the process around it. */
export type DaemonContext = {
  readonly log: Logger;
  readonly channel: string;
  readonly generation: number;
  /** The inherited listening socket: `server.listen({ fd })`. Undefined = bind by yourself. */
  readonly listenFd: number | undefined;
  /** Tells the supervisor; waits (bounded) while there is none. */
  readonly send: (message: DaemonReport) => void;
  /** The work is being done. Once. */
  readonly ready: () => void;
  /** Ends this daemon from within, in order: `stop()` first, then the exit code. */
  readonly exit: (meaning: ExitMeaning, error?: BulkheadError) => void;
  /** The status page: cheap enough to be called for every record. */
  readonly status: {
    readonly input: (count?: number) => void;
    readonly output: (count?: number) => void;
    readonly laps: (count: number) => void;
    /** How many there are now. */
    readonly viewers: (count: number) => void;
    readonly error: (error: BulkheadError | null) => void;
    /** Asks to be replaced at the next good moment. */
    readonly requestRecycle: () => void;
  };
};

/** A kind's work, once it has begun. */
export type Running = {
  /** Take nothing new, finish what is under way, within `graceMs`. `stop()` follows. */
  readonly drain?: (graceMs: number) => Promise<void>;
  /** Close everything; afterwards the process exits. */
  readonly stop: () => Promise<void>;
};

export type RunOptions = {
  readonly orphanGraceMs?: number;
  /** How long `stop()` may take; shorter than the supervisor's patience. */
  readonly stopLimitMs?: number;
};

/** A crash: every other code is a meaning (exit-code.ts). */
const CRASH_CODE = 1;
const STOP_LIMIT_MS = 4_000;
/** How long an end that comes before ready waits for the start to come to something that can be stopped. */
const START_LIMIT_MS = 1_000;
/** What the schema allows. */
const MAX_TEXT = 500;
/** For handing the last messages to the kernel. */
const FLUSH_LIMIT_MS = 250;

/** Kinds of error that trying again does not mend. */
const PERMANENT: ReadonlySet<ErrorKind> = new Set(['invalid', 'unsupported']);

/** Runs this process as a daemon of `kind`. The state file is the first argument. Never returns to its caller in any useful way. */
export function runDaemon<K extends DaemonKind>(
  kind: K,
  start: (config: Extract<DaemonConfig, { kind: K }>, context: DaemonContext) => Promise<Running>,
  options: RunOptions = {},
): void {
  const stateFile = process.argv[2] ?? '';
  const state = readDaemonState(stateFile);
  process.title = `bulkhead ${state.kind} ${state.channel}`;
  takeStanding(state.kind);
  const tied = state.tiedTo !== undefined && dieWithParent(true);
  // It ended before we asked: then nobody is left to end us.
  if (tied && process.ppid !== state.tiedTo) process.exit(EXIT.done);
  const log = createLogger({ daemon: state.kind, channel: state.channel, generation: state.generation });
  const page = openPage(state, log);
  const stopHeartbeat = startHeartbeat(page);

  let running: Promise<Running> | null = null;
  let leaving = false;
  let failure: string | null = null;
  const drainEnded = Promise.withResolvers<void>();
  const enter = (phase: Phase): void => {
    page.phase(phase);
    log.info({ phase }, 'phase');
  };

  const link = new ControlLink(
    state.controlSocket,
    {
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      id: state.id,
      kind: state.kind,
      generation: state.generation,
      pid: process.pid,
      nonce: state.nonce,
    },
    { message: obey, up: () => orphan.found(), down: (welcome) => orphan.lost(welcome) },
    log,
  );
  const usualGraceMs = options.orphanGraceMs ?? ORPHAN_GRACE_MS[kind];
  const graceMs = state.tiedTo === undefined ? (state.orphanGraceMs ?? usualGraceMs) : TIED_GRACE_MS;
  const orphan = startOrphanGrace(graceMs, () => {
    log.warn('no supervisor for too long: this daemon stops by itself');
    void leave(EXIT.done);
  });

  process.on('SIGTERM', () => void leave(EXIT.done));
  // A terminal sends these to everything that was started from it; our life is the supervisor's business.
  process.on('SIGINT', () => {});
  process.on('SIGHUP', () => {});
  process.on('uncaughtException', (error) => crash(error));
  process.on('unhandledRejection', (error) => crash(error));

  const context: DaemonContext = {
    log,
    channel: state.channel,
    generation: state.generation,
    listenFd: state.listenFd,
    send: (message) => link.send(message),
    ready: () => {
      if (leaving) return;
      enter('ready');
      link.send({ type: 'ready' });
    },
    exit: (meaning, error) => {
      if (error !== undefined) tellFailure(error);
      void leave(EXIT[meaning]);
    },
    status: {
      input: (count = 1) => page.input(count),
      output: (count = 1) => page.output(count),
      laps: (count) => page.laps(count),
      viewers: (count) => page.viewers(count),
      error: (error) => page.error(error?.kind ?? null),
      requestRecycle: () => page.requestRecycle(),
    },
  };

  function obey(message: SupervisorCommand): void {
    switch (message.type) {
      case 'configure':
        // Sent again after a break in the channel.
        if (running === null && !leaving) configure(message.config);
        return;
      case 'drain':
        void leave(EXIT.recycled, message.graceMs);
        return;
      case 'stop':
        void leave(EXIT.done);
    }
  }

  function configure(config: DaemonConfig): void {
    enter('initialising');
    if (config.kind !== kind) {
      context.exit('config', new BulkheadError('invalid', `A ${kind} daemon cannot be a ${config.kind} daemon.`));
      return;
    }
    takeDescriptorLimit(config);
    running = start(config as Extract<DaemonConfig, { kind: K }>, context);
    running.catch((thrown: unknown) => {
      const error = toBulkheadError(thrown, `starting the ${kind} daemon`);
      if (error.kind === 'internal') return crash(thrown);
      context.exit(PERMANENT.has(error.kind) ? 'config' : 'temporary', error);
    });
  }

  /** Ends the work, then the process. The first call decides the exit code; a stop during a drain cuts it short. */
  async function leave(code: number, drainMs = 0): Promise<void> {
    if (drainMs === 0) drainEnded.resolve();
    if (leaving) return;
    leaving = true;
    try {
      await within((options.stopLimitMs ?? STOP_LIMIT_MS) + drainMs, async () => {
        // A start that failed has told so itself.
        const begun = running?.catch(() => null) ?? null;
        const work = await Promise.race([begun, delay(START_LIMIT_MS, null)]);
        if (drainMs > 0) {
          enter('draining');
          await Promise.race([work?.drain?.(drainMs), drainEnded.promise, delay(drainMs)]);
        }
        enter('stopping');
        await work?.stop();
      });
    } catch (error) {
      log.warn({ err: error }, 'the daemon ends without having cleaned up');
    }
    await finish(code);
  }

  function crash(thrown: unknown): void {
    log.error({ err: thrown }, 'the daemon crashes');
    tellFailure(toBulkheadError(thrown, `running the ${kind} daemon`));
    void finish(CRASH_CODE);
  }

  function tellFailure(error: BulkheadError): void {
    failure = error.message.slice(0, MAX_TEXT);
    log.warn({ err: error }, 'the daemon fails');
    page.error(error.kind);
    link.send({ type: 'failed', errorKind: error.kind, message: failure });
  }

  async function finish(code: number): Promise<void> {
    page.phase('ended');
    page.exitCode(code);
    const orphaned = !link.up;
    await link.close(FLUSH_LIMIT_MS);
    stopHeartbeat();
    if (orphaned) leaveWord(stateFile, state, { code, message: failure, events: link.untold });
    log.info({ code }, 'exit');
    process.exit(code);
  }
}

/** Waits for `work`, but not longer than `limitMs`; then throws `timeout`. */
async function within(limitMs: number, work: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    const late = (): void => reject(new BulkheadError('timeout', `It did not stop within ${limitMs} ms.`));
    timer = setTimeout(late, limitMs);
  });
  await Promise.race([work(), limit]).finally(() => clearTimeout(timer));
}
