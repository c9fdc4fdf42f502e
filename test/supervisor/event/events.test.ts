import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Clock } from '../../../runtime/clock.ts';
import { EventLog } from '../../../runtime/event-log.ts';
import type { DaemonEvent } from '../../../runtime/message/schema.ts';
import { Events } from '../../../runtime/supervisor/event/events.ts';
import type { BulkheadEvent } from '../../../runtime/supervisor/view.ts';
import { someEvent } from '../../support/some-event.ts';
import { SILENT } from '../../support/supervised.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

let directory: string;
const opened: Events[] = [];

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'bulkhead-'));
});
afterEach(() => {
  for (const events of opened.splice(0)) events.close();
  rmSync(directory, { recursive: true, force: true });
});

function open(wallMs = 1_700_000_000_000): { events: Events; history: EventLog } {
  const clock: Clock = { ...createVirtualClock(), wallMs: () => wallMs };
  const history = new EventLog();
  const events = new Events({ clock, log: SILENT, directory, history });
  opened.push(events);
  return { events, history };
}

const { id: _, time: __, ...event } = someEvent();
const ids = (events: readonly BulkheadEvent[]): number[] => events.map(({ id }) => id);

test('ids rise over restarts, also when the wall clock was set back or is not set yet', () => {
  for (const wallMs of [1_700_000_000_000, 1_700_000_000_000, 1_600_000_000_000, 0, 1_700_000_000_001, 9e14]) {
    const { events, history } = open(wallMs);
    for (let count = 0; count < 3; count += 1) events.tell(event);
    events.close();
    const all = ids(history.all());
    expect(all).toEqual([...new Set(all)].toSorted((a, b) => a - b));
    expect(all.every(Number.isSafeInteger)).toBe(true);
  }
  expect(open().history.all()).toHaveLength(18);
});

test('an id never looks like a time, whatever the clock says', () => {
  const { events, history } = open(0);
  events.tell(event);
  expect(history.lastId).toBeGreaterThan(1e14);
});

test('an event is written down before anybody hears of it', () => {
  const { events } = open();
  let known: readonly BulkheadEvent[] = [];
  events.on((heard) => {
    known = open().history.all();
    expect(known.at(-1)).toEqual(heard);
  });
  events.tell(event);
  expect(known).toHaveLength(1);
});

test('a supervisor that was killed in the middle of a write leaves the events before it', () => {
  const { events, history } = open();
  events.tell(event);
  events.tell(event);
  // Nothing is closed: as after kill -9.
  expect(open().history.all()).toEqual(history.all());
});

test('what was remembered outlives the events that it came from', () => {
  const { events } = open();
  events.tell({ ...event, type: 'camera.online' });
  events.tell({ ...event, type: 'daemon.viewers' }, 41);
  for (let count = 0; count < 12_000; count += 1) events.tell({ ...event, daemon: { ...event.daemon, id: 'other' } });
  events.close();
  const { events: next, history } = open();
  expect(history.all().length).toBeGreaterThanOrEqual(5_000);
  expect(history.all().some(({ type }) => type === 'camera.online')).toBe(false);
  expect(next.past.knows('camera.online', 'stream:1')).toBe(true);
  expect(next.past.number(event.daemon)).toBe(41);
});

test('a daemon that nobody wants any more has no past, also not for the next supervisor', () => {
  const { events } = open();
  events.tell({ ...event, type: 'camera.online' });
  events.forget('stream:1');
  events.close();
  expect(open().events.past.knows('camera.online', 'stream:1')).toBe(false);
});

const from = { channel: event.channel, daemon: event.daemon };
const heard = (number: number, acknowledged = 0): DaemonEvent => ({
  type: 'event',
  event: 'viewer.flood',
  reason: null,
  detail: { number },
  number,
  acknowledged,
});
const told = (history: EventLog): unknown[] =>
  history
    .all()
    .map(({ type, detail }) => (type === 'events.lost' ? `${String(detail['count'])} lost` : detail['number']));

test('an event that a daemon tells again is told once, also by the next supervisor', () => {
  const { events, history } = open();
  expect(events.hear(from, heard(1))).toBe(1);
  expect(events.hear(from, heard(2))).toBe(2);
  expect(events.hear(from, heard(1))).toBe(2);
  expect(told(history)).toEqual([1, 2]);
  const { events: next, history: later } = open();
  expect(next.hear(from, heard(2))).toBe(2);
  expect(next.hear(from, heard(3))).toBe(3);
  expect(told(later)).toEqual([1, 2, 3]);
});

test('events of another process of the same daemon have numbers of their own', () => {
  const { events, history } = open();
  events.hear(from, heard(1));
  events.hear({ ...from, daemon: { ...from.daemon, generation: 2, pid: 2 } }, heard(1));
  events.hear({ ...from, daemon: { ...from.daemon, pid: 3 } }, heard(1));
  expect(told(history)).toEqual([1, 1, 1]);
});

test('a hole in the numbers of a daemon is told, with how many are lost', () => {
  const { events, history } = open();
  events.hear(from, heard(1));
  events.hear(from, heard(46));
  expect(told(history)).toEqual([1, '44 lost', 46]);
});

test('a supervisor that has lost its journal does not take what was acknowledged for lost', () => {
  const { events, history } = open();
  expect(events.hear(from, heard(58, 57))).toBe(58);
  expect(events.hear(from, heard(57, 57))).toBe(58);
  expect(told(history)).toEqual([58]);
});

test('what is not written down is not acknowledged', () => {
  const place = path.join(directory, 'events');
  writeFileSync(place, '');
  const history = new EventLog();
  const events = new Events({ clock: createVirtualClock(), log: SILENT, directory: place, history });
  opened.push(events);
  expect(events.hear(from, heard(1))).toBeNull();
  expect(told(history)).toEqual([1]);
  rmSync(place);
  expect(events.hear(from, heard(2))).toBe(2);
});
