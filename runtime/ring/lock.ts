/**
 * An exclusive lock that the kernel releases when its holder dies, however it dies.
 *
 * Belongs here: one lock on one file. Does not belong here: who may hold it and why. The file is never removed while it is locked and may
 * stay for ever; what it holds does not matter. Its descriptor is close-on-exec, so no child inherits the lock and keeps it beyond us.
 */
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { BulkheadError, toBulkheadError } from '../errors.ts';

/** A held lock; `release` may be called again. */
export type Lock = { readonly path: string; readonly release: () => void };

// <sys/file.h>: the same on Linux, macOS and the BSDs
const LOCK_EX = 2;
const LOCK_NB = 4;
/** libuv: open with share mode 0 on Windows, which is a lock that ends with the handle. Such handles are not inheritable. */
const UV_FS_O_EXLOCK = 0x1000_0000;

/** Takes the lock, or says `undefined` when somebody holds it. Throws when the lock file cannot be opened, or its file system cannot lock. */
export function acquireLock(path: string): Lock | undefined {
  const descriptor = lockFile(path);
  if (descriptor === undefined) return undefined;
  let held = true;
  return {
    path,
    release: () => {
      if (!held) return;
      held = false;
      closeSync(descriptor);
    },
  };
}

/** An open descriptor that holds the lock. There is no way to ask without taking: who asks would look like an owner to the next one. */
function lockFile(path: string): number | undefined {
  for (;;) {
    let descriptor: number;
    try {
      // libuv opens every file close-on-exec
      const share = process.platform === 'win32' ? UV_FS_O_EXLOCK : 0;
      descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | share, 0o600);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'EBUSY') return undefined;
      throw toBulkheadError(thrown, `opening the lock ${path}`, { path });
    }
    if (process.platform === 'win32') return descriptor;
    if (flock()(descriptor, LOCK_EX | LOCK_NB) !== 0) {
      const errno = koffi.errno();
      closeSync(descriptor);
      if (errno === koffi.os.errno['EAGAIN']) return undefined;
      if (errno === koffi.os.errno['EINTR']) continue;
      throw new BulkheadError('unavailable', `The file system cannot lock ${path} (${getSystemErrorName(-errno)}).`, {
        context: { path },
      });
    }
    // Somebody may have removed the file between our open and our lock: then we hold a lock on nothing.
    const ours = fstatSync(descriptor, { bigint: true });
    const there = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (there !== undefined && there.ino === ours.ino && there.dev === ours.dev) return descriptor;
    closeSync(descriptor);
  }
}

let flockOfLibc: ((descriptor: number, operation: number) => number) | undefined;
function flock(): (descriptor: number, operation: number) => number {
  flockOfLibc ??= koffi.load(null).func('int flock(int, int)') as (descriptor: number, operation: number) => number;
  return flockOfLibc;
}
