/**
 * The API as the panel uses it: what it answers, and one way to ask.
 *
 * The types repeat what runtime/server/api/ answers, because pages import nothing of the runtime; test/ui/panel checks that they agree. Does not belong here: who
 * is logged in (session.ts), and when to ask (feed.ts).
 */
export type ChannelState = 'live' | 'starting' | 'starved' | 'held' | 'stopped';
export type DaemonState =
  | 'stopped'
  | 'spawning'
  | 'initialising'
  | 'ready'
  | 'degraded'
  | 'draining'
  | 'stopping'
  | 'killing'
  | 'backoff'
  | 'held'
  | 'failed';

export type Daemon = {
  readonly id: string;
  readonly kind: string;
  readonly pid: number | null;
  readonly generation: number;
  readonly state: DaemonState;
  /** An operator stopped it. */
  readonly stopped: boolean;
  readonly restarts: number;
  readonly lastExit: {
    readonly reason: string;
    readonly code: number | null;
    readonly signal: string | null;
    readonly time: number;
  } | null;
  readonly lastError: { readonly message: string } | null;
  readonly degraded: string | null;
  readonly uptimeMs: number | null;
  readonly loopLagMs: number | null;
  readonly privateBytes: number | null;
  readonly cpuPercent: number | null;
  readonly viewers: number;
  readonly laps: number | null;
};

export type Stream = {
  readonly number: number;
  readonly port: number;
  readonly url: string;
  readonly daemon: string;
};

export type Channel = {
  readonly id: string;
  readonly number: number | null;
  readonly name: string;
  readonly state: ChannelState;
  readonly problem: string | null;
  readonly streams: readonly Stream[];
  readonly media: {
    readonly codec: string | null;
    readonly width: number | null;
    readonly height: number | null;
    readonly fps: number | null;
    readonly audio: { readonly codec: string } | null;
  } | null;
  readonly viewers: number;
  readonly daemons: readonly Daemon[];
};

export type HistoryEvent = {
  readonly id: number;
  readonly time: number;
  readonly type: string;
  readonly channel: string;
  readonly daemon: { readonly kind: string; readonly generation: number };
  readonly reason: string | null;
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
};

export type Command = 'restart' | 'stop' | 'start';
export type CommandAnswer = { readonly daemons: readonly { readonly id: string; readonly generation: number }[] };

/** Fetches a path below `/bulkhead/`, with whatever login there is. */
export type Fetch = (path: string, init?: RequestInit) => Promise<Response>;

/** Longer than the slowest line takes; without a limit a lost connection would look like a slow one. */
const LIMIT_MS = 5000;

/** The API said no: `message` is its sentence. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function refusalOf(answer: Response): Promise<Refusal> {
  const body = (await answer.json().catch(() => null)) as { error?: { message?: string } } | null;
  return new Refusal(answer.status, body?.error?.message ?? `${answer.status} ${answer.statusText}`.trim());
}

/** Throws `Refusal`, or what `fetch` throws when nobody answers in time. */
async function ask(fetch: Fetch, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('Accept', 'application/json');
  const answer = await fetch(path, {
    ...init,
    headers,
    cache: 'no-store',
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  if (!answer.ok) throw await refusalOf(answer);
  return answer;
}

export async function listChannels(fetch: Fetch): Promise<Channel[]> {
  return (await (await ask(fetch, 'api/channels')).json()) as Channel[];
}

/** The newest events, or those after the event `since`; oldest first. */
export async function listEvents(fetch: Fetch, since: number | undefined, limit: number): Promise<HistoryEvent[]> {
  const query = new URLSearchParams({ limit: String(limit), ...(since !== undefined && { since: String(since) }) });
  return (await (await ask(fetch, `api/events?${query}`)).json()) as HistoryEvent[];
}

/** Whether this login may restart and stop. */
export async function mayWrite(fetch: Fetch): Promise<boolean> {
  try {
    await ask(fetch, 'api/may-write');
    return true;
  } catch (error) {
    if (error instanceof Refusal && (error.status === 401 || error.status === 403)) return false;
    throw error;
  }
}

export async function giveCommand(
  fetch: Fetch,
  channel: string,
  command: Command,
  body: Readonly<Record<string, string>>,
): Promise<CommandAnswer> {
  const answer = await ask(fetch, `api/channels/${encodeURIComponent(channel)}/${command}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as CommandAnswer;
}
