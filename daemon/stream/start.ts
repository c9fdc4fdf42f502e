/**
 * Puts a stream daemon together from its configuration: channel, port, and what the supervisor is told.
 */
import type { Logger } from '../../runtime/log.ts';
import { BulkheadError } from '../../runtime/errors.ts';
import type { StreamConfig } from '../../runtime/message/config.ts';
import type { DaemonContext, Running } from '../harness/run-daemon.ts';
import { Channel } from './channel.ts';
import { HttpServer } from './http-server.ts';

/** Limits that tests shorten. */
export type StreamOptions = { readonly stuckAfterMs?: number; readonly beginLimitMs?: number };

/** Starts the daemon's work. Throws `conflict` when the port is taken. */
export async function startStream(
  config: StreamConfig,
  context: DaemonContext,
  options: StreamOptions = {},
): Promise<Running> {
  const startedMs = performance.now();
  const channel = new Channel({
    ringPath: config.ring.path,
    starvationMs: config.starvationMs,
    maxViewers: config.maxViewers,
    onWaiting: (records) => context.status.input(records),
    onRecord: () => context.status.output(),
    onViewers: (count) => context.status.viewers(count),
    onLaps: (count) => {
      context.status.laps(count);
      context.log.warn({ laps: count }, 'records were lost: this daemon was too slow');
    },
    onTrouble: (error) => tellTrouble(context, error),
    onStarved: () => starve(config, context, channel),
  });
  const server = new HttpServer({
    host: config.host,
    port: config.port,
    listenFd: context.listenFd,
    maxViewers: config.maxViewers,
    audience: channel.audience,
    health: () => ({
      channel: config.channel,
      name: config.name,
      number: config.number,
      port: config.port,
      pid: process.pid,
      generation: context.generation,
      uptimeMs: Math.round(performance.now() - startedMs),
      ...channel.view(),
      ...channel.audience.counts,
    }),
    ...options,
  });
  try {
    await server.listen();
  } catch (error) {
    channel.close();
    throw error;
  }
  const stopWatching = reportLosses(channel, context);
  context.log.info({ host: config.host, port: config.port }, 'the port is open');
  context.ready();

  return {
    drain: async () => {
      // The next generation has the port already: whoever comes back, comes to it.
      server.refuse();
      channel.audience.sendAway('recycled');
    },
    stop: async () => {
      stopWatching();
      channel.audience.sendAway('stopped');
      channel.close();
      await server.close();
    },
  };
}

function tellTrouble(context: DaemonContext, error: BulkheadError | null): void {
  context.status.error(error);
  context.send({ type: 'degraded', reason: error?.message.slice(0, 500) ?? null });
  if (error) context.log.warn({ err: error }, 'the channel cannot be shown');
  else context.log.info('the channel can be shown again');
}

function starve(config: StreamConfig, context: DaemonContext, channel: Channel): void {
  channel.audience.sendAway('starved');
  context.exit(
    'starved',
    new BulkheadError(
      'unavailable',
      `The camera of channel ${config.channel} has sent nothing for ${config.starvationMs / 1000} s; the port is closed until it does.`,
      { context: { channel: config.channel, port: config.port } },
    ),
  );
}

const REPORT_MS = 1000;
/** A flood of viewers is told once in this time. */
const FLOOD_MS = 10_000;

/** Losses are counted where they happen and reported here, at most once a second. */
function reportLosses(channel: Channel, context: DaemonContext): () => void {
  let last = channel.audience.counts;
  let toldFloodMs = Number.NEGATIVE_INFINITY;
  const timer = setInterval(() => {
    const now = channel.audience.counts;
    const lost = {
      skipped: now.skipped - last.skipped,
      evicted: now.evicted - last.evicted,
      refused: now.refused - last.refused,
    };
    last = now;
    logLosses(context.log, lost);
    if (lost.refused === 0 || performance.now() - toldFloodMs < FLOOD_MS) return;
    toldFloodMs = performance.now();
    const detail = { viewers: now.viewers, refused: lost.refused };
    context.send({ type: 'event', event: 'viewer.flood', reason: null, detail });
  }, REPORT_MS);
  return () => clearInterval(timer);
}

function logLosses(log: Logger, lost: { skipped: number; evicted: number; refused: number }): void {
  if (lost.skipped > 0) log.warn({ fragments: lost.skipped }, 'viewers were too slow');
  if (lost.evicted > 0) log.warn({ viewers: lost.evicted }, 'viewers took nothing and were sent away');
  if (lost.refused > 0) log.warn({ viewers: lost.refused }, 'viewers were refused: the channel is full');
}
