/**
 * The WebSocket to `/live.ws`: opens it, opens it again within a second, and tells what came. Knows nothing of pictures.
 */

export type LiveEvents = {
  readonly opened: () => void;
  /** The stream's parameters, before its init segment. */
  readonly described: (mime: string) => void;
  readonly received: (segment: ArrayBuffer) => void;
  /** Lost, or refused; it is tried again by itself. */
  readonly lost: () => void;
};

/** First tries come at once: a daemon that was replaced is back before anybody looks. */
const RETRY_MS = [50, 100, 250, 500, 1000];
/** A connection that says nothing for this long is dead, whatever TCP thinks. */
const SILENCE_MS = 5000;

export class LiveConnection {
  readonly #url: string;
  readonly #events: LiveEvents;
  #socket: WebSocket | undefined;
  #retries = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #silenceTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(url: string, events: LiveEvents) {
    this.#url = url;
    this.#events = events;
    this.#open();
  }

  /** Drops the connection and opens a new one at once. */
  restart(): void {
    this.#retries = 0;
    this.#drop();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    this.#socket?.close();
  }

  #open(): void {
    const socket = new WebSocket(this.#url);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#listenForSilence();
    socket.addEventListener('open', () => {
      if (socket === this.#socket) this.#events.opened();
    });
    socket.addEventListener('message', (message: MessageEvent<unknown>) => {
      if (socket !== this.#socket) return;
      this.#listenForSilence();
      if (message.data instanceof ArrayBuffer) {
        this.#retries = 0;
        this.#events.received(message.data);
      } else {
        const mime = mimeOf(message.data);
        if (mime !== undefined) this.#events.described(mime);
      }
    });
    socket.addEventListener('close', () => {
      if (socket === this.#socket) this.#drop();
    });
  }

  #listenForSilence(): void {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#drop(), SILENCE_MS);
  }

  #drop(): void {
    if (this.#closed) return;
    clearTimeout(this.#silenceTimer);
    clearTimeout(this.#retryTimer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    this.#events.lost();
    const delayMs = RETRY_MS[Math.min(this.#retries, RETRY_MS.length - 1)] ?? 1000;
    this.#retries += 1;
    this.#retryTimer = setTimeout(() => this.#open(), delayMs);
  }
}

/** The `mime` of an init message; anything else is not for us. */
function mimeOf(text: unknown): string | undefined {
  try {
    const message = JSON.parse(String(text)) as { type?: unknown; mime?: unknown } | null;
    return message?.type === 'init' && typeof message.mime === 'string' ? message.mime : undefined;
  } catch {
    return undefined;
  }
}
