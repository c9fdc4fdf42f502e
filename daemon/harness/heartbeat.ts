/**
 * The beat: proof that the main loop turns, and how late it is.
 *
 * It must run on the main loop: a beat from a worker thread would go on while the daemon hangs. Does not belong here: the page's layout.
 */
import { monotonicUs } from '../../runtime/clock.ts';
import type { StatusPageWriter } from '../../runtime/supervisor/process/status-page.ts';

export const BEAT_MS = 250;
/** The lag that is shown is the worst of this many beats (10 s): a peak stays visible long enough to be sampled. */
const REMEMBERED_BEATS = 40;

/** Beats now and from now on; the result stops it. */
export function startHeartbeat(page: StatusPageWriter): () => void {
  const lagsUs: number[] = [];
  let dueUs = monotonicUs();
  const beat = (): void => {
    const nowUs = monotonicUs();
    lagsUs.push(Math.max(0, nowUs - dueUs));
    if (lagsUs.length > REMEMBERED_BEATS) lagsUs.shift();
    dueUs = nowUs + BEAT_MS * 1000;
    page.beat(nowUs, Math.max(...lagsUs));
  };
  beat();
  const timer = setInterval(beat, BEAT_MS);
  return () => clearInterval(timer);
}
