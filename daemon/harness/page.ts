/**
 * A process's own status page: made at its start, or done without.
 *
 * Does not belong here: its layout (status-page.ts) and when to beat (heartbeat.ts).
 */
import { monotonicUs } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/log.ts';
import { bootId, identify } from '../../runtime/supervisor/process/identity.ts';
import type { StateFile } from '../../runtime/supervisor/process/state-file.ts';
import { bootTag, StatusPageWriter, type PageOwner } from '../../runtime/supervisor/process/status-page.ts';

/** A disk that takes no page is no reason to do no work: then nobody sees whether this process hangs. */
export function openPage(state: StateFile, log: Logger): StatusPageWriter {
  try {
    return StatusPageWriter.create(state.statusPage, owner(state));
  } catch (error) {
    log.warn({ err: error }, 'there is no status page; the supervisor cannot see whether this daemon hangs');
    return StatusPageWriter.unseen(owner(state));
  }
}

function owner(state: StateFile): PageOwner {
  const ticks = identify(process.pid)?.startTicks ?? '';
  return {
    pid: process.pid,
    generation: state.generation,
    bootTag: bootTag(bootId()),
    startTicks: /^\d+$/.test(ticks) ? BigInt(ticks) : 0n,
    startedUs: monotonicUs() - Math.round(process.uptime() * 1e6),
  };
}
