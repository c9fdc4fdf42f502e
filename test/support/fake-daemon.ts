/**
 * A daemon that does no work and misbehaves on command: the real harness around nothing.
 *
 * What it does wrong comes as JSON in its configuration (a stream's name, the path of a capture's file); what it does wrong before it has a
 * configuration comes as the beginning of its channel's name. SIGUSR2 sets off `onSignal`.
 */
import { createServer as createHttpServer } from 'node:http';
import { connect } from 'node:net';
import { runDaemon, type DaemonContext, type Running } from '../../daemon/harness/run-daemon.ts';
import { BulkheadError, type ErrorKind } from '../../runtime/errors.ts';
import type { ExitMeaning } from '../../runtime/exit-code.ts';
import type { DaemonConfig } from '../../runtime/message/config.ts';
import { encodeFrame } from '../../runtime/message/framing.ts';
import { PROTOCOL_VERSION, type DaemonReport } from '../../runtime/message/schema.ts';
import { readDaemonState } from '../../runtime/supervisor/process/state-file.ts';

export type Behaviour = {
  /** `never` = it says hello and is never ready; an error kind = it fails with that. */
  readonly start?: 'never' | 'throw' | ErrorKind;
  /** Milliseconds before ready in which it does not beat. */
  readonly startMs?: number;
  /** Serve HTTP on the port: the answer is the pid. */
  readonly serve?: boolean;
  /** `stubborn` = it ignores being asked, by message and by signal. */
  readonly stop?: 'stubborn' | 'throw';
  /** Milliseconds that draining takes. */
  readonly drainMs?: number;
  readonly viewers?: number;
  /** Keeps so much more memory with every second, from ready on. */
  readonly leakMiBPerSecond?: number;
  /** Logs this text, and its whole configuration with it. */
  readonly print?: string;
  /** Messages to send when ready. */
  readonly send?: readonly DaemonReport[];
  /** Tells this many events `test.counted`, numbered from 1, one every so many milliseconds. */
  readonly count?: { readonly to: number; readonly everyMs: number };
  readonly onSignal?:
    | { readonly do: 'count'; readonly to: number }
    | { readonly do: 'exit'; readonly code: number }
    | { readonly do: 'leave'; readonly meaning: ExitMeaning }
    /** Counts input from now on, and output as well unless it is stuck. */
    | { readonly do: 'work'; readonly stuck: boolean }
    | { readonly do: 'leak'; readonly mibPerSecond: number }
    | { readonly do: 'busy' | 'throw' | 'reject' | 'recycle' | 'packet' }
    | { readonly do: 'send'; readonly messages: readonly DaemonReport[] };
};

/** Without a word, as only a defect would. */
function end(code: number): never {
  process.exit(code);
}

const state = readDaemonState(process.argv[2]!);

if (state.channel.startsWith('silent')) setInterval(() => {}, 1000);
else if (state.channel.startsWith('garbage')) dial(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
else if (state.channel.startsWith('future')) dial(hello({ protocol: 99, more: 'than we know' }));
else if (state.channel.startsWith('liar')) dial(hello({ nonce: 'not-the-nonce-at-all' }));
else if (state.channel.startsWith('mute')) end(3);
else runDaemon(state.kind, start, { orphanGraceMs: state.channel.startsWith('orphan') ? 500 : 60_000 });

function hello(more: object): Buffer {
  const { id, kind, generation, nonce } = state;
  return encodeFrame({
    type: 'hello',
    protocol: PROTOCOL_VERSION,
    id,
    kind,
    generation,
    pid: process.pid,
    nonce,
    ...more,
  });
}

/** Says something else than a daemon should, and stays. */
function dial(bytes: Buffer): void {
  const socket = connect(state.controlSocket, () => socket.write(bytes));
  socket.on('error', () => {});
  setInterval(() => {}, 1000);
}

async function start(config: DaemonConfig, context: DaemonContext): Promise<Running> {
  const behaviour = behaviourOf(config);
  if (behaviour.start === 'throw') throw new TypeError('a defect');
  if (behaviour.start === 'never') await new Promise(() => {});
  else if (behaviour.start !== undefined) throw new BulkheadError(behaviour.start, 'told to fail');
  // As a daemon does that loads a large library: its main loop stands still.
  if (behaviour.startMs !== undefined) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, behaviour.startMs);

  const server = createHttpServer((_, response) => response.end(String(process.pid)));
  if (behaviour.serve === true && config.kind === 'stream') {
    const at = context.listenFd === undefined ? { host: config.host, port: config.port } : { fd: context.listenFd };
    await new Promise<void>((resolve) => server.listen(at, resolve));
  }
  process.on('SIGUSR2', () => misbehave(behaviour.onSignal, context));
  if (behaviour.print !== undefined) context.log.info({ config }, behaviour.print);
  context.status.viewers(behaviour.viewers ?? 0);
  context.ready();
  if (behaviour.leakMiBPerSecond !== undefined) leak(behaviour.leakMiBPerSecond);
  for (const message of behaviour.send ?? []) context.send(message);
  const { to, everyMs } = behaviour.count ?? { to: 0, everyMs: 0 };
  let number = 0;
  const counting = setInterval(() => {
    if (number < to) tellNumber((number += 1), context);
    else clearInterval(counting);
  }, everyMs);
  return {
    drain: async () => {
      server.close();
      await new Promise((resolve) => setTimeout(resolve, behaviour.drainMs ?? 0));
    },
    stop: async () => {
      if (behaviour.stop === 'throw') throw new TypeError('a defect');
      if (behaviour.stop === 'stubborn') for (;;);
      server.close();
      server.closeAllConnections();
    },
  };
}

function work(stuck: boolean, { status }: DaemonContext): void {
  setInterval(() => {
    status.input();
    if (!stuck) status.output();
  }, 20);
}

const leaked: Buffer[] = [];

/** In small steps, as a leak does. */
function leak(mibPerSecond: number): void {
  // Filled: a page that nobody touches is nobody's memory.
  setInterval(() => leaked.push(Buffer.alloc((mibPerSecond << 20) / 20, 1)), 50);
}

function misbehave(what: Behaviour['onSignal'], context: DaemonContext): void {
  switch (what?.do) {
    case 'exit':
      return end(what.code);
    case 'leave':
      return context.exit(what.meaning);
    case 'busy':
      for (;;);
    case 'throw':
      throw new TypeError('a defect');
    case 'reject':
      void Promise.reject(new TypeError('a forgotten promise'));
      return;
    case 'recycle':
      return context.status.requestRecycle();
    case 'work':
      return work(what.stuck, context);
    case 'leak':
      return leak(what.mibPerSecond);
    case 'packet':
      return context.status.output();
    case 'count':
      for (let number = 1; number <= what.to; number += 1) tellNumber(number, context);
      return;
    case 'send':
      for (const message of what.messages) context.send(message);
      return;
    case undefined:
      return;
  }
}

function tellNumber(number: number, context: DaemonContext): void {
  context.send({ type: 'event', event: 'test.counted', reason: null, detail: { number } });
}

function behaviourOf(config: DaemonConfig): Behaviour {
  if (config.kind === 'stream') return parse(config.name);
  return parse(config.source.type === 'file' ? config.source.path : '');
}

function parse(text: string): Behaviour {
  return text.startsWith('{') ? (JSON.parse(text) as Behaviour) : {};
}
