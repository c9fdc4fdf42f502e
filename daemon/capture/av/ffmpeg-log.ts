/**
 * FFmpeg's own log, taken off standard error: it names URLs, and a URL may hold a password.
 *
 * Importing this file silences FFmpeg until `listenToFFmpeg` gives it an ear. Lines come some milliseconds late (from FFmpeg's threads), so
 * nothing may depend on them; they help a developer at level debug, once a second at most, and carry the one count that FFmpeg tells nowhere
 * else: RTP packets that never came.
 */
import { AV_LOG_QUIET, AV_LOG_WARNING } from 'node-av/constants';
import { Log } from 'node-av/lib';
import type { Clock } from '../../../runtime/clock.ts';
import type { Logger } from '../../../runtime/log.ts';
import { scrub } from '../scrub.ts';

Log.setLevel(AV_LOG_QUIET);

const REPORT_EVERY_MS = 1000;
const MISSED = /RTP: missed (\d+) packets/;
export type FFmpegEar = {
  readonly log: Logger;
  readonly clock: Clock;
  /** Strings that must not pass, in every form they might take; longest first. */
  readonly secrets: readonly string[];
  /** RTP packets that the network has lost. */
  readonly onMissed: (count: number) => void;
};

/**
 * Starts listening; there is one FFmpeg in a process, and so one ear. Returns what ends it, which must come before the source is closed: a
 * closing encoder has last words, and a line that is still on its way when the process ends aborts it.
 */
export function listenToFFmpeg(ear: FFmpegEar): () => void {
  let lines = 0;
  let last = '';
  let waiting = false;
  Log.setLevel(AV_LOG_WARNING);
  Log.setCallback(
    (_level, message) => {
      const missed = MISSED.exec(message);
      if (missed) ear.onMissed(Number(missed[1]));
      lines++;
      last = message;
      if (waiting) return;
      waiting = true;
      ear.clock.after(REPORT_EVERY_MS, () => {
        ear.log.debug({ lines, last: scrub(last.trim(), ear.secrets) }, 'FFmpeg says');
        lines = 0;
        waiting = false;
      });
    },
    { maxLevel: AV_LOG_WARNING },
  );
  return () => {
    Log.setLevel(AV_LOG_QUIET);
    Log.setCallback(null);
  };
}
