/**
 * How soon a new viewer has a picture, whatever the camera's keyframe interval: `npm run bench:start`.
 *
 * Connects to /live.ws of a stream with a keyframe every 10 s, at random places of the GOP, and takes the time from dialling to the first
 * keyframe fragment, and to the live edge; then the time to the first picture on the screen of a real Chromium. With `--url ws://HOST:PORT/live.ws`
 * it measures a channel that is there; without, it starts a ring, a feeder and a stream daemon of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { openBrowser } from '../test/support/browser.ts';
import { media } from '../test/stream/stream-daemon.ts';
import { readFragment, readTracks } from '../ui/player/mp4-times.ts';
import { describeMachine, numberOption, percentile, percentiles, table } from './report.ts';

const CONNECTS = numberOption('connects', 50);
const PAGES = numberOption('pages', 5);
/** Connects are this far apart, at random, so that they fall on all places of a GOP. */
const APART_MS = 1200;
const GOAL_MS = 100;
const at = process.argv.indexOf('--url');
const givenUrl = at < 0 ? undefined : process.argv[at + 1];

type Start = { keyframeMs: number; edgeMs: number; backlog: number; backlogKiB: number };

/** One viewer: dials, waits for the first keyframe, and until pictures come at the camera's pace. */
function connect(url: string): Promise<Start> {
  const { promise, resolve, reject } = Promise.withResolvers<Start>();
  const startMs = performance.now();
  const socket = new WebSocket(url);
  let tracks: ReturnType<typeof readTracks> | undefined;
  let keyframeMs: number | undefined;
  let last: number | undefined;
  let backlog = 0;
  let backlogBytes = 0;
  socket.on('error', reject);
  socket.on('message', (bytes: Buffer, binary) => {
    const nowMs = performance.now() - startMs;
    if (!binary) return;
    if (!tracks) {
      tracks = readTracks(bytes);
      return;
    }
    const time = readFragment(bytes, tracks);
    if (!time || tracks.get(time.track)?.kind !== 'video') return;
    if (keyframeMs === undefined && !time.key) reject(new Error('the first picture is no keyframe'));
    keyframeMs ??= nowMs;
    // What is squeezed stands a tick apart, what is live a frame.
    if (last !== undefined && time.seconds - last > 0.005) {
      socket.terminate();
      resolve({ keyframeMs, edgeMs: nowMs, backlog, backlogKiB: backlogBytes / 1024 });
    }
    last = time.seconds;
    backlog++;
    backlogBytes += bytes.length;
  });
  return promise;
}

async function measureSockets(url: string): Promise<Start[]> {
  const starts: Start[] = [];
  for (let i = 0; i < CONNECTS; i++) {
    await sleep(Math.random() * APART_MS);
    starts.push(await connect(url));
  }
  return starts;
}

/** Milliseconds from dialling to the first picture on the screen, by the player's own account. */
async function measurePages(url: string): Promise<number[]> {
  const browser = await openBrowser();
  try {
    const times: number[] = [];
    for (let i = 0; i < PAGES; i++) {
      const page = await browser.newPage();
      await page.goto(url);
      for (let startMs: number | null = null; startMs === null;) {
        await sleep(50);
        startMs = await page.evaluate<number | null>('globalThis.bulkheadPlayer?.startMs ?? null');
        if (startMs !== null) times.push(startMs);
      }
      await page.close();
    }
    return times;
  } finally {
    await browser.close();
  }
}

console.log(describeMachine());
const own = givenUrl === undefined ? await media('longgop.mp4', { feeder: { prefillSeconds: 12 } }) : undefined;
const url = givenUrl ?? `${own?.daemon.url.replace('http', 'ws')}/live.ws`;
let late = false;
try {
  console.log(`${url}, ${CONNECTS} connects at random places of the GOP`);
  const starts = await measureSockets(url);
  const page = url.replace(/^ws/, 'http').replace(/live\.ws$/, '');
  const pages = PAGES > 0 ? await measurePages(page) : [];
  const column = (pick: (start: Start) => number): number[] => starts.map(pick);
  console.log(
    table([
      { 'from dialling, ms': 'to the first keyframe', ...percentiles(column(({ keyframeMs }) => keyframeMs)) },
      { 'from dialling, ms': 'to the live edge', ...percentiles(column(({ edgeMs }) => edgeMs)) },
      ...(pages.length > 0 ? [{ 'from dialling, ms': 'to a picture in Chromium', ...percentiles(pages, 0) }] : []),
    ]),
  );
  console.log(
    `a viewer got at once: ${percentile(
      column(({ backlog }) => backlog),
      0.5,
    )} pictures (median), ` +
      `at most ${Math.max(...column(({ backlog }) => backlog))} and ${Math.max(...column(({ backlogKiB }) => backlogKiB)).toFixed(0)} KiB`,
  );
  const p99 = percentile(
    column(({ keyframeMs }) => keyframeMs),
    0.99,
  );
  late = p99 > GOAL_MS;
  console.log(
    `goal: p99 to the first keyframe <= ${GOAL_MS} ms: ${late ? 'MISSED' : 'reached'} (${p99.toFixed(1)} ms)`,
  );
} finally {
  await own?.stop();
}
process.exit(late ? 1 : 0);
