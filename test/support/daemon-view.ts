/** A daemon that works, as the supervisor shows it; a test changes what it is about. */
import type { DaemonView } from '../../runtime/supervisor/view.ts';

export function daemonView(kind: 'capture' | 'stream', change: Partial<DaemonView> = {}): DaemonView {
  return {
    id: `${kind}:front`,
    kind,
    channel: 'front',
    pid: 1,
    generation: 1,
    state: 'ready',
    starved: false,
    stopped: false,
    restarts: 0,
    lastExit: null,
    uptimeMs: 1,
    beatAgeMs: 1,
    loopLagMs: 0,
    privateBytes: 1,
    cpuPercent: 0,
    cpuMs: 0,
    recordsIn: 100,
    recordsOut: 100,
    laps: 0,
    media: null,
    camera: null,
    viewers: 0,
    degraded: null,
    lastError: null,
    ...change,
  };
}
