/**
 * The connection to /live.ws: opened again whenever it is lost, within a second, for as long as the page is open.
 *
 * Belongs here: the socket and when to try again. Does not belong here: what the messages hold.
 */

export type ConnectionHandlers = {
  readonly open: () => void;
  /** A stream begins: the init segment follows as the next data. */
  readonly init: (mime: string) => void;
  readonly data: (bytes: Uint8Array) => void;
  /** `reason`: the server's words, or nothing. */
  readonly lost: (reason: string) => void;
};

const FIRST_DELAY_MS = 100;
const MOST_DELAY_MS = 1000;
/** The server asked us to come later (1013): it is full. */
const TRY_AGAIN_LATER = 1013;
const LATER_MS = 3000;
/** A connection on which nothing has come for so long may be dead without anybody saying so; slow cameras get three of their own intervals. */
const SILENCE_MS = 8000;
const PICTURES_MISSED = 3;
/** A connection that is not made in this time is tried anew: what does not answer now may be replaced already. */
const DIAL_MS = 3000;

export class Connection {
  readonly #url: string;
  readonly #handlers: ConnectionHandlers;
  #socket: WebSocket | undefined;
  #listening = new AbortController();
  #delayMs = FIRST_DELAY_MS;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #dial: ReturnType<typeof setTimeout> | undefined;
  #heardMs = 0;
  #dialledMs = 0;
  #closed = false;

  constructor(url: string, handlers: ConnectionHandlers) {
    this.#url = url;
    this.#handlers = handlers;
    this.#connect();
  }

  /** When the newest connection was begun. */
  get dialledMs(): number {
    return this.#dialledMs;
  }

  /** Drops the connection and makes another, at once or later: for a stream that cannot go on as it is. */
  renew(waitMs?: number): void {
    this.#drop('', waitMs);
  }

  /** To be called now and then: a dead connection is noticed by its silence. `intervalMs` = from one picture of the camera to the next. */
  check(nowMs: number, intervalMs: number): void {
    const open = this.#socket?.readyState === WebSocket.OPEN;
    const limitMs = Math.max(SILENCE_MS, PICTURES_MISSED * intervalMs);
    if (open && this.#heardMs > 0 && nowMs - this.#heardMs > limitMs) this.#drop('');
  }

  /** Tries at once: the page is looked at again, or the network is back. */
  hurry(): void {
    if (this.#socket || this.#closed) return;
    clearTimeout(this.#retry);
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#forget();
  }

  #connect(): void {
    this.#dialledMs = performance.now();
    const socket = new WebSocket(this.#url);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#heardMs = 0;
    this.#dial = setTimeout(() => this.#drop(''), DIAL_MS);
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const opened = (): void => {
      clearTimeout(this.#dial);
      this.#handlers.open();
    };
    const closed = (event: CloseEvent): void =>
      this.#drop(event.reason, event.code === TRY_AGAIN_LATER ? LATER_MS : undefined);
    socket.addEventListener('open', opened, { signal });
    const heard = (event: MessageEvent): void => this.#hear(event.data as string | ArrayBuffer);
    socket.addEventListener('message', heard, { signal });
    socket.addEventListener('close', closed, { signal });
  }

  #hear(data: string | ArrayBuffer): void {
    this.#heardMs = performance.now();
    this.#delayMs = FIRST_DELAY_MS;
    if (data instanceof ArrayBuffer) {
      this.#handlers.data(new Uint8Array(data));
      return;
    }
    const message = JSON.parse(data) as { type?: string; mime?: string };
    if (message.type === 'init' && message.mime !== undefined) this.#handlers.init(message.mime);
  }

  #drop(reason: string, waitMs?: number): void {
    if (!this.#socket) return;
    this.#forget();
    this.#handlers.lost(reason);
    if (this.#closed) return;
    // Jitter, so that all viewers of a channel do not come back in the same millisecond.
    const delayMs = waitMs ?? this.#delayMs * (0.75 + Math.random() * 0.25);
    this.#delayMs = Math.min(MOST_DELAY_MS, this.#delayMs * 2);
    this.#retry = setTimeout(() => this.#connect(), delayMs);
  }

  #forget(): void {
    clearTimeout(this.#dial);
    const socket = this.#socket;
    this.#socket = undefined;
    // What a socket that is given up still has to say concerns nobody.
    this.#listening.abort();
    socket?.close();
  }
}
