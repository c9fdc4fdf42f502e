/**
 * Keeps the panel's picture of the system fresh: asks once a second, and says at once when what it has is not of now any more.
 *
 * Belongs here: when to ask, and what "connected" means. Does not belong here: what is asked (api.ts), and how it is shown. Why it asks and is not told:
 * docs/decisions/0012.
 */
import { listChannels, listEvents, mayWrite, Refusal, type Channel, type Fetch, type HistoryEvent } from './api.ts';

/**
 * - `connecting`  nothing is known yet
 * - `live`        what is shown is of the last few seconds
 * - `lost`        nobody answers; what is shown is of `dataAtMs`
 * - `refused`     whoever looks must log in first
 */
export type Connection = 'connecting' | 'live' | 'lost' | 'refused';

export type Picture = {
  readonly connection: Connection;
  readonly channels: readonly Channel[];
  /** Newest first. */
  readonly events: readonly HistoryEvent[];
  readonly mayWrite: boolean;
  /** When `channels` came, milliseconds since 1970 by this machine's clock; null = never. */
  readonly dataAtMs: number | null;
};

const NOTHING: Picture = { connection: 'connecting', channels: [], events: [], mayWrite: false, dataAtMs: null };

const INTERVAL_MS = 1000;
/** Data older than this is not live, whatever the line seems to do. */
const STALE_MS = 3000;
const MOST_EVENTS = 500;
const FIRST_EVENTS = 200;

export class Feed {
  readonly #fetch: Fetch;
  readonly #show: (picture: Picture) => void;
  #picture = NOTHING;
  /** Rises with every start and stop: an answer of an earlier run is not shown. */
  #run = 0;
  #next: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(fetch: Fetch, show: (picture: Picture) => void) {
    this.#fetch = fetch;
    this.#show = show;
  }

  get picture(): Picture {
    return this.#picture;
  }

  /** Asks now, and from then on every second. Running already: asks now. */
  start(): void {
    this.#run += 1;
    clearTimeout(this.#next);
    this.#watch ??= setInterval(() => this.#look(), INTERVAL_MS / 2);
    // After a pause what is shown is old until the first answer is there.
    this.#look();
    void this.#ask(this.#run);
  }

  /** Asks no more; what is known stays. */
  stop(): void {
    this.#run += 1;
    clearTimeout(this.#next);
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  /** Forgets everything: somebody else may be looking now. */
  reset(): void {
    this.stop();
    this.#change(NOTHING);
  }

  async #ask(run: number): Promise<void> {
    try {
      const { connection, mayWrite: might, events } = this.#picture;
      // First what everybody needs: who must log in is told so once.
      const channels = await listChannels(this.#fetch);
      const [news, may] = await Promise.all([
        listEvents(this.#fetch, events[0]?.id, FIRST_EVENTS),
        connection === 'live' ? might : mayWrite(this.#fetch),
      ]);
      if (run !== this.#run) return;
      this.#change({
        connection: 'live',
        channels,
        events: [...news.toReversed(), ...this.#picture.events].slice(0, MOST_EVENTS),
        mayWrite: may,
        dataAtMs: Date.now(),
      });
    } catch (error) {
      if (run !== this.#run) return;
      const refused = error instanceof Refusal && (error.status === 401 || error.status === 403);
      if (refused) this.#change({ ...NOTHING, connection: 'refused' });
      else this.#change({ ...this.#picture, connection: 'lost' });
    }
    if (this.#picture.connection === 'refused') return;
    this.#next = setTimeout(() => void this.#ask(run), INTERVAL_MS);
  }

  #look(): void {
    const { connection, dataAtMs } = this.#picture;
    if (connection === 'live' && dataAtMs !== null && Date.now() - dataAtMs > STALE_MS) {
      this.#change({ ...this.#picture, connection: 'lost' });
    }
  }

  #change(picture: Picture): void {
    this.#picture = picture;
    this.#show(picture);
  }
}
