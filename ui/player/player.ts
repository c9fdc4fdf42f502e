/**
 * The player: connects page, connection, buffer and policies. Programs and tests read its state from `window.bulkheadPlayer`.
 */
import { MediaBuffer } from './buffer.ts';
import { cannotPlay, codecName, codecStrings } from './codecs.ts';
import { Connection } from './connection.ts';
import { LiveEdge, type Playback, forgetBefore } from './live-edge.ts';
import { type TrackInfo, readFragment, readTracks } from './mp4-times.ts';
import { Page } from './page.ts';
import { type PlayerState, statusOf } from './status.ts';

export type BulkheadPlayer = {
  readonly state: PlayerState;
  /** Since a picture arrived; `null` before the first. */
  readonly lastFrameAgeMs: number | null;
  /** Pictures that were on the screen since the page was opened. */
  readonly framesPresented: number;
  /** From the newest picture to the one on the screen. */
  readonly behindMs: number | null;
  readonly connections: number;
  /** From dialling to the first picture on the screen, of the newest connection that has got so far. */
  readonly startMs: number | null;
};

const TICK_MS = 100;
/** A stream that cannot be played is looked at again now and then: the camera's settings may have changed. */
const LOOK_AGAIN_MS = 15_000;
/** Longer than this is a break, not a slow camera. */
const MOST_PICTURE_MS = 60_000;
/** Keyframe times that are remembered; older ones are forgotten with their pictures. */
const MOST_KEY_TIMES = 1000;

const page = new Page(() => void play());
const { video } = page;

/** Everything that belongs to one announced stream, and goes with it. */
type Stream = {
  readonly mime: string;
  readonly edge: LiveEdge;
  buffer: MediaBuffer | undefined;
  tracks: Map<number, TrackInfo> | undefined;
  keyTimes: number[];
  newestSeconds: number;
  shown: boolean;
};

let stream: Stream | undefined;
let connected = false;
let connections = 0;
let reason = '';
let unsupported: string | undefined;
let blocked = false;
let state: PlayerState = 'connecting';
let framesPresented = 0;
let lastPictureMs: number | undefined;
let intervalMs = 40;
/** How long the newest picture lasts by the stream's own word: known with the first one, when no arrivals can be compared yet. */
let pictureMs = 0;
let startMs: number | null = null;

// Relative to the page, so that it also works under a path of somebody's proxy.
const base = new URL('.', location.href);
const socketUrl = new URL('live.ws', base);
socketUrl.protocol = base.protocol === 'https:' ? 'wss:' : 'ws:';

const connection = new Connection(socketUrl.href, {
  open: () => {
    connected = true;
    connections++;
    update();
  },
  init: begin,
  data: take,
  lost: (why) => {
    connected = false;
    reason = why;
    end();
    update();
  },
});

function begin(mime: string): void {
  end();
  reason = '';
  unsupported = cannotPlay(mime);
  stream = {
    mime,
    edge: new LiveEdge(),
    buffer: undefined,
    tracks: undefined,
    keyTimes: [],
    newestSeconds: 0,
    shown: false,
  };
  if (unsupported === undefined) stream.buffer = new MediaBuffer(video, mime, recover);
  else connection.renew(LOOK_AGAIN_MS);
  update();
}

/** The stream is over, or another begins: the last picture stays as a still until there is a new one. */
function end(): void {
  page.holdStill();
  stream?.buffer?.close();
  stream = undefined;
}

/** The browser cannot go on with this stream: a new connection brings it from the newest keyframe. */
function recover(): void {
  end();
  connection.renew();
}

function take(bytes: Uint8Array): void {
  const now = stream;
  if (!now) return;
  now.buffer?.append(bytes);
  if (!now.tracks) {
    now.tracks = readTracks(bytes);
    page.setHasSound([...now.tracks.values()].some((track) => track.kind === 'audio'));
    return;
  }
  const time = readFragment(bytes, now.tracks);
  const lead = [...now.tracks.values()].find((track) => track.kind === 'video') ?? [...now.tracks.values()][0];
  if (!time || now.tracks.get(time.track) !== lead) return;
  now.newestSeconds = Math.max(now.newestSeconds, time.seconds);
  if (time.key) now.keyTimes = [...now.keyTimes.slice(-MOST_KEY_TIMES), time.seconds];
  pictureMs = Math.min(time.durationSeconds * 1000, MOST_PICTURE_MS);
  observeArrival();
  follow();
}

