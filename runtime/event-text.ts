/**
 * Events as lines for whoever watches the terminal: what was disturbed and that it is well again. The rest is for flows and for the panel. Pure.
 */
import type { BulkheadEvent } from './supervisor/view.ts';

export type EventText = { readonly level: 'warn' | 'info'; readonly text: string };

/** A line about an event, or null for one that only programs want. A camera that is away is reported by its node. */
export function describeEvent({ type, channel, daemon, reason, detail }: BulkheadEvent): EventText | null {
  const who = `${daemon.kind} of ${channel}`;
  switch (type) {
    case 'daemon.exited':
      return reason === 'crash' || reason === 'hang' || reason === 'memory'
        ? {
            level: 'warn',
            text: `${who}: the process ended (${reason}${detail['unattended'] === true ? ', while nobody watched' : ''})`,
          }
        : null;
    case 'daemon.respawned': {
      const recoveryMs = detail['recoveryMs'];
      return { level: 'info', text: `${who}: back${typeof recoveryMs === 'number' ? ` after ${recoveryMs} ms` : ''}` };
    }
    case 'daemon.adopted':
      return { level: 'info', text: `${who}: went on without us, taken over` };
    case 'supervisor.started':
      return detail['cause'] === 'crash'
        ? {
            level: 'warn',
            text: `it ended last time without being stopped; ${detail['adopted']} daemons went on alone`,
          }
        : null;
    case 'stream.starved':
      return { level: 'warn', text: `${who}: no video, the port is closed until the camera is back` };
    case 'camera.online':
      return { level: 'info', text: `${who}: the camera is online` };
    default:
      return null;
  }
}
