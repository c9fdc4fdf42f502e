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
};

/** The latest reading of every process of a supervisor. */
export class UsageBook {
  #meters = new Map<number, { readonly meter: UsageMeter; readonly latest: Usage | null }>();

  of(pid: number): Usage | null {
    return this.#meters.get(pid)?.latest ?? null;
  }

  knows(pid: number): boolean {
    return this.#meters.has(pid);
  }

  /** Reads these processes, and forgets all others. */
  read(pids: readonly number[], atMs: number): void {
    this.#meters = new Map(
      pids.map((pid) => {
        const meter = this.#meters.get(pid)?.meter ?? new UsageMeter(pid);
        return [pid, { meter, latest: meter.read(atMs) }];
      }),
    );
  }
}

type Reading = { readonly privateBytes: number; readonly cpuMs: number };

/** Reads one process again and again. */
class UsageMeter {
  readonly #pid: number;
  #before: { readonly cpuMs: number; readonly atMs: number } | null = null;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** Null where the platform does not say, and when the process is gone. */
  read(atMs: number): Usage | null {
    const reading = readUsage(this.#pid);
    if (reading === null) return null;
    const before = this.#before;
    this.#before = { cpuMs: reading.cpuMs, atMs };
    const cpuPercent = before === null ? null : ((reading.cpuMs - before.cpuMs) / (atMs - before.atMs)) * 100;
    return { privateBytes: reading.privateBytes, cpuPercent };
  }
}

// The platform seam: Linux only. Elsewhere a supervisor knows neither, and says null.
function readUsage(pid: number): Reading | null {
  if (process.platform !== 'linux') return null;
  try {
    const privateBytes = privateBytesOf(readFileSync(`/proc/${pid}/status`, 'latin1'));
    const cpuMs = cpuMsOf(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    return privateBytes === null ? null : { privateBytes, cpuMs };
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
