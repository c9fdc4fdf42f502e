/**
 * The player page: one channel, live. Wires the connection to the picture buffer, keeps the video at the live edge, and says plainly when
 * what is seen is not live. Policies are in live-edge.ts and liveness.ts; this file only applies them.
 */
import { LiveConnection } from './connection.ts';
import { adaptTarget, followLiveEdge, MIN_TARGET_S, type Range } from './live-edge.ts';
import { judge, type State } from './liveness.ts';
import { mediaSourceClass, PictureBuffer } from './picture-buffer.ts';

type Health = {
  readonly channel: string;
  readonly name?: string;
  readonly lastPacketAgeMs: number | null;
  readonly viewers: number;
  readonly media?: {
    readonly codec: string | null;
    readonly width: number | null;
    readonly height: number | null;
    readonly fps: number | null;
    readonly audio: object | null;
  } | null;
};

const TICK_MS = 200;
const HEALTH_MS = 2000;
const IDLE_MS = 3000;
/** Without a stall for this long the target comes closer to the live edge again. */
const CALM_MS = 10_000;

function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`#${id} is missing`);
  return found;
}

const video = element('video', HTMLVideoElement);
const notice = element('notice', HTMLElement);
const badge = element('badge-text', HTMLElement);
const facts = element('facts', HTMLElement);
const sound = element('sound', HTMLButtonElement);
const fullscreen = element('fullscreen', HTMLButtonElement);

let picture: PictureBuffer | undefined;
let mime = '';
let unsupportedMime: string | undefined;
let connected = false;
let everConnected = false;
let lastSegmentMs: number | undefined;
let intervalMs = 40;
let packetAgeMs: number | null | undefined;
let health: Health | undefined;
let targetS = MIN_TARGET_S * 2;
let lastStallMs = performance.now();
let state: State = 'connecting';

/** For tests and for curious people: what the page believes. */
const view = {
  get state(): State {
    return state;
  },
  get lastFrameAgeMs(): number | undefined {
    return lastSegmentMs === undefined ? undefined : performance.now() - lastSegmentMs;
  },
  get framesPresented(): number {
    return video.getVideoPlaybackQuality().totalVideoFrames;
  },
};
Object.assign(globalThis, { bulkheadPlayer: view });

const base = new URL('.', location.href);
const socketUrl = new URL('live.ws', base);
socketUrl.protocol = base.protocol === 'https:' ? 'wss:' : 'ws:';

const connection = new LiveConnection(socketUrl.href, {
  opened: () => {
    connected = true;
    everConnected = true;
    lastSegmentMs = undefined;
    packetAgeMs = undefined;
    void askHealth();
  },
  described: (described) => {
    // Also with the same type: an init segment after a new description begins a new stream, and the old buffer may hold other tracks.
    mime = described;
    const Source = mediaSourceClass();
    unsupportedMime = Source?.isTypeSupported(mime) === true ? undefined : mime;
    picture?.close();
    picture = unsupportedMime === undefined ? new PictureBuffer(video, mime, () => connection.restart()) : undefined;
    sound.hidden = !/mp4a/.test(mime);
    play();
  },
  received: (segment) => {
    const nowMs = performance.now();
    if (lastSegmentMs !== undefined) {
      const sinceMs = Math.min(nowMs - lastSegmentMs, 2000);
      intervalMs += (sinceMs - intervalMs) / 32;
    }
    lastSegmentMs = nowMs;
    picture?.append(segment);
  },
  lost: () => {
    connected = false;
    show();
  },
});

function play(): void {
  // Refused only where sound is on without a gesture; the page starts muted.
  video.play().catch(() => undefined);
}

async function askHealth(): Promise<void> {
  try {
    const answer = await fetch(new URL('health', base), { cache: 'no-store', signal: AbortSignal.timeout(HEALTH_MS) });
    health = (await answer.json()) as Health;
    packetAgeMs = health.lastPacketAgeMs;
  } catch {
    packetAgeMs = undefined;
  }
  show();
}

