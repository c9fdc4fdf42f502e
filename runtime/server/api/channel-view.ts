/**
 * A channel as the API shows it, put together from what nodes declared and what daemons report. Pure; no secrets, no paths of rings.
 */
import type { AttachedStream } from '../../bulkhead.ts';
import type { SourceView } from '../../channel/registry.ts';
import type { MediaDescription } from '../../media/track.ts';
import type { DaemonView } from '../../supervisor/view.ts';

export type ChannelState = 'live' | 'starting' | 'starved' | 'held' | 'stopped';

export type ChannelView = {
  readonly id: string;
  /** Null while no stream is wired. */
  readonly number: number | null;
  readonly name: string;
  readonly state: ChannelState;
  /** Why it is not live, in words; null when it is, or when nobody knows. */
  readonly problem: string | null;
  /** Number, port and url are those of the first stream; a camera may feed several. */
  readonly port: number | null;
  readonly url: string | null;
  readonly streams: readonly ChannelStream[];
  readonly media: MediaDescription | null;
  readonly viewers: number;
  readonly daemons: readonly ChannelDaemon[];
  /** Null while nothing is recorded. */
  readonly recording: null;
};

/** One of the ports on which a channel is served, in the order of their numbers. */
export type ChannelStream = {
  readonly number: number;
  readonly port: number;
  readonly url: string;
  /** Id of the daemon that serves it. */
  readonly daemon: string;
};

const SHOWN = [
  'id',
  'kind',
  'pid',
  'generation',
  'state',
  'stopped',
  'restarts',
  'lastExit',
  'lastError',
  'degraded',
  'uptimeMs',
  'beatAgeMs',
  'loopLagMs',
  'privateBytes',
  'cpuPercent',
  'viewers',
  'laps',
] as const satisfies readonly (keyof DaemonView)[];

/** What of a daemon the world may see. */
export type ChannelDaemon = Pick<DaemonView, (typeof SHOWN)[number]>;

export type ChannelFacts = {
  readonly sources: readonly SourceView[];
  readonly streams: readonly AttachedStream[];
  readonly daemons: readonly DaemonView[];
  /** The name under which the caller reaches this machine, for streams that listen on every address. */
  readonly callerHost: string;
};

const WORKS = new Set<DaemonView['state']>(['ready', 'degraded']);

/** True also while a camera that failed is being tried again. */
function isAway(daemon: DaemonView | undefined): boolean {
  return daemon?.camera?.state === 'offline' || (daemon?.camera?.errorKind ?? null) !== null;
}

/** `live` means: packets flow, and where a stream is wired its port answers. What an operator stopped is missing on purpose. */
export function channelState(daemons: readonly DaemonView[]): ChannelState {
  const wanted = daemons.filter((daemon) => !daemon.stopped);
  const capture = wanted.find((daemon) => daemon.kind === 'capture');
  const streams = wanted.filter((daemon) => daemon.kind === 'stream');
  const isMissing = (kind: DaemonView['kind']): boolean =>
    daemons.some((daemon) => daemon.kind === kind) && !wanted.some((daemon) => daemon.kind === kind);
  if (isMissing('capture') || isMissing('stream') || wanted.every((daemon) => daemon.state === 'stopped')) {
    return 'stopped';
  }
  if (wanted.some((daemon) => daemon.state === 'held' || daemon.state === 'failed')) return 'held';
  const isOnline = capture?.camera?.state === 'online';
  if (streams.some((stream) => stream.starved) || (!isOnline && isAway(capture))) return 'starved';
  return isOnline && WORKS.has(capture.state) && streams.every(serves) ? 'live' : 'starting';
}

/** It works, it can read its ring, and packets have come. */
function serves({ state, degraded, recordsOut }: DaemonView): boolean {
  return WORKS.has(state) && degraded === null && recordsOut !== 0;
}

/** What a person should read about a channel that is not live. */
function problemOf(daemons: readonly DaemonView[]): string | null {
  const away = daemons.find(isAway)?.camera?.message;
  if (away) return away;
  const failing = daemons.find((daemon) => !WORKS.has(daemon.state) && daemon.lastError !== null);
  return failing?.lastError?.message ?? daemons.find((daemon) => daemon.degraded !== null)?.degraded ?? null;
}

function streamUrl({ host, port }: AttachedStream, callerHost: string): string {
  const name = host === '0.0.0.0' || host === '::' ? callerHost : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}/`;
}

function streamOf(stream: AttachedStream, callerHost: string): ChannelStream {
  const { number, port, daemonId } = stream;
  return { number, port, url: streamUrl(stream, callerHost), daemon: daemonId };
}

function daemonOf(view: DaemonView): ChannelDaemon {
  return Object.fromEntries(SHOWN.map((key) => [key, view[key]])) as ChannelDaemon;
}

/** Every channel, in the order of its number; those without a stream come last. */
export function channelViews({ sources, streams, daemons, callerHost }: ChannelFacts): ChannelView[] {
  const views = sources.map((source): ChannelView => {
    const own = daemons.filter((daemon) => daemon.channel === source.channel);
    const wired = streams
      .filter((stream) => stream.channel === source.channel)
      .toSorted((a, b) => a.number - b.number)
      .map((stream) => streamOf(stream, callerHost));
    const first = wired[0];
    const state = channelState(own);
    return {
      id: source.channel,
      number: first?.number ?? null,
      name: source.name,
      state,
      problem: state === 'live' ? null : problemOf(own),
      port: first?.port ?? null,
      url: first?.url ?? null,
      streams: wired,
      media: source.media,
      viewers: own.reduce((sum, daemon) => sum + daemon.viewers, 0),
      daemons: own.map(daemonOf).toSorted((a, b) => a.kind.localeCompare(b.kind) || a.id.localeCompare(b.id)),
      recording: null,
    };
  });
  return views.toSorted((a, b) => (a.number ?? Infinity) - (b.number ?? Infinity) || a.id.localeCompare(b.id));
}
