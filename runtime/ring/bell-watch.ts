/**
 * The bell as a file: the writer writes one byte over and over to `<ring>.bell`, and every listener watches the file (inotify). A true
 * broadcast without registration: the writer neither knows nor waits for anybody.
 *
 * Not here: when to ring, and what to do where inotify is short (bell.ts).
 */
import { closeSync, constants, openSync, statSync, watch, writeSync, type FSWatcher } from 'node:fs';
import type { Hammer, Way } from './bell-poll.ts';

const BYTE = new Uint8Array(1);

/** Creates the file if there is none; it is never truncated or replaced, so that listeners outlive writers. */
export function openFileBell(ringPath: string): Hammer {
  let descriptor: number | undefined = openSync(`${ringPath}.bell`, constants.O_RDWR | constants.O_CREAT, 0o600);
  return {
    strike: () => {
      if (descriptor === undefined) return;
      try {
        writeSync(descriptor, BYTE, 0, 1, 0);
      } catch {
        // A full disk under the bell: listeners look by themselves. The ring does not depend on it.
      }
    },
    close: () => {
      if (descriptor === undefined) return;
      closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

export const listenByWatching: Way = (ringPath, onRing, onFail) => {
  const path = `${ringPath}.bell`;
  let watcher: FSWatcher | undefined;
  let watched: bigint | undefined;
  let open = true;

  /** Watches the file that is there now, if there is one. False: inotify does not serve us. */
  const follow = (): boolean => {
    const inode = statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
    if (inode === watched) return true;
    watcher?.close();
    watcher = undefined;
    watched = undefined;
    if (inode === undefined) return true;
    try {
      watcher = watch(path, onRing);
    } catch (thrown) {
      // EMFILE: fs.inotify.max_user_instances; ENOSPC: fs.inotify.max_user_watches
      return (thrown as NodeJS.ErrnoException).code === 'ENOENT';
    }
    watcher.on('error', fail);
    watched = inode;
    return true;
  };
  const close = (): void => {
    open = false;
    watcher?.close();
  };
  const fail = (): void => {
    if (!open) return;
    close();
    onFail();
  };

  if (!follow()) return undefined;
  return {
    // A bell that is made later, or anew after its folder was removed, is found by looking.
    check: () => {
      if (open && !follow()) fail();
    },
    close,
  };
};