function bufferedRanges(): Range[] {
  const ranges: Range[] = [];
  for (let index = 0; index < video.buffered.length; index += 1) {
    ranges.push([video.buffered.start(index), video.buffered.end(index)]);
  }
  return ranges;
}

function follow(): void {
  if (performance.now() - lastStallMs > CALM_MS) {
    lastStallMs = performance.now();
    targetS = adaptTarget(targetS, 'calm', frameS());
  }
  const action = followLiveEdge(video.currentTime, bufferedRanges(), targetS, video.playbackRate);
  if (action.type === 'seek') video.currentTime = action.toS;
  else if (action.type === 'rate') video.playbackRate = action.rate;
  if (video.paused && !document.hidden) play();
}

function frameS(): number {
  return health?.media?.fps ? 1 / health.media.fps : 0.04;
}

const BADGES: Readonly<Record<State, string>> = {
  connecting: 'Connecting',
  live: 'LIVE',
  stale: 'Not live',
  reconnecting: 'Not live',
  waiting: 'Waiting',
  unsupported: 'Cannot play',
};

function noticeFor(now: State): string {
  switch (now) {
    case 'live':
    case 'connecting':
      return '';
    case 'stale':
      return `Not live: the last picture came ${Math.round((view.lastFrameAgeMs ?? packetAgeMs ?? 0) / 1000)} s ago`;
    case 'reconnecting':
      return 'Not live: reconnecting';
    case 'waiting':
      return 'Waiting for the camera';
    case 'unsupported':
      return `This browser cannot play ${/hvc1|hev1/.test(mime) ? 'H.265' : mime}. Open ${new URL('stream.mp4', base).href} in VLC, or use a browser that can.`;
  }
}

function show(): void {
  state = judge({
    connected,
    everConnected,
    unsupported: unsupportedMime !== undefined,
    segmentAgeMs: view.lastFrameAgeMs,
    packetAgeMs,
    intervalMs,
  });
  document.body.dataset['state'] = state;
  badge.textContent = BADGES[state];
  const text = noticeFor(state);
  if (notice.textContent !== text) notice.textContent = text;
  notice.hidden = text === '';
  if (!health) return;
  const title = health.name ?? health.channel;
  element('name', HTMLElement).textContent = title;
  document.title = `${state === 'live' ? '' : '(not live) '}${title}`;
  const media = health.media;
  facts.textContent = media?.codec
    ? `${media.width}×${media.height} ${media.codec === 'h265' ? 'H.265' : 'H.264'}${media.fps ? ` ${Math.round(media.fps)} fps` : ''}`
    : '';
}

function toggleSound(): void {
  video.muted = !video.muted;
  sound.setAttribute('aria-pressed', String(!video.muted));
}

async function toggleFullscreen(): Promise<void> {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await document.documentElement.requestFullscreen();
}

let idleTimer: ReturnType<typeof setTimeout> | undefined;
function stir(): void {
  delete document.body.dataset['idle'];
  clearTimeout(idleTimer);
  idleTimer = setTimeout(() => (document.body.dataset['idle'] = ''), IDLE_MS);
}

video.addEventListener('waiting', () => {
  if (state !== 'live') return;
  lastStallMs = performance.now();
  targetS = adaptTarget(targetS, 'stalled', frameS());
});
video.addEventListener('error', () => connection.restart());
sound.addEventListener('click', toggleSound);
fullscreen.addEventListener('click', () => void toggleFullscreen());
fullscreen.hidden = !document.fullscreenEnabled;
for (const type of ['pointermove', 'pointerdown', 'keydown', 'focusin']) addEventListener(type, stir);
addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'm' && !sound.hidden) toggleSound();
  if (event.key === 'f' && !fullscreen.hidden) void toggleFullscreen();
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) follow();
});
setInterval(() => {
  follow();
  show();
}, TICK_MS);
setInterval(() => void askHealth(), HEALTH_MS);
stir();
