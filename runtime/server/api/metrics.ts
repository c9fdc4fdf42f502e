/**
 * `GET /bulkhead/metrics`: how everything is, in figures that Prometheus collects.
 *
 * Belongs here: which metrics there are, with their names, labels and units; `docs/operations.md` lists them. Does not belong here: the text format
 * (exposition.ts) and the counting (event-tally.ts). Labels are ids that a person gave or sets that are written here, so there are as many series as
 * there are daemons, and those of a daemon that is gone go with it.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { EventLog } from '../../event-log.ts';
import { EventTally, RECOVERY_BUCKETS } from '../../event-tally.ts';
import { parse } from '../../message/parse.ts';
import { packageRoot } from '../../package-root.ts';
import { ACTUALS, REASONS } from '../../supervisor/service.ts';
import type { DaemonView } from '../../supervisor/view.ts';
import type { ChannelState, ChannelView } from './channel-view.ts';
import type { Family, Labels, Sample } from './exposition.ts';

export type MetricsFacts = {
  readonly daemons: readonly DaemonView[];
  readonly channels: readonly Pick<ChannelView, 'id' | 'state'>[];
  readonly tally: Pick<EventTally, 'types' | 'restarts' | 'exits' | 'recoveries'>;
  readonly version: string;
  readonly nodeVersion: string;
  /** Seconds since 1970. */
  readonly startedSeconds: number;
};

const CHANNEL_STATES: readonly ChannelState[] = ['live', 'starting', 'starved', 'held', 'stopped'];
const WORKS: ReadonlySet<DaemonView['state']> = new Set(['ready', 'degraded']);

const VERSION = parse(
  v.object({ version: v.string() }),
  JSON.parse(readFileSync(path.join(packageRoot(), 'package.json'), 'utf8')),
).version;
const NO_EVENTS = new EventTally(new EventLog());

/** What there is to tell now; `bulkhead` = the runtime, if anything has opened it. */
export function metricsFacts(
  bulkhead: { readonly daemons: () => readonly DaemonView[]; readonly eventTally: EventTally } | undefined,
  channels: MetricsFacts['channels'],
): MetricsFacts {
  return {
    daemons: bulkhead?.daemons() ?? [],
    channels,
    tally: bulkhead?.eventTally ?? NO_EVENTS,
    version: VERSION,
    nodeVersion: process.version,
    startedSeconds: Math.round(performance.timeOrigin) / 1000,
  };
}

export function metrics(facts: MetricsFacts): Family[] {
  return [...daemonMetrics(facts), ...channelMetrics(facts), ...ownMetrics(facts)];
}

function daemonMetrics({ daemons, tally }: MetricsFacts): Family[] {
  /** One sample a daemon, where it is known. */
  const each = (value: (daemon: DaemonView) => number | null): Sample[] =>
    daemons.flatMap((daemon) => {
      const known = value(daemon);
      return known === null ? [] : [{ labels: labelsOf(daemon), value: known }];
    });
  const byReason = (counts: (id: string) => ReadonlyMap<string, number>): Sample[] =>
    daemons.flatMap((daemon) =>
      REASONS.map((reason) => ({
        labels: { ...labelsOf(daemon), reason },
        value: counts(daemon.id).get(reason) ?? 0,
      })),
    );
  return [
    gauge(
      'up',
      '1 while the daemon does its work.',
      each(({ state }) => (WORKS.has(state) ? 1 : 0)),
    ),
    gauge(
      'state',
      '1 for the state that the daemon is in, 0 for the others.',
      daemons.flatMap((daemon) => oneOf(ACTUALS, daemon.state, labelsOf(daemon))),
    ),
    gauge(
      'generation',
      'Processes that the daemon has had, this one included.',
      each(({ generation }) => generation),
    ),
    gauge(
      'uptime_seconds',
      'Since its process was started.',
      each(({ uptimeMs }) => seconds(uptimeMs)),
    ),
    counter(
      'restarts',
      'Times that it was made to work again, by what had ended it.',
      byReason((id) => tally.restarts(id)),
    ),
    counter(
      'exits',
      'Processes of it that ended, by why.',
      byReason((id) => tally.exits(id)),
    ),
    gauge(
      'beat_age_seconds',
      'Since its last heartbeat; the watchdog looks at this.',
      each(({ beatAgeMs }) => seconds(beatAgeMs)),
    ),
    gauge(
      'event_loop_lag_seconds',
      'How late its main loop is.',
      each(({ loopLagMs }) => seconds(loopLagMs)),
    ),
    counter(
      'laps',
      'Times that it was too slow for its ring and jumped ahead.',
      each(({ laps }) => laps),
    ),
    gauge(
      'viewers',
      'Connections that it serves.',
      each(({ kind, viewers }) => (kind === 'stream' ? viewers : null)),
    ),
    counter(
      'records_in',
      'Records that its process has read.',
      each(({ recordsIn }) => recordsIn),
    ),
    counter(
      'records_out',
      'Records that its process has written.',
      each(({ recordsOut }) => recordsOut),
    ),
    gauge(
      'private_memory_bytes',
      'Memory that no other process has; rings are not in it.',
      each(({ privateBytes }) => privateBytes),
    ),
    counter(
      'cpu_seconds',
      'Processor time of its process.',
      each(({ cpuMs }) => seconds(cpuMs)),
    ),
  ];
}

