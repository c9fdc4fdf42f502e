/**
 * Which process, of which boot: a pid alone is reused.
 *
 * Belongs here: facts about processes that the kernel tells. Where it does not tell (no /proc), a start time is 0 and means "unknown".
 * Does not belong here: who may hold a ring; the lock decides that.
 */
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';

/** When a process started, in clock ticks since boot (field 22 of /proc/PID/stat); 0 = unknown; `undefined` = not running, or a zombie. */
export function processStart(pid: number): number | undefined {
  if (process.platform !== 'linux') return answersSignals(pid) ? 0 : undefined;
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // the second field is the program's name in brackets and may hold anything, brackets included
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, start] = [fields[0], Number(fields[19])];
  return state === 'Z' || state === 'X' ? undefined : start;
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** 32 bits of this boot's identity; 0 = unknown. */
export function bootTag(): number {
  try {
    return crc32(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()) || 1;
  } catch {
    return 0;
  }
}
