/**
 * One MediaSource and its buffer: appends segments in order, keeps a few seconds of the past and no more, and says when it cannot go on.
 * A stream with other parameters gets a new one; see player.ts.
 */

/** iOS has only the managed form; it behaves the same for us. */
type MediaSourceClass = typeof MediaSource;
type WithManaged = { ManagedMediaSource?: MediaSourceClass };

/** Seconds of the past that stay in the buffer. */
const KEEP_S = 8;
/** Past beyond this is removed; removing is not free, so not after each frame. */
const TRIM_ABOVE_S = 20;
/** A page in the background may be stopped for minutes; what it missed then is not worth its memory. */
const MAX_PENDING = 600;

/** The MediaSource of this browser, or `undefined` where there is none. */
export function mediaSourceClass(): MediaSourceClass | undefined {
  return globalThis.MediaSource ?? (globalThis as unknown as WithManaged).ManagedMediaSource;
}

export class PictureBuffer {
  readonly #video: HTMLVideoElement;
  readonly #broken: (reason: string) => void;
  readonly #source: MediaSource;
  readonly #url: string;
  #buffer: SourceBuffer | undefined;
  #pending: ArrayBuffer[] = [];
  #closed = false;

  /** `mime` must be supported. `broken` is called at most once; the buffer is of no use afterwards. */
  constructor(video: HTMLVideoElement, mime: string, broken: (reason: string) => void) {
    this.#video = video;
    this.#broken = broken;
    const Source = mediaSourceClass();
    if (!Source) throw new Error('no MediaSource');
    this.#source = new Source();
    this.#url = URL.createObjectURL(this.#source);
    this.#source.addEventListener('sourceopen', () => this.#attach(mime), { once: true });
    video.disableRemotePlayback = true; // a managed source demands it
    video.src = this.#url;
  }

  append(segment: ArrayBuffer): void {
    if (this.#closed) return;
    if (this.#pending.length >= MAX_PENDING) {
      this.#fail('the browser does not keep up');
      return;
    }
    this.#pending.push(segment);
    this.#work();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pending = [];
    URL.revokeObjectURL(this.#url);
  }

  #attach(mime: string): void {
    if (this.#closed) return;
    try {
      this.#buffer = this.#source.addSourceBuffer(mime);
    } catch (error) {
      this.#fail(String(error));
      return;
    }
    this.#buffer.addEventListener('updateend', () => this.#work());
    this.#buffer.addEventListener('error', () => this.#fail('a segment could not be read'));
    this.#work();
  }

  #work(): void {
    const buffer = this.#buffer;
    if (this.#closed || !buffer || buffer.updating || this.#source.readyState !== 'open') return;
    if (this.#trim(buffer, TRIM_ABOVE_S, KEEP_S)) return;
    const segment = this.#pending[0];
    if (!segment) return;
    try {
      buffer.appendBuffer(segment);
      this.#pending.shift();
    } catch (error) {
      const isFull = error instanceof DOMException && error.name === 'QuotaExceededError';
      if (!isFull || !this.#trim(buffer, 1, 1)) this.#fail(String(error));
    }
  }

  /** Starts removing what lies more than `keepS` behind the picture, when there is more than `aboveS` of it. */
  #trim(buffer: SourceBuffer, aboveS: number, keepS: number): boolean {
    if (buffer.buffered.length === 0) return false;
    const startS = buffer.buffered.start(0);
    const untilS = this.#video.currentTime - keepS;
    if (this.#video.currentTime - startS <= aboveS || untilS <= startS) return false;
    buffer.remove(startS, untilS);
    return true;
  }

  #fail(reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#broken(reason);
  }
}