function observeArrival(): void {
  const nowMs = performance.now();
  // Several in one instant are a catch-up, not the camera's pace.
  if (lastPictureMs !== undefined && nowMs - lastPictureMs > 5) {
    intervalMs += (Math.min(nowMs - lastPictureMs, MOST_PICTURE_MS) - intervalMs) * 0.1;
  }
  lastPictureMs = nowMs;
}

/** Does what the policies advise. Called with every picture and by a timer: a timer alone is slow in the background. */
function follow(): void {
  const now = stream;
  if (!now?.buffer) return;
  const playback: Playback = {
    position: video.currentTime,
    ranges: now.buffer.ranges,
    edge: now.newestSeconds,
    playing: !video.paused,
    hidden: document.hidden,
    nowMs: performance.now(),
  };
  const advice = now.edge.advise(playback);
  if (advice.seekTo !== undefined && !video.seeking) video.currentTime = advice.seekTo;
  if (video.playbackRate !== advice.rate) video.playbackRate = advice.rate;
  if (advice.play && video.paused && !blocked) void play();
  const before = forgetBefore(playback, now.keyTimes);
  if (before === undefined) return;
  now.keyTimes = now.keyTimes.filter((time) => time >= before);
  now.buffer.forgetBefore(before);
}

async function play(): Promise<void> {
  try {
    await video.play();
    blocked = false;
  } catch (error) {
    // Others mean only that the stream was replaced meanwhile.
    blocked = error instanceof DOMException && error.name === 'NotAllowedError';
  }
  update();
}

function onPresented(): void {
  framesPresented++;
  if (stream && !stream.shown) {
    stream.shown = true;
    startMs = Math.round(performance.now() - connection.dialledMs);
    page.releaseStill();
    update();
  }
  video.requestVideoFrameCallback(onPresented);
}

function lastFrameAgeMs(): number | null {
  return lastPictureMs === undefined ? null : Math.round(performance.now() - lastPictureMs);
}

function update(): void {
  const status = statusOf({
    connected,
    wasConnected: connections > 0,
    described: stream !== undefined,
    lastPictureAgeMs: lastFrameAgeMs(),
    intervalMs,
    shown: stream?.shown ?? false,
    unsupported,
    blocked,
    reason,
    streamUrl: new URL('stream.mp4', base).href,
  });
  state = status.state;
  page.show(status);
  page.setDetails(details());
}

function details(): string {
  if (!stream?.shown) return '';
  const codecs = codecStrings(stream.mime).map(codecName).join(' + ');
  return `${video.videoWidth}×${video.videoHeight} · ${codecs} · ${Math.round(1000 / intervalMs)} fps`;
}

video.addEventListener('waiting', () => {
  // Waiting at the edge means that the line is unsteady; anywhere else it is our own seeking.
  if (stream?.shown && !video.seeking) stream.edge.stalled(performance.now());
});
video.addEventListener('error', () => {
  if (stream?.buffer) recover();
});
if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(onPresented);
else (video as HTMLVideoElement).addEventListener('timeupdate', onPresented);
document.addEventListener('visibilitychange', () => {
  connection.hurry();
  follow();
});
window.addEventListener('online', () => connection.hurry());
setInterval(() => {
  connection.check(performance.now(), Math.max(intervalMs, pictureMs));
  follow();
  update();
}, TICK_MS);

void fetch(new URL('health', base))
  .then((response) => response.json())
  .then((health: { name?: string; channel?: string }) => page.setName(health.name || (health.channel ?? '')))
  .catch(() => {
    // The name is a courtesy; the connection says what is wrong.
  });

const view: BulkheadPlayer = {
  get state() {
    return state;
  },
  get lastFrameAgeMs() {
    return lastFrameAgeMs();
  },
  get framesPresented() {
    return framesPresented;
  },
  get behindMs() {
    return stream?.shown ? Math.round((stream.newestSeconds - video.currentTime) * 1000) : null;
  },
  get connections() {
    return connections;
  },
  get startMs() {
    return startMs;
  },
};
Object.assign(window, { bulkheadPlayer: view });
