/**
 * The page: what people see and press. It shows a status and forwards wishes; it decides nothing.
 */
import type { Status } from './status.ts';

function byId<E extends HTMLElement>(id: string, kind: new () => E): E {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no #${id}`);
  return element;
}

/** The controls go out of sight when nothing is moved for so long. */
const IDLE_MS = 2500;

export class Page {
  readonly video = byId('video', HTMLVideoElement);
  readonly #still = byId('still', HTMLCanvasElement);
  readonly #name = byId('name', HTMLElement);
  readonly #badge = byId('badge-text', HTMLElement);
  readonly #message = byId('message', HTMLElement);
  readonly #details = byId('details', HTMLElement);
  readonly #sound = byId('sound', HTMLButtonElement);
  readonly #full = byId('full', HTMLButtonElement);
  readonly #play = byId('play', HTMLButtonElement);
  #idle: ReturnType<typeof setTimeout> | undefined;
  #channelName = document.title;

  constructor(onPlay: () => void) {
    this.#sound.addEventListener('click', () => this.#toggleSound());
    this.#full.addEventListener('click', () => void this.#toggleFullscreen());
    this.#play.addEventListener('click', onPlay);
    this.video.addEventListener('dblclick', () => void this.#toggleFullscreen());
    this.video.addEventListener('volumechange', () => this.#showSound());
    document.addEventListener('keydown', (event) => this.#key(event));
    document.addEventListener('fullscreenchange', () => this.#showFullscreen());
    for (const type of ['pointermove', 'pointerdown', 'keydown', 'focusin']) {
      document.addEventListener(type, () => this.#wake(), { passive: true });
    }
    this.#wake();
    this.#showSound();
  }

  setName(name: string): void {
    this.#channelName = name;
    this.#name.textContent = name;
  }

  setHasSound(has: boolean): void {
    this.#sound.hidden = !has;
  }

  setDetails(text: string): void {
    if (this.#details.textContent !== text) this.#details.textContent = text;
  }

  show({ state, badge, message }: Status): void {
    document.body.dataset['state'] = state;
    this.#play.hidden = state !== 'blocked';
    // Only changes are written: screen readers speak what is written.
    if (this.#badge.textContent !== badge) this.#badge.textContent = badge;
    if (this.#message.textContent !== message) this.#message.textContent = message;
    const title = state === 'live' ? `● ${this.#channelName}` : `${badge.toLowerCase()} – ${this.#channelName}`;
    if (document.title !== title) document.title = title;
  }

  /** Keeps the last picture on the screen, as a still, while there is no video to show. */
  holdStill(): void {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (width === 0 || !this.#still.hidden) return;
    this.#still.width = width;
    this.#still.height = height;
    this.#still.getContext('2d')?.drawImage(this.video, 0, 0, width, height);
    this.#still.hidden = false;
  }

  releaseStill(): void {
    this.#still.hidden = true;
  }

  #toggleSound(): void {
    this.video.muted = !this.video.muted;
  }

  #showSound(): void {
    const { muted } = this.video;
    this.#sound.setAttribute('aria-pressed', String(!muted));
    this.#sound.setAttribute('aria-label', muted ? 'Turn sound on' : 'Turn sound off');
    this.#sound.title = muted ? 'Sound on (M)' : 'Sound off (M)';
  }

  async #toggleFullscreen(): Promise<void> {
    // iPhones have no fullscreen for pages, only for the video itself.
    const video = this.video as HTMLVideoElement & { webkitEnterFullscreen?: () => void };
    if (document.fullscreenElement) await document.exitFullscreen();
    else if (document.fullscreenEnabled) await document.documentElement.requestFullscreen();
    else video.webkitEnterFullscreen?.();
  }

  #showFullscreen(): void {
    const full = document.fullscreenElement !== null;
    this.#full.setAttribute('aria-label', full ? 'Leave full screen' : 'Full screen');
    this.#full.title = full ? 'Leave full screen (F)' : 'Full screen (F)';
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'm' && !this.#sound.hidden) this.#toggleSound();
    if (event.key === 'f') void this.#toggleFullscreen();
  }

  #wake(): void {
    document.body.classList.remove('idle');
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => document.body.classList.add('idle'), IDLE_MS);
  }
}
