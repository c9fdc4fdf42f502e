/**
 * A MediaSource with one SourceBuffer: takes bytes in order, forgets what is over, and says when it cannot go on.
 *
 * A new stream gets a new one: the number of tracks of a SourceBuffer cannot change. Does not belong here: where playback should be (live-edge.ts).
 */
import { mediaSourceClass } from './codecs.ts';
import type { Range } from './live-edge.ts';

/** More than this waiting to be appended means that the browser does not take it any more. */
const MOST_QUEUED_BYTES = 32 << 20;

export class MediaBuffer {
  readonly #source: MediaSource;
  readonly #video: HTMLVideoElement;
  readonly #url: string;
  readonly #onFailed: (why: string) => void;
  #buffer: SourceBuffer | undefined;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #forgetBefore: number | undefined;
  #closed = false;

  /** Attaches itself to the video element. `mime` must be one that the browser plays. Throws when there is no MediaSource. */
  constructor(video: HTMLVideoElement, mime: string, onFailed: (why: string) => void) {
    const Source = mediaSourceClass();
    if (!Source) throw new Error('no Media Source Extensions');
    this.#video = video;
    this.#onFailed = onFailed;
    this.#source = new Source();
    this.#url = URL.createObjectURL(this.#source);
    this.#source.addEventListener('sourceopen', () => this.#open(mime), { once: true });
    // The managed kind opens only where the picture cannot be sent to another screen.
    video.disableRemotePlayback = true;
    video.src = this.#url;
  }

  get ranges(): Range[] {
    const buffered = this.#closed ? undefined : this.#buffer?.buffered;
    if (!buffered) return [];
    return Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)] as const);
  }

  append(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > MOST_QUEUED_BYTES) this.#fail('the browser does not take the stream any more');
    else this.#work();
  }

  /** Forgets what is before a keyframe's time, in seconds. */
  forgetBefore(keySeconds: number): void {
    this.#forgetBefore = keySeconds;
    this.#work();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    URL.revokeObjectURL(this.#url);
    if (this.#video.src === this.#url) {
      this.#video.removeAttribute('src');
      this.#video.load();
    }
  }

  #open(mime: string): void {
    if (this.#closed) return;
    this.#buffer = this.#source.addSourceBuffer(mime);
    this.#buffer.addEventListener('updateend', () => this.#work());
    this.#buffer.addEventListener('error', () => this.#fail('the browser cannot decode the stream'));
    this.#work();
  }

  /** Does the next thing that is to be done: a SourceBuffer does one at a time. */
  #work(): void {
    const buffer = this.#buffer;
    if (this.#closed || !buffer || buffer.updating || this.#source.readyState !== 'open') return;
    try {
      if (this.#forgetBefore !== undefined) {
        // A hair before the keyframe: at its time or behind it, rounding could take its GOP along.
        const end = this.#forgetBefore - 0.001;
        this.#forgetBefore = undefined;
        if (buffer.buffered.length > 0 && buffer.buffered.start(0) < end) {
          buffer.remove(0, end);
          return;
        }
      }
      if (this.#queue.length > 0) buffer.appendBuffer(this.#takeQueue());
    } catch (error) {
      const full = error instanceof DOMException && error.name === 'QuotaExceededError';
      this.#fail(full ? 'the browser has no room for the stream' : String(error));
    }
  }

  /** Everything that waits, as one piece: after a pause that is far fewer appends. */
  #takeQueue(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.#queuedBytes);
    let at = 0;
    for (const bytes of this.#queue) {
      whole.set(bytes, at);
      at += bytes.length;
    }
    this.#queue = [];
    this.#queuedBytes = 0;
    return whole;
  }

  #fail(why: string): void {
    if (this.#closed) return;
    this.close();
    this.#onFailed(why);
  }
}
