/**
 * `npm run bench:ring -- [--runs N] [--seconds N]`: what the ring costs against a plain memory copy in the same run, and how long a record takes from
 * its writer to a reader in another process.
 *
 * The copy is the yardstick because it is the least that can be done: the same bytes, the same mapped file, the same buffers, no protocol. Records up
 * to 1 MiB carry a CRC on both sides, which is most of the difference; its cost alone is printed beside.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { type Backend, listenBell, openBell } from '../runtime/ring/bell.ts';
import { RingReader } from '../runtime/ring/reader.ts';
import { createReserved, mapShared } from '../runtime/ring/region.ts';
import { RingWriter, type PacketMeta } from '../runtime/ring/writer.ts';
import { describeMachine, numberOption, percentile, percentiles, table } from './report.ts';

const META: PacketMeta = { track: 1, key: true, discontinuity: false, pts: 0, dts: 0, duration: 3600, captureUs: 0 };

/** Data area, slots, bytes a record, and how often a run does it. Each ring holds what its kind holds in the product. */
const SIZES = [
  { name: '1 KiB', bytes: 1 << 10, dataBytes: 32 << 20, slots: 8192, times: 100_000 },
  { name: '64 KiB', bytes: 64 << 10, dataBytes: 32 << 20, slots: 8192, times: 5000 },
  { name: '12 MiB', bytes: 12 << 20, dataBytes: 96 << 20, slots: 16, times: 40 },
] as const;

/** Microseconds for one of `times` calls. */
function timePerCall(times: number, call: (index: number) => void): number {
  const begin = performance.now();
  for (let index = 0; index < times; index++) call(index);
  return ((performance.now() - begin) * 1000) / times;
}

function throughput(folder: string, runs: number): void {
  const rows: Record<string, string>[] = [];
  for (const { name, bytes, dataBytes, slots, times } of SIZES) {
    const payload = Buffer.alloc(bytes, 7);
    const destination = Buffer.alloc(bytes);
    const plainPath = join(folder, `plain-${bytes}`);
    createReserved(plainPath, dataBytes);
    const plain = mapShared(plainPath, dataBytes, 'write');
    const plainBytes = new Uint8Array(plain.buffer);
    const places = Math.floor(dataBytes / bytes);
    const ringPath = join(folder, `ring-${bytes}.ring`);
    const writer = RingWriter.open({ path: ringPath, dataBytes, slots, maxRecordBytes: bytes });
    const reader = RingReader.open(ringPath);
    const held = Math.min(slots - 1, places);

    const work = {
      'copy in': () => timePerCall(times, (index) => plainBytes.set(payload, (index % places) * bytes)),
      'ring write': () => timePerCall(times, () => void writer.write(META, payload)),
      'copy out': () =>
        timePerCall(times, (index) => {
          const from = (index % places) * bytes;
          destination.set(plainBytes.subarray(from, from + bytes));
        }),
      'ring read': () =>
        timePerCall(times, () => {
          if (reader.next > reader.head) reader.seek(reader.head - held + 1);
          if (reader.read().type !== 'record') throw new Error('a record is missing');
        }),
      'CRC alone': () => timePerCall(times, () => void crc32(payload)),
    };
    const measured = new Map(Object.keys(work).map((kind) => [kind, [] as number[]]));
    // the first run touches the pages and warms the compiler, and does not count
    for (let run = 0; run <= runs; run++) {
      for (const [kind, measure] of Object.entries(work)) {
        if (kind === 'ring read') reader.seek(reader.head - held + 1);
        const us = measure();
        if (run > 0) measured.get(kind)!.push(us);
      }
    }
    const median = (kind: string): number => percentile(measured.get(kind)!, 0.5);
    for (const [kind, values] of measured) {
      const yardstick = kind === 'ring write' ? 'copy in' : kind === 'ring read' ? 'copy out' : undefined;
      rows.push({
        record: name,
        what: kind,
        'us p50': median(kind).toFixed(2),
        'us min': Math.min(...values).toFixed(2),
        'us max': Math.max(...values).toFixed(2),
        'GB/s': (bytes / median(kind) / 1000).toFixed(2),
        'x copy': yardstick === undefined ? '' : (median(kind) / median(yardstick)).toFixed(2),
      });
    }
    writer.close();
    reader.close();
    plain.close();
  }
  console.log(table(rows));
}

/** The reader of `latency`, a process of its own: gathers microseconds from publishing to reading, and its own CPU time. */
function listen(path: string, backend: Backend): void {
  const reader = RingReader.open(path);
  const samples: number[] = [];
  const listener = listenBell(
    path,
    () => {
      for (let result = reader.read(); result.type === 'record'; result = reader.read()) {
        samples.push(Number(process.hrtime.bigint()) / 1000 - result.record.captureUs);
      }
    },
    { backends: [backend] },
  );
  let before = process.cpuUsage();
  process.stdin.on('end', () => {
    listener.close();
    const { user, system } = process.cpuUsage(before);
    console.log(JSON.stringify({ samples, cpuUs: user + system }));
  });
  process.stdin.resume();
  setTimeout(() => {
    before = process.cpuUsage();
    console.log('ready');
  }, 200);
}

async function latency(folder: string, seconds: number): Promise<void> {
  const rows: Record<string, string>[] = [];
  const backends: Backend[] = process.platform === 'linux' ? ['inotify', 'socket', 'poll'] : ['socket', 'poll'];
  for (const backend of backends) {
    for (const perSecond of [30, 300]) {
      const path = join(folder, `latency-${backend}-${perSecond}.ring`);
      const writer = RingWriter.open({ path, dataBytes: 8 << 20, slots: 1024 });
      const bell = openBell(path);
      const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'listen', path, backend], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
      await once(child.stdout, 'data');
      const payload = Buffer.alloc(8 << 10, 1);
      const begin = performance.now();
      for (let record = 0; record < seconds * perSecond; record++) {
        await sleep(Math.max(0, begin + (record * 1000) / perSecond - performance.now()));
        writer.write({ ...META, captureUs: Number(process.hrtime.bigint()) / 1000 }, payload);
        bell.ring();
      }
      child.stdin.end();
      await once(child, 'close');
      const { samples, cpuUs } = JSON.parse(output.slice(output.indexOf('{'))) as { samples: number[]; cpuUs: number };
      rows.push({
        bell: backend,
        'records/s': String(perSecond),
        ...percentiles(samples, 0),
        'reader CPU %': ((cpuUs / (performance.now() - begin)) * 0.1).toFixed(2),
      });
      bell.close();
      writer.close();
    }
  }
  console.log(table(rows));
}

if (process.argv[2] === 'listen') {
  listen(process.argv[3]!, process.argv[4] as Backend);
} else {
  const runs = numberOption('runs', 7);
  const seconds = numberOption('seconds', 10);
  const folder = mkdtempSync(join(process.platform === 'linux' ? '/dev/shm' : tmpdir(), 'bulkhead-bench-'));
  try {
    console.log(describeMachine());
    console.log(`\nRing against plain copy, median of ${runs} runs, microseconds a record\n`);
    throughput(folder, runs);
    console.log(`\nPublish to read in another process, 8 KiB records, ${seconds} s each, microseconds\n`);
    await latency(folder, seconds);
    console.log(`\n${describeMachine()}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
