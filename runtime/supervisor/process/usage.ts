/**
 * What a process costs: private memory and processor time.
 *
 * Belongs here: reading both from the platform, and the rate between two readings. Does not belong here: limits. Never RSS: it counts every
 * mapped ring again, in each of its readers.
 */
import { readFileSync } from 'node:fs';

/** USER_HZ, which Linux fixes at 100 for user space on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

export type Usage = {
  /** Memory that nobody else has: anonymous pages, in memory or swapped out. */
  readonly privateBytes: number;
  /** Of one core, since the reading before; null at the first. */
  readonly cpuPercent: number | null;
  /** Processor time since its start; null where the platform does not say. */
  readonly cpuMs: number | null;
};

/** The latest reading of every process of a supervisor. */
export class UsageBook {
  readonly #meters = new Map<number, UsageMeter>();

  of(pid: number): Usage | null {
    return this.#meters.get(pid)?.latest ?? null;
  }

  /** Reads those that are new, so that each has a figure to show and one to compare with, and forgets those that are not named. */
  keep(pids: readonly number[], atMs: number): void {
    for (const pid of this.#meters.keys()) if (!pids.includes(pid)) this.#meters.delete(pid);
    for (const pid of pids) if (!this.#meters.has(pid)) this.#meters.set(pid, new UsageMeter(pid, atMs));
  }

  /** Reads them all. */
  read(atMs: number): void {
    for (const meter of this.#meters.values()) meter.read(atMs);
  }
}

/** Memory is read every time. Processor time is counted in ticks of 10 ms: a rate over less than this would jump. */
const CPU_MS = 5_000;

/** Reads one process again and again. */
class UsageMeter {
  /** Null where the platform does not say, and when the process is gone. */
  latest: Usage | null = null;
  readonly #pid: number;
  #cpu: { readonly usedMs: number; readonly atMs: number } | null = null;
  #cpuPercent: number | null = null;

  constructor(pid: number, atMs: number) {
    this.#pid = pid;
    this.read(atMs);
  }

  read(atMs: number): void {
    const privateBytes = readPrivateBytes(this.#pid);
    if (this.#cpu === null || atMs - this.#cpu.atMs >= CPU_MS) this.#readCpu(atMs);
    this.latest =
      privateBytes === null ? null : { privateBytes, cpuPercent: this.#cpuPercent, cpuMs: this.#cpu?.usedMs ?? null };
  }

  #readCpu(atMs: number): void {
    const usedMs = readCpuMs(this.#pid);
    const before = this.#cpu;
    this.#cpu = usedMs === null ? null : { usedMs, atMs };
    if (usedMs === null || before === null) this.#cpuPercent = null;
    else this.#cpuPercent = ((usedMs - before.usedMs) / (atMs - before.atMs)) * 100;
  }
}

// The platform seam: Linux only. Elsewhere a supervisor knows neither, and says null.
function readPrivateBytes(pid: number): number | null {
  return readProc(pid, 'status', privateBytesOf);
}

function readCpuMs(pid: number): number | null {
  return readProc(pid, 'stat', cpuMsOf);
}

function readProc(pid: number, name: string, parse: (text: string) => number | null): number | null {
  if (process.platform !== 'linux') return null;
  try {
    return parse(readFileSync(`/proc/${pid}/${name}`, 'latin1'));
  } catch {
    return null;
  }
}

/** RssAnon + VmSwap of /proc/<pid>/status; null for a zombie, which has neither. */
export function privateBytesOf(status: string): number | null {
  const kibibytes = (name: string): number | null => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status);
    return found === null ? null : Number(found[1]);
  };
  const anonymous = kibibytes('RssAnon');
  return anonymous === null ? null : (anonymous + (kibibytes('VmSwap') ?? 0)) * 1024;
}

/** utime + stime, fields 14 and 15 of /proc/<pid>/stat. */
export function cpuMsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}
