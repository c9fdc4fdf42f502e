/**
 * What a process may ask the kernel to do to itself: how many descriptors it may have, and whom it does not want to outlive.
 *
 * Belongs here: setrlimit and prctl through koffi, for Linux and macOS. Does not belong here: which process asks for what (daemon/harness/isolation.ts).
 * Where the system has no such call the answer is `false`, and the process works without.
 */
import koffi from 'koffi';

// <sys/resource.h>
const RLIMIT_NOFILE: Partial<Record<NodeJS.Platform, number>> = { linux: 7, darwin: 8 };
// <sys/prctl.h>, <signal.h>
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

/** Allows this process at most `count` descriptors, or as many as it is allowed already, if that is less. For good: it cannot be raised again. */
export function limitDescriptors(count: number): boolean {
  const resource = RLIMIT_NOFILE[process.platform];
  // struct rlimit is two unsigned longs, soft and hard, where these have 8 bytes.
  if (resource === undefined || koffi.sizeof('unsigned long') !== 8) return false;
  try {
    const libc = koffi.load(null);
    const limit = Buffer.alloc(16);
    if (libc.func('int getrlimit(int, void *)')(resource, limit) !== 0) return false;
    const hard = limit.readBigUInt64LE(8);
    const allowed = BigInt(count) < hard ? BigInt(count) : hard;
    limit.writeBigUInt64LE(allowed, 0);
    limit.writeBigUInt64LE(allowed, 8);
    return libc.func('int setrlimit(int, void *)')(resource, limit) === 0;
  } catch {
    return false;
  }
}

/** From now on SIGKILL comes with the end of the parent, by the kernel's doing (Linux; prctl(2)), or no longer does. The parent may be gone already: look. */
export function dieWithParent(wanted: boolean): boolean {
  if (process.platform !== 'linux') return false;
  try {
    const prctl = koffi.load(null).func('int prctl(int, ...)');
    return prctl(PR_SET_PDEATHSIG, 'unsigned long', wanted ? SIGKILL : 0) === 0;
  } catch {
    return false;
  }
}
