/**
 * What the ring's tests share: rings in files that go away with the test, rings in plain memory, and records whose bytes say what they are.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Geometry, fileBytes } from '../../runtime/ring/layout.ts';
import { type RingMemory, viewRing } from '../../runtime/ring/memory.ts';
import type { RingReader, RingRecord } from '../../runtime/ring/reader.ts';
import type { PacketMeta } from '../../runtime/ring/slot.ts';

const folders: string[] = [];
const children: ChildProcess[] = [];

/** A folder of this test alone, on tmpfs where there is one. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(process.platform === 'linux' ? '/dev/shm' : tmpdir(), 'bulkhead-ring-test-'));
  folders.push(folder);
  return folder;
}

export function temporaryRing(): string {
  return join(temporaryFolder(), 'a.ring');
}

/** A TypeScript module of these tests as a process of its own, which prints lines. */
export function spawnScript(source: string, args: readonly string[] = []): ChildProcess {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source, '--', ...args], {
    cwd: import.meta.dirname,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  children.push(child);
  return child;
}

/** Resolves with the first line that a process prints; rejects with what it says on standard error when it ends before. */
export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    let errors = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const end = output.indexOf('\n');
      if (end >= 0) resolve(output.slice(0, end));
    });
    child.stderr!.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.on('close', () => reject(new Error(`ended without a line: ${errors}`)));
  });
}

/** Everything a process prints until it ends. */
export async function allLines(child: ChildProcess): Promise<string[]> {
  let output = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr!.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await ended(child);
  return output.trimEnd().split('\n');
}

export function ended(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve({ code: child.exitCode, signal: child.signalCode });
  }
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
}

/** For `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    await ended(child);
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A ring in this process's own memory: the steps of the protocol do not know the difference. */
export function ringInMemory(geometry: Geometry): RingMemory {
  return viewRing(new ArrayBuffer(fileBytes(geometry)), geometry);
}

export const META: PacketMeta = {
  track: 1,
  key: false,
  discontinuity: false,
  pts: 0,
  dts: 0,
  duration: 3600,
  captureUs: 0,
};

export const KEY: PacketMeta = { ...META, key: true };

/** The next record; fails the test when there is none. The payload is copied, so that several can be kept. */
export function take(reader: RingReader): RingRecord {
  const result = reader.read();
  if (result.type !== 'record') throw new Error(`expected a record, got ${JSON.stringify(result)}`);
  return { ...result.record, payload: Buffer.from(result.record.payload) };
}

export function takeText(reader: RingReader): string {
  return take(reader).payload.toString();
}
