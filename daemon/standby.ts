/**
 * The standby: a process that has loaded what a daemon needs, and waits to become one. What is loaded here is the most that its kinds may load:
 * a light one must not have FFmpeg in its memory, because stream daemons come of it.
 */
import { standBy } from './harness/stand-by.ts';

void standBy((profile) =>
  profile === 'light'
    ? [import('./stream/start.ts')]
    : [import('./capture/start-capture.ts'), import('./capture/start-probe.ts')],
);
