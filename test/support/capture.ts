/**
 * A capture daemon under test: started as a process, told what to capture, watched through its messages and its ring, ended by its pid.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeStreamTable, type StreamTable } from '../../runtime/media/track.ts';
import { RingReader, type RingRecord } from '../../runtime/ring/reader.ts';

export type Message = { readonly type: string; readonly [key: string]: unknown };

/** A record with bytes of its own. */
export type KeptRecord = Omit<RingRecord, 'payload'> & { readonly payload: Buffer };

export type RunningCapture = {
  readonly pid: number;
  readonly ringPath: string;
  /** All messages so far. */
  readonly messages: readonly Message[];
  /** Everything it wrote to standard output and standard error. */
  output(): string;
  /** The next message, from the first one on, for which `wanted` holds. */
  message(wanted: (message: Message) => boolean, withinMs?: number): Promise<Message>;
  /** The stop message, and the end of the process. */
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
};

const NODE = path.resolve(import.meta.dirname, '../../node_modules/.bin/node');
const RUNNER = path.resolve(import.meta.dirname, 'run-capture.ts');
const PATIENCE_MS = 20_000;

/** A folder on shared memory where there is one, removed with `remove`. */
/** How the camera's connection changed, as the supervisor would tell it: dialling is no change. */
export function cameraChanges(capture: RunningCapture): unknown[] {
  const states = capture.messages
    .filter((message) => message.type === 'camera' && message['state'] !== 'connecting')
    .map((message) => message['state']);
  return states.filter((state, index) => state !== states[index - 1]);
}

export function ringFolder(): { readonly path: string; remove(): void } {
  const base = process.platform === 'linux' ? '/dev/shm' : (process.env['TMPDIR'] ?? '/tmp');
  const folder = mkdtempSync(path.join(base, 'bulkhead-test-'));
  return { path: folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export function captureConfig(source: object, ringPath: string, more: object = {}): object {
  return {
    kind: 'capture',
    channel: 'test',
    source,
    ring: { path: ringPath, dataBytes: 8 << 20, slots: 4096 },
    connectTimeoutMs: 5000,
    stallTimeoutMs: 5000,
    ...more,
  };
}

/** `around`: a command to run it under, e.g. in a mount namespace of its own. */
export function startRunner(
  config: object,
  ringPath: string,
  generation = 1,
  around: readonly string[] = [],
): RunningCapture {
  const [command, ...argv] = [...around, NODE, RUNNER];
  const child = spawn(command, argv, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], BULKHEAD_LOG_LEVEL: 'debug' },
  });
  const messages: Message[] = [];
  const chunks: Buffer[] = [];
  child.on('message', (message) => messages.push(message as Message));
  child.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr!.on('data', (chunk: Buffer) => chunks.push(chunk));
  const exited = exitOf(child);
  child.send({ type: 'configure', config, generation });
  const output = (): string => Buffer.concat(chunks).toString();

  return {
    pid: child.pid!,
    ringPath,
    messages,
    output,
    exited,
    message: async (wanted, withinMs = PATIENCE_MS) => {
      const untilMs = performance.now() + withinMs;
      for (;;) {
        const found = messages.find(wanted);
        if (found) return found;
        if (performance.now() > untilMs || child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`the message did not come.\nmessages: ${JSON.stringify(messages)}\noutput: ${output()}`);
        }
        await sleep(20);
      }
    },
    stop: async () => {
      // It may be ending by itself at this very moment: then there is nobody left to tell.
      if (child.connected) child.send({ type: 'stop' }, () => {});
      const killer = setTimeout(() => child.kill('SIGKILL'), 8000);
      await exited;
      clearTimeout(killer);
    },
    kill: async (signal) => {
      child.kill(signal);
      if (signal === 'SIGKILL') await exited;
    },
  };
}

async function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return { code, signal };
}

/** Reads a ring from its first record on. */
export class RingTape {
  readonly records: KeptRecord[] = [];
  readonly tables = new Map<number, StreamTable>();
  readonly gaps: string[] = [];
  readonly #path: string;
  #reader: RingReader | undefined;

  constructor(ringPath: string) {
    this.#path = ringPath;
  }

  /** Reads on until `done` holds of what was read; throws after `withinMs`. */
  async until(
    done: (records: readonly KeptRecord[]) => boolean,
    withinMs = PATIENCE_MS,
  ): Promise<readonly KeptRecord[]> {
    const untilMs = performance.now() + withinMs;
    for (;;) {
      this.#readAll();
      if (done(this.records)) return this.records;
      if (performance.now() > untilMs)
        throw new Error(`${this.records.length} records came, which is not what was waited for`);
      await sleep(20);
    }
  }

  /** Reads what is there. */
  now(): readonly KeptRecord[] {
    this.#readAll();
    return this.records;
  }

  table(record: KeptRecord): StreamTable {
    const table = this.tables.get(record.tableVersion);
    if (!table) throw new Error(`no table ${record.tableVersion}`);
    return table;
  }

  close(): void {
    this.#reader?.close();
  }

  #readAll(): void {
    try {
      this.#reader ??= RingReader.open(this.#path);
    } catch {
      return; // not there yet
    }
    for (;;) {
      const result = this.#reader.read();
      if (result.type === 'empty') return;
      if (result.type === 'gap') {
        this.gaps.push(`${result.from}-${result.to} ${result.reason}`);
        continue;
      }
      const { record } = result;
      this.records.push({ ...record, payload: Buffer.from(record.payload) });
      if (!this.tables.has(record.tableVersion)) {
        const table = this.#reader.table(record.tableVersion);
        if (table) this.tables.set(record.tableVersion, decodeStreamTable(table.bytes));
      }
    }
  }
}
