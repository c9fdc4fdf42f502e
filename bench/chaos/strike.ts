/**
 * What chaos does: the kinds of fault, how often each comes, and carrying one out.
 *
 * Belongs here: choosing and hitting. Does not belong here: what must hold afterwards (verdict.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { identify } from '../../runtime/supervisor/process/identity.ts';
import { eventually, type Host } from '../../test/support/host.ts';
import * as inject from '../../test/support/inject.ts';
import type { Random } from './random.ts';

export type Target = 'stream' | 'capture' | 'supervisor';
export type Verb = 'kill' | 'freeze' | 'busy' | 'heap' | 'leak' | 'blink';
export type Strike = {
  readonly verb: Verb;
  readonly target: Target;
  /** Null for the supervisor: it is everybody's. */
  readonly channel: string | null;
  /** Of the daemon that was hit; null for the supervisor, and when there was none to hit. */
  readonly pid: number | null;
  /** Wall clock. */
  readonly atMs: number;
};

/** How often each comes, as a share of all. A leak takes seconds, and a supervisor has to start: they are rarer. */
const DECK: readonly (readonly [Verb, Target, number])[] = [
  ['kill', 'stream', 5],
  ['kill', 'capture', 5],
  ['freeze', 'stream', 3],
  ['freeze', 'capture', 3],
  // Shorter than the watchdog's patience: nothing may happen.
  ['blink', 'stream', 2],
  ['blink', 'capture', 2],
  ['busy', 'stream', 3],
  ['busy', 'capture', 3],
  ['heap', 'stream', 2],
  ['heap', 'capture', 2],
  ['leak', 'stream', 1],
  ['leak', 'capture', 1],
  ['kill', 'supervisor', 2],
  ['freeze', 'supervisor', 1],
  ['busy', 'supervisor', 1],
  ['heap', 'supervisor', 1],
];
const CARDS = DECK.flatMap(([verb, target, share]) => Array.from({ length: share }, () => ({ verb, target })));

const BLINK_MS = 400;
const SUPERVISOR_STALL_MS = 3_000;
const LEAK_MIB_PER_SECOND = 60;
const MOST_LEAKED_MIB = 2_048;

/** Draws a fault and causes it; resolves when it has been caused, and for a supervisor when there is one again. */
export async function strike(host: Host, channels: readonly string[], random: Random): Promise<Strike> {
  const { verb, target } = random.pick(CARDS);
  const channel = random.pick(channels);
  const atMs = Date.now();
  if (target === 'supervisor') {
    await hitSupervisor(host, verb);
    return { verb, target, channel: null, pid: null, atMs };
  }
  const daemon = (await host.channel(channel))?.daemons.find(({ kind }) => kind === target);
  // One that has just been hit may not be there, or not be a daemon yet: SIGUSR1 would end a process that has not set up Node.
  const pid = daemon?.state === 'ready' ? daemon.pid : null;
  if (pid === null) return { verb, target, channel, pid, atMs };
  try {
    await hitDaemon(pid, verb);
    return { verb, target, channel, pid, atMs };
  } catch (error) {
    // What hit it before has ended it meanwhile.
    if (identify(pid) !== undefined) throw error;
    return { verb, target, channel, pid: null, atMs };
  }
}

async function hitDaemon(pid: number, verb: Verb): Promise<void> {
  // It may end between being chosen and being hit: then it was hit by somebody else.
  if (identify(pid) === undefined) return;
  switch (verb) {
    case 'kill':
      inject.kill(pid);
      return;
    case 'freeze':
      inject.freeze(pid);
      return;
    case 'blink':
      inject.freeze(pid);
      await sleep(BLINK_MS);
      inject.thaw(pid);
      return;
    case 'busy':
      await inject.busyLoop(pid);
      return;
    case 'heap':
      await inject.exhaustHeap(pid);
      return;
    case 'leak':
      await inject.leak(pid, LEAK_MIB_PER_SECOND, MOST_LEAKED_MIB);
  }
}

async function hitSupervisor(host: Host, verb: Verb): Promise<void> {
  const { pid } = host;
  if (verb === 'freeze') {
    inject.freeze(pid);
    await sleep(SUPERVISOR_STALL_MS);
    inject.thaw(pid);
  } else if (verb === 'busy') {
    await inject.busyLoop(pid, SUPERVISOR_STALL_MS);
    await sleep(SUPERVISOR_STALL_MS);
  } else {
    if (verb === 'heap') await inject.exhaustHeap(pid);
    else inject.kill(pid);
    await eventually('the supervisor is gone', () => identify(pid) === undefined);
    // As a service manager does it: soon, and not at once.
    await sleep(300);
    await host.run();
  }
}
