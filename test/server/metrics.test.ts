/** What Prometheus reads: the format to the letter, and figures that are what they say. */
import { EventLog } from '../../runtime/event-log.ts';
import { EventTally } from '../../runtime/event-tally.ts';
import { exposition } from '../../runtime/server/api/exposition.ts';
import { metrics, type MetricsFacts } from '../../runtime/server/api/metrics.ts';
import { ACTUALS } from '../../runtime/supervisor/service.ts';
import { daemonView } from '../support/daemon-view.ts';
import { someEvent } from '../support/some-event.ts';

function facts(given: Partial<MetricsFacts> = {}): MetricsFacts {
  const log = new EventLog();
  log.open([]);
  return {
    daemons: [],
    channels: [],
    tally: new EventTally(log),
    version: '1.2.3',
    nodeVersion: 'v24.0.0',
    startedSeconds: 1_700_000_000.5,
    ...given,
  };
}

const text = (given?: Partial<MetricsFacts>): string => exposition(metrics(facts(given)));
/** The value of one series, written as in the text. */
const value = (given: Partial<MetricsFacts>, series: string): string | undefined =>
  text(given)
    .split('\n')
    .find((line) => line.startsWith(`${series} `))
    ?.slice(series.length + 1);

const stream = daemonView('stream', { id: 'stream:1' });
const labels = 'channel="front",kind="stream",daemon="stream:1"';

test('the text is what the format asks for: one HELP and one TYPE a name, before its samples, names and labels as allowed', () => {
  const log = new EventLog();
  log.open([]);
  const tally = new EventTally(log);
  log.append(someEvent({ id: 1, type: 'daemon.respawned', reason: 'crash', detail: { recoveryMs: 70 } }));
  const all = text({ daemons: [stream], channels: [{ id: 'front', state: 'live' }], tally });
  expect(all.endsWith('\n')).toBe(true);
  const seen = new Set<string>();
  let name = '';
  for (const line of all.trimEnd().split('\n')) {
    const help = /^# HELP ([a-z_]+) [^\n]+$/.exec(line);
    const type = /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/.exec(line);
    if (help !== null) {
      name = help[1]!;
      expect(seen.has(name)).toBe(false);
      seen.add(name);
    } else if (type === null) {
      const label = '[a-z_]+="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
      const sample = new RegExp(`^${name}(?:_bucket|_sum|_count)?(?:\\{${label}(?:,${label})*\\})? \\S+$`);
      expect(line).toMatch(sample);
      expect(Number.isFinite(Number(line.slice(line.lastIndexOf(' ') + 1)))).toBe(true);
    } else {
      expect(type[1]).toBe(name);
      expect(name.endsWith('_total')).toBe(type[2] === 'counter');
    }
  }
});

test('whatever a label holds cannot break out of its line', () => {
  const daemon = daemonView('stream', { channel: 'a"b\\c\nd' });
  expect(text({ daemons: [daemon] })).toContain('channel="a\\"b\\\\c\\nd"');
  expect(exposition([{ name: 'x', type: 'gauge', help: 'a\\b\nc', samples: [{ value: 1 }] }])).toBe(
    '# HELP x a\\\\b\\nc\n# TYPE x gauge\nx 1\n',
  );
});

test('a daemon has its figures in base units, and none for what is not known', () => {
  const daemons = [
    { ...stream, beatAgeMs: 120, loopLagMs: 1.5, privateBytes: 1024, cpuMs: 2500, viewers: 3, recordsIn: null },
  ];
  expect(value({ daemons }, `bulkhead_daemon_beat_age_seconds{${labels}}`)).toBe('0.12');
  expect(value({ daemons }, `bulkhead_daemon_event_loop_lag_seconds{${labels}}`)).toBe('0.0015');
  expect(value({ daemons }, `bulkhead_daemon_private_memory_bytes{${labels}}`)).toBe('1024');
  expect(value({ daemons }, `bulkhead_daemon_cpu_seconds_total{${labels}}`)).toBe('2.5');
  expect(value({ daemons }, `bulkhead_daemon_viewers{${labels}}`)).toBe('3');
  expect(text({ daemons })).not.toContain('bulkhead_daemon_records_in_total');
});

test('a daemon is in one of the states', () => {
  const daemons = [{ ...stream, state: 'held' as const }];
  const states = [...text({ daemons }).matchAll(/^bulkhead_daemon_state\{.*state="(\w+)"\} (\d)$/gm)];
  expect(states.map((match) => match[1])).toEqual(ACTUALS);
  expect(states.filter((match) => match[2] === '1').map((match) => match[1])).toEqual(['held']);
  expect(value({ daemons }, `bulkhead_daemon_up{${labels}}`)).toBe('0');
});

test('restarts are counted by reason, from this process on, and begin at nought', () => {
  const log = new EventLog();
  const tally = new EventTally(log);
  log.open([someEvent({ id: 1, type: 'daemon.respawned', reason: 'hang' })]);
  const series = (reason: string): string => `bulkhead_daemon_restarts_total{${labels},reason="${reason}"}`;
  const given = { daemons: [stream], tally };
  expect(value(given, series('hang'))).toBe('0');
  log.append(someEvent({ id: 2, type: 'daemon.respawned', reason: 'hang' }));
  log.append(someEvent({ id: 3, type: 'daemon.recycled', reason: 'operator' }));
  log.append(someEvent({ id: 4, type: 'daemon.exited', reason: 'crash' }));
  expect(value(given, series('hang'))).toBe('1');
  expect(value(given, series('operator'))).toBe('1');
  expect(value(given, `bulkhead_daemon_exits_total{${labels},reason="crash"}`)).toBe('1');
  expect(value(given, 'bulkhead_events_total{type="daemon.respawned"}')).toBe('1');
});

test('recovery times are a histogram whose buckets add up', () => {
  const log = new EventLog();
  log.open([]);
  const tally = new EventTally(log);
  for (const [index, recoveryMs] of [40, 70, 70, 400, 90_000].entries()) {
    log.append(someEvent({ id: index + 1, type: 'daemon.respawned', reason: 'crash', detail: { recoveryMs } }));
  }
  const bucket = (le: string): string | undefined =>
    value({ tally }, `bulkhead_recovery_seconds_bucket{kind="stream",le="${le}"}`);
  expect(['0.05', '0.1', '0.25', '0.5', '60', '+Inf'].map(bucket)).toEqual(['1', '3', '3', '4', '4', '5']);
  expect(value({ tally }, 'bulkhead_recovery_seconds_count{kind="stream"}')).toBe('5');
  expect(Number(value({ tally }, 'bulkhead_recovery_seconds_sum{kind="stream"}'))).toBeCloseTo(90.58);
});

test('types that daemons make up do not make series without end', () => {
  const log = new EventLog();
  log.open([]);
  const tally = new EventTally(log);
  for (let id = 1; id <= 500; id += 1) log.append(someEvent({ id, type: `made.up.${id}` }));
  expect(text({ tally }).match(/^bulkhead_events_total/gm)).toHaveLength(101);
  expect(value({ tally }, 'bulkhead_events_total{type="other"}')).toBe('400');
});
