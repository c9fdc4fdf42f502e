/**
 * The bell: tells readers that there may be something new. A hint, never the truth: it may be late, doubled or missing, and every listener also
 * looks by itself four times a second.
 *
 * Belongs here: how often the writer rings, which way a listener hears, and falling back to another way. The ways themselves are in
 * bell-watch.ts, bell-socket.ts and bell-poll.ts. Does not belong here: reading the ring.
 */
import { type Listening, type Way, listenByPolling } from './bell-poll.ts';
import { openSocketBell, listenOnSocket } from './bell-socket.ts';
import { openFileBell, listenByWatching } from './bell-watch.ts';

export type Backend = 'inotify' | 'socket' | 'poll';

export type Bell = {
  /** Cheap enough for every record: rings at once, or once more at the end of the 2 ms after the last ring. */
  readonly ring: () => void;
  readonly close: () => void;
};

export type Listener = {
  /** The way in use now; it changes when one fails. */
  readonly backend: Backend;
  readonly close: () => void;
};

/** At most one ring in this time. */
const QUIET_MS = 2;
/** Every listener looks by itself this often. */
const SAFETY_POLL_MS = 250;

/**
 * The writer's side. Readers of every kind hear it; without readers a ring costs a microsecond. Only who holds the ring's lock opens its
 * bell, after the writer, and closes it before the writer: the socket's name must not be taken from the next one.
 */
export function openBell(ringPath: string): Bell {
  const hammers = [openFileBell(ringPath), openSocketBell(ringPath)];
  let lastMs = -QUIET_MS;
  let pending: NodeJS.Timeout | undefined;
  let open = true;
  const strike = (): void => {
    clearTimeout(pending);
    pending = undefined;
    lastMs = performance.now();
    for (const hammer of hammers) hammer.strike();
  };
  const dueInMs = (): number => QUIET_MS - (performance.now() - lastMs);
  const strikeWhenDue = (): void => {
    const waitMs = dueInMs();
    if (waitMs <= 0) strike();
    else pending = setTimeout(strikeWhenDue, Math.ceil(waitMs)).unref(); // a timer may be up to 1 ms early
  };
  return {
    ring: () => {
      // While a timer runs it is the trailing edge, so the last record of a burst is never left to the safety poll; a burst that keeps the
      // event loop from running timers rings by itself.
      if (open && (pending === undefined || dueInMs() <= 0)) strikeWhenDue();
    },
    close: () => {
      if (!open) return;
      open = false;
      if (pending !== undefined) strike();
      for (const hammer of hammers) hammer.close();
    },
  };
}

/** What to try, best first. Only Linux watches a file at no cost; elsewhere the socket comes first. */
function waysOfThisPlatform(): readonly Backend[] {
  return process.platform === 'linux' ? ['inotify', 'socket', 'poll'] : ['socket', 'poll'];
}

const WAYS: Readonly<Record<Backend, Way>> = {
  inotify: listenByWatching,
  socket: listenOnSocket,
  poll: listenByPolling,
};

/**
 * The reader's side: calls `onRing` after a ring, and at least every 250 ms, until it is closed; it keeps the event loop alive. `onRing` reads
 * until the ring is empty: several rings may come as one. `backends` narrows the choice;
 * `safetyPollMs` is for tests that must not be helped by it.
 */
export function listenBell(
  ringPath: string,
  onRing: () => void,
  options: { readonly backends?: readonly Backend[]; readonly safetyPollMs?: number } = {},
): Listener {
  const ways = [...(options.backends ?? waysOfThisPlatform())];
  let backend: Backend = 'poll';
  let listening: Listening | undefined;
  let open = true;

  const start = (): void => {
    listening = undefined;
    while (listening === undefined) {
      backend = ways.shift() ?? 'poll';
      listening = WAYS[backend](ringPath, onRing, fallBack);
    }
  };
  const fallBack = (): void => {
    if (!open) return;
    listening?.close();
    start();
  };
  start();
  const safety = setInterval(() => {
    listening?.check?.();
    onRing();
  }, options.safetyPollMs ?? SAFETY_POLL_MS);

  return {
    get backend() {
      return backend;
    },
    close: () => {
      if (!open) return;
      open = false;
      clearInterval(safety);
      listening?.close();
    },
  };
}
