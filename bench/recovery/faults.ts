/**
 * The columns and rows of the matrix: which faults there are, and how each is caused.
 *
 * Does not belong here: the causing itself (test/support/inject.ts).
 */
import * as inject from '../../test/support/inject.ts';
import type { Injected } from '../../test/support/inject.ts';

export const FAULTS = ['kill', 'freeze', 'busy', 'heap', 'leak'] as const;
export type Fault = (typeof FAULTS)[number];
export const VICTIMS = ['stream', 'capture', 'supervisor'] as const;
export type Victim = (typeof VICTIMS)[number];

export const FAULT_NAMES: Readonly<Record<Fault, string>> = {
  kill: 'SIGKILL',
  freeze: 'SIGSTOP',
  busy: 'busy loop',
  heap: 'heap exhaustion',
  leak: 'injected leak',
};

/** Fast enough to be over within a trial; real leaks are slower, and are caught at the same size. */
export const LEAK_MIB_PER_SECOND = 60;

/** Causes a fault in a daemon. */
export async function cause(fault: Fault, pid: number): Promise<Injected> {
  switch (fault) {
    case 'kill':
      return inject.kill(pid);
    case 'freeze':
      return inject.freeze(pid);
    case 'busy':
      return inject.busyLoop(pid);
    case 'heap':
      return inject.exhaustHeap(pid);
    case 'leak':
      return inject.leak(pid, LEAK_MIB_PER_SECOND);
  }
}
