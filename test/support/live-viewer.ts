/**
 * A viewer of a channel's /live.ws, as a player is one: it takes what comes, and dials again when it loses its connection, if it is told to.
 *
 * Belongs here: which pictures it got (by their number in the ring, which every fragment carries), what happened to its connections. Does not belong
 * here: when a picture was captured (ring-watch.ts knows), and decoding.
 */
import { WebSocket } from 'ws';
import { monotonicUs } from '../../runtime/clock.ts';
import { readFragment, readTracks } from '../../ui/player/mp4-times.ts';

/** moof (8), mfhd (8), version and flags (4), sequence_number: daemon/stream writes the ring's sequence there. */
const SEQUENCE_AT = 20;
/** Two frames of a camera with 25 of them a second. */
const USUAL_PAUSE_US = 80_000;

export type ViewerOptions = {
  /** So long after a connection was lost it dials again; null = never. */
  readonly redialMs?: number | null;
  /** Called for each picture with its number in the ring, when it arrives. */
  readonly onPicture?: (seq: number) => void;
};

export class LiveViewer {
  /** When dials were refused, because nobody listened, in wall-clock milliseconds. */
  readonly refusedAtMs: number[] = [];
  /** When connections that were open were lost, in wall-clock milliseconds. */
  readonly lostAtMs: number[] = [];
  /** Connections that were opened. */
  opened = 0;
  /** Numbers of the pictures that arrived, each once. */
  readonly pictures = new Set<number>();
  newestSeq = 0;
  /** Fragments that arrived, of sound too. */
  fragments = 0;
  /** Times between two arrivals of a picture that was new to it, where they were longer than usual; oldest first, in monotonic microseconds. */
  readonly pauses: { readonly fromUs: number; readonly toUs: number }[] = [];
  #newestUs = monotonicUs();
  onPicture: (seq: number) => void;
  readonly #url: string;
  readonly #redialMs: number | null;
  #socket: WebSocket | undefined;
  #closed = false;

  constructor(url: string, { redialMs = null, onPicture = () => {} }: ViewerOptions = {}) {
    this.#url = url;
    this.#redialMs = redialMs;
    this.onPicture = onPicture;
    this.#dial();
  }

  /** Dials that were refused. */
  get refused(): number {
    return this.refusedAtMs.length;
  }

  /** Connections that were open and were lost. */
  get lost(): number {
    return this.lostAtMs.length;
  }

  /** The longest time without a new picture after this moment, in milliseconds; 0 = none that was longer than usual. */
  longestPauseMs(sinceUs: number): number {
    return Math.max(
      0,
      ...this.pauses.filter(({ toUs }) => toUs > sinceUs).map(({ fromUs, toUs }) => (toUs - fromUs) / 1000),
    );
  }

  close(): void {
    this.#closed = true;
    this.#socket?.terminate();
  }

  #dial(): void {
    const socket = new WebSocket(this.#url, { perMessageDeflate: false });
    this.#socket = socket;
    let tracks: ReturnType<typeof readTracks> | undefined;
    let isOpen = false;
    socket.on('open', () => {
      isOpen = true;
      this.opened += 1;
    });
    socket.on('message', (bytes: Buffer, isBinary) => {
      if (!isBinary) tracks = undefined;
      else if (tracks === undefined) tracks = readTracks(bytes);
      else this.#take(bytes, tracks);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') this.refusedAtMs.push(Date.now());
    });
    socket.on('close', () => {
      if (this.#closed) return;
      if (isOpen) this.lostAtMs.push(Date.now());
      if (this.#redialMs !== null) setTimeout(() => this.#dial(), this.#redialMs);
    });
  }

  #take(bytes: Buffer, tracks: ReturnType<typeof readTracks>): void {
    const time = readFragment(bytes, tracks);
    if (time !== undefined) this.fragments += 1;
    if (time === undefined || tracks.get(time.track)?.kind !== 'video') return;
    const seq = bytes.readUInt32BE(SEQUENCE_AT);
    this.pictures.add(seq);
    if (seq > this.newestSeq) {
      const nowUs = monotonicUs();
      if (nowUs - this.#newestUs > USUAL_PAUSE_US) this.pauses.push({ fromUs: this.#newestUs, toUs: nowUs });
      this.#newestUs = nowUs;
      this.newestSeq = seq;
    }
    this.onPicture(seq);
  }
}
