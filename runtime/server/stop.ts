/**
 * `bulkhead stop`: ends the Bulkhead that works in a home as its service manager would, and what one that crashed has left behind: daemons that work on
 * without it, and their rings.
 *
 * Does not belong here: how a daemon is ended (supervisor/). Whoever asks gets an answer when nothing is left.
 */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBulkhead } from '../bulkhead.ts';
import { BulkheadError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { pathsOf } from '../paths.ts';
import { readHolder } from '../supervisor/holder.ts';
import { isAlive, signalProcess } from '../supervisor/process/identity.ts';

/** Longer than a host takes that ends every daemon the hard way. */
const END_LIMIT_MS = 40_000;
const LOOK_MS = 50;

/** What was done, in words. Throws `timeout` when it does not end, `conflict` when another one starts in the meantime. */
export async function stopHome(home: string, log: Logger): Promise<string> {
  const { run } = pathsOf(home);
  if (!existsSync(run)) return `Nothing runs in ${home}.`;
  const holder = readHolder(run);
  if (holder !== undefined) {
    signalProcess(holder, 'SIGTERM');
    for (let waitedMs = 0; isAlive(holder); waitedMs += LOOK_MS) {
      if (waitedMs > END_LIMIT_MS) {
        throw new BulkheadError(
          'timeout',
          `Process ${holder.pid} does not end. See its log, or kill it and stop again.`,
        );
      }
      await sleep(LOOK_MS);
    }
  }
  const ended = await endDaemons(home, log);
  if (holder !== undefined) return `Stopped process ${holder.pid}, and everything that it ran.`;
  return ended === 0 ? `Nothing runs in ${home}.` : `Ended ${ended} daemons that had been left behind in ${home}.`;
}

/** Takes over what is there, as a restart would, and ends it in order. */
async function endDaemons(home: string, log: Logger): Promise<number> {
  const bulkhead = openBulkhead({ home, log });
  const supervisor = await bulkhead.supervisor;
  const count = supervisor.daemons().length;
  await bulkhead.close();
  return count;
}