function channelMetrics({ channels, daemons }: MetricsFacts): Family[] {
  const cameras = daemons.filter(({ kind }) => kind === 'capture');
  return [
    {
      name: 'bulkhead_channel_state',
      type: 'gauge',
      help: '1 for the state that the channel is in, 0 for the others. Live means: packets flow and the port answers.',
      samples: channels.flatMap(({ id, state }) => oneOf(CHANNEL_STATES, state, { channel: id })),
    },
    {
      name: 'bulkhead_camera_up',
      type: 'gauge',
      help: '1 while the camera of the channel sends.',
      samples: cameras.map(({ channel, camera }) => ({
        labels: { channel },
        value: camera?.state === 'online' ? 1 : 0,
      })),
    },
  ];
}

function ownMetrics({ tally, version, nodeVersion, startedSeconds }: MetricsFacts): Family[] {
  return [
    {
      name: 'bulkhead_recovery_seconds',
      type: 'histogram',
      help: 'How long nobody did the work of a daemon, from its failure to the next one that was ready.',
      samples: [...tally.recoveries].flatMap(([kind, { buckets, count, sumSeconds }]): Sample[] => {
        let below = 0;
        return [
          ...RECOVERY_BUCKETS.map((bound, index): Sample => {
            below += buckets[index] ?? 0;
            return { suffix: '_bucket', labels: { kind, le: String(bound) }, value: below };
          }),
          { suffix: '_bucket', labels: { kind, le: '+Inf' }, value: count },
          { suffix: '_sum', labels: { kind }, value: sumSeconds },
          { suffix: '_count', labels: { kind }, value: count },
        ];
      }),
    },
    {
      name: 'bulkhead_events_total',
      type: 'counter',
      help: 'Events that were told, by type.',
      samples: [...tally.types].map(([type, value]) => ({ labels: { type }, value })),
    },
    {
      name: 'bulkhead_supervisor_adopted_daemons',
      type: 'gauge',
      help: 'Daemons that an earlier supervisor had started and this one took over.',
      samples: [{ value: tally.types.get('daemon.adopted') ?? 0 }],
    },
    {
      name: 'bulkhead_supervisor_start_time_seconds',
      type: 'gauge',
      help: 'When the process of the supervisor was started, in seconds since 1970.',
      samples: [{ value: startedSeconds }],
    },
    {
      name: 'bulkhead_build_info',
      type: 'gauge',
      help: 'Always 1; its labels say what is running.',
      samples: [{ labels: { version, node: nodeVersion }, value: 1 }],
    },
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `bulkhead_daemon_${name}`, type: 'gauge', help, samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `bulkhead_daemon_${name}_total`, type: 'counter', help, samples };
}

function labelsOf({ channel, kind, id }: DaemonView): Labels {
  return { channel, kind, daemon: id };
}

function oneOf(states: readonly string[], state: string, labels: Labels): Sample[] {
  return states.map((one) => ({ labels: { ...labels, state: one }, value: one === state ? 1 : 0 }));
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}
