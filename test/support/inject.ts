/**
 * Faults as verbs, on any real process of the product and from outside: nothing in the product knows of them.
 *
 * Belongs here: causing them, and when exactly each began. Does not belong here: what is expected to follow (test/fault/, bench/).
 */
import { monotonicUs } from '../../runtime/clock.ts';
import { evaluate } from './inspector.ts';

/** When the fault began, in microseconds of the monotonic clock: not before `sinceUs`, and at `surelyUs` it was there. */
export type Injected = { readonly sinceUs: number; readonly surelyUs: number };

/** SIGKILL: gone, between two instructions. */
export function kill(pid: number): Injected {
  return signal(pid, 'SIGKILL');
}

/** SIGSTOP: everything stands still, and all descriptors stay open. */
export function freeze(pid: number): Injected {
  return signal(pid, 'SIGSTOP');
}

/** SIGCONT; nothing for one that is gone. */
export function thaw(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // Somebody has ended it meanwhile.
  }
}

function signal(pid: number, name: NodeJS.Signals): Injected {
  const sinceUs = monotonicUs();
  process.kill(pid, name);
  return { sinceUs, surelyUs: monotonicUs() };
}

/** A loop on the main thread that never yields, or for so long. */
export function busyLoop(pid: number, forMs = Number.POSITIVE_INFINITY): Promise<Injected> {
  return soon(pid, `for (const end = performance.now() + ${forMs}; performance.now() < end;);`);
}

/** Allocates on V8's heap without a pause until V8 gives up (SIGABRT), or somebody else loses patience. */
export function exhaustHeap(pid: number): Promise<Injected> {
  return soon(pid, `for (const all = []; ;) all.push(new Array(200_000).fill(Math.random()));`);
}

/**
 * Loses so much private memory a second, really touched and outside V8's heap, while the process goes on with its work. It ends with the process,
 * with `mend`, or at `mostMib`.
 */
export async function leak(pid: number, mibPerSecond: number, mostMib = 8192): Promise<Injected> {
  const program = `(() => {
    const block = process.getBuiltinModule('node:crypto').randomBytes(2 ** 20);
    const lost = [];
    const since = performance.now();
    const timer = setInterval(() => {
      const due = Math.min(${mostMib}, ((performance.now() - since) / 1000) * ${mibPerSecond});
      while (lost.length < due) lost.push(Buffer.from(block));
    }, 20);
    timer.unref();
    globalThis.stopLeaking = () => clearInterval(timer);
    return ${NOW};
  })()`;
  return injected(Number(await evaluate(pid, program)));
}

/** Ends a leak and lets go of what was lost. */
export async function mend(pid: number): Promise<void> {
  await evaluate(pid, 'globalThis.stopLeaking?.(), (globalThis.stopLeaking = undefined), true');
}

const NOW = 'Number(process.hrtime.bigint() / 1000n)';

/** Runs a program that does not come back, a moment after the inspector has said that it will. */
async function soon(pid: number, program: string): Promise<Injected> {
  const sinceUs = await evaluate(pid, `setImmediate(() => { ${program} }), ${NOW}`);
  return injected(Number(sinceUs));
}

function injected(sinceUs: number): Injected {
  return { sinceUs, surelyUs: monotonicUs() };
}
