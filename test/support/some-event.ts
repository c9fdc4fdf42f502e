/** An event for tests that need one and do not care which. */
import type { BulkheadEvent } from '../../runtime/supervisor/view.ts';

export function someEvent(given: Partial<BulkheadEvent> = {}): BulkheadEvent {
  return {
    id: 1,
    time: 1,
    type: 'daemon.ready',
    channel: 'front',
    daemon: { kind: 'stream', id: 'stream:1', pid: 1, generation: 1 },
    reason: null,
    detail: {},
    ...given,
  };
}
