/**
 * The stress run: writers that are killed with SIGKILL at random moments, one after the other, while readers check every byte. Used by
 * bench/stress-ring.ts and by test/ring/stress.test.ts.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HEAD_AT, INTENT_SEQ_AT } from '../../runtime/ring/layout.ts';
import { loadWord } from '../../runtime/ring/memory.ts';
import { mapRing } from '../../runtime/ring/ring-file.ts';
import type { Findings } from './ring-reader.ts';

export type StressOptions = {
  /** The fast reader verifies at least so many. */
  readonly records: number;
  readonly kills: number;
  /** At least so long. */
  readonly seconds?: number;
  readonly onProgress?: (line: string) => void;
};

export type StressResult = {
  readonly kills: number;
  /** Kills that hit the writer between intent and commit. */
  readonly insideWrite: number;
  readonly head: number;
  readonly epoch: number;
  readonly seconds: number;
  readonly readers: readonly Findings[];
};

const SLOTS = 256;
const DATA_BYTES = 4 << 20;
const ROLES = ['fast', 'slow', 'edge'] as const;

/** A child process whose lines can be waited for. */
class Peer {
  readonly process: ChildProcess;
  readonly ended: Promise<string>;
  #lines: string[] = [];
  #wake: (() => void) | undefined;
  #isOver = false;

  constructor(script: string, args: readonly string[]) {
    const entry = fileURLToPath(new URL(script, import.meta.url));
    this.process = spawn(process.execPath, [entry, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.process.stdin!.on('error', () => undefined); // it was killed with a word on its way
    let rest = '';
    this.process.stdout!.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop()!;
      this.#lines.push(...lines);
      this.#wake?.();
    });
    this.ended = new Promise((resolve) => {
      this.process.on('close', (code, signal) => {
        this.#isOver = true;
        this.#wake?.();
        resolve(signal ?? `code ${code}`);
      });
    });
  }

  /** The next line that begins with a word; what comes before it is dropped. */
  async line(word: string): Promise<string> {
    for (;;) {
      const at = this.#lines.findIndex((line) => line.startsWith(word));
      if (at >= 0)
        return this.#lines
          .splice(0, at + 1)
          .at(-1)!
          .slice(word.length)
          .trim();
      if (this.#isOver) throw new Error(`${this.process.spawnargs.slice(1).join(' ')} ended before it said "${word}"`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The newest line that begins with a word, if there is any; older ones are dropped. */
  latest(word: string): string | undefined {
    const at = this.#lines.findLastIndex((line) => line.startsWith(word));
    return at < 0
      ? undefined
      : this.#lines
          .splice(0, at + 1)
          .at(-1)!
          .slice(word.length)
          .trim();
  }

  say(text: string): void {
    this.process.stdin!.write(text);
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}

/** Runs until both the records and the kills are reached. Leaves no process and no file. */
export async function runStress(options: StressOptions): Promise<StressResult> {
  const folder = mkdtempSync(join(process.platform === 'linux' ? '/dev/shm' : tmpdir(), 'bulkhead-stress-'));
  const path = join(folder, 'stress.ring');
  const peers: Peer[] = [];
  const start = (script: string, args: readonly string[]): Peer => {
    const peer = new Peer(script, args);
    peers.push(peer);
    return peer;
  };
  const writer = (): Peer => start('./ring-writer.ts', [path, String(SLOTS), String(DATA_BYTES)]);
  const begin = performance.now();
  const seconds = (): number => (performance.now() - begin) / 1000;
  try {
    let current = writer();
    await current.line('standby');
    current.say('go');
    await current.line('attached');
    const readers = ROLES.map((role) => start('./ring-reader.ts', [role, path]));
    for (const reader of readers) await reader.line('ready');
    const ring = mapRing(path, 'read');

    let kills = 0;
    let insideWrite = 0;
    let verified = 0;
    while (kills < options.kills || verified < options.records || seconds() < (options.seconds ?? 0)) {
      const next = writer();
      await next.line('standby');
      await sleep(Math.random() * 20);
      current.say('hurry');
      await sleep(Math.random() * 4);
      await current.kill();
      kills++;
      if (loadWord(ring.memory, INTENT_SEQ_AT) > loadWord(ring.memory, HEAD_AT)) insideWrite++;
      next.say('go');
      current = next;
      await current.line('attached');
      verified = Number(readers[0]!.latest('at')?.split(' ')[0] ?? verified);
      options.onProgress?.(
        `${kills} kills, ${insideWrite} inside a write, ${verified} records verified by the fast reader`,
      );
    }
    current.say('stop');
    await current.ended;
    const head = loadWord(ring.memory, HEAD_AT);
    const epoch = kills + 1;
    const findings: Findings[] = [];
    for (const reader of readers) {
      reader.say(String(head));
      findings.push(JSON.parse(await reader.line('found')) as Findings);
    }
    ring.region.close();
    return { kills, insideWrite, head, epoch, seconds: seconds(), readers: findings };
  } finally {
    for (const peer of peers) await peer.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}
