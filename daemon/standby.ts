/**
 * The standby: a process that has loaded what a daemon needs, and waits to become one. What is loaded here is the most that its kinds may load:
 * a light one must not have FFmpeg in its memory, because stream daemons come of it.
 */
import { standBy } from './harness/stand-by.ts';

void standBy({
  light: {
    load: () => [import('./harness/run-daemon.ts'), import('./stream/start.ts')],
    rehearse: async (scratch) => (await import('./stream/rehearsal.ts')).rehearse(scratch),
  },
  media: {
    load: () => [
      import('./harness/run-daemon.ts'),
      import('./capture/start-capture.ts'),
      import('./capture/start-probe.ts'),
    ],
    rehearse: async () => {},
  },
});
