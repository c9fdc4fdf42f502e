import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Announcer } from '../../runtime/channel/announcer.ts';
import { Cursors } from '../../runtime/channel/cursors.ts';
import { EventFeed } from '../../runtime/channel/event-feed.ts';
import { EventLog } from '../../runtime/event-log.ts';
import type { BulkheadEvent } from '../../runtime/supervisor/view.ts';
import { someEvent } from '../support/some-event.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

function setUp() {
  const announcer = new Announcer(createVirtualClock());
  const log = new EventLog();
  log.open([]);
  const feed = new EventFeed(log, announcer);
  let id = 1000;
  const happen = () =>
    log.append({
      id: ++id,
      time: id,
      type: 'daemon.ready',
      channel: 'front',
      daemon: { kind: 'stream', id: 'stream:1', pid: 1, generation: 1 },
      reason: null,
      detail: {},
    });
  const follow = (path: string) => {
    const seen: number[] = [];
    const end = feed.follow({ path, deliver: (event) => seen.push(event.id) });
    return { seen, end };
  };
  return { announcer, feed, happen, follow };
}

test('what happens while flows are being started is delivered when they run', () => {
  const { announcer, happen, follow } = setUp();
  happen();
  const { seen } = follow('tab/events');
  happen();
  expect(seen).toEqual([]);
  announcer.started();
  expect(seen).toEqual([1001, 1002]);
  happen();
  expect(seen).toEqual([1001, 1002, 1003]);
});

test('a node that a deploy replaces loses no event and gets none twice', () => {
  const { announcer, happen, follow } = setUp();
  const before = follow('tab/events');
  announcer.started();
  happen();
  announcer.stopping();
  happen();
  before.end(false);
  happen();
  const after = follow('tab/events');
  happen();
  announcer.started();
  expect(before.seen).toEqual([1001]);
  expect(after.seen).toEqual([1002, 1003, 1004]);
});

test('a node that is added later is not told what was before it', () => {
  const { announcer, happen, follow } = setUp();
  announcer.started();
  happen();
  announcer.stopping();
  const { seen } = follow('tab/new');
  announcer.started();
  expect(seen).toEqual([]);
  happen();
  expect(seen).toEqual([1002]);
});

test('a node that was removed leaves no place behind', () => {
  const { announcer, happen, follow } = setUp();
  announcer.started();
  follow('tab/events').end(true);
  happen();
  expect(follow('tab/events').seen).toEqual([]);
});

describe('over restarts of Node-RED', () => {
  let directory: string;
  let past: BulkheadEvent[];
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'bulkhead-'));
    past = [];
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** A process that begins with what the journal has, which is everything that any of them has told. */
  function start() {
    const announcer = new Announcer(createVirtualClock());
    const log = new EventLog();
    const feed = new EventFeed(log, announcer, new Cursors(path.join(directory, 'cursors.jsonl')));
    const follow = (node: string) => {
      const seen: number[] = [];
      const end = feed.follow({ path: node, deliver: (event) => seen.push(event.id) });
      return { seen, end };
    };
    const happen = () => {
      const event = someEvent({ id: (past.at(-1)?.id ?? 1000) + 1 });
      past.push(event);
      if (log.opened) log.append(event);
    };
    return { announcer, log, feed, follow, happen, open: () => log.open([...past]) };
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  test('a node goes on where it stopped, and has nothing that it has had, although nobody closed anything', async () => {
    const first = start();
    const before = first.follow('tab/events');
    first.open();
    first.announcer.started();
    first.happen();
    first.happen();
    await turn();
    // Written down by a supervisor that was killed before it could tell anybody.
    past.push(someEvent({ id: 1003 }));
    const second = start();
    const after = second.follow('tab/events');
    second.announcer.started();
    expect(after.seen).toEqual([]);
    second.open();
    second.happen();
    expect([before.seen, after.seen]).toEqual([
      [1001, 1002],
      [1003, 1004],
    ]);
  });

  test('a node without a past has what happens since this start, not the history', () => {
    const first = start();
    first.open();
    first.happen();
    const second = start();
    const { seen } = second.follow('tab/events');
    second.open();
    second.happen();
    second.announcer.started();
    expect(seen).toEqual([1002]);
  });

  test('a node that is in no flow any more is forgotten, and begins anew when it comes back', async () => {
    for (const node of ['tab/events', 'tab/other', 'tab/events']) {
      const process = start();
      const { seen } = process.follow(node);
      process.open();
      process.announcer.started();
      const known = past.length;
      process.happen();
      process.happen();
      await turn();
      await turn();
      expect(seen).toEqual(past.slice(known).map(({ id }) => id));
    }
  });

  test('a node that a deploy has removed is forgotten by the next process too', async () => {
    const first = start();
    const { end } = first.follow('tab/events');
    first.open();
    first.announcer.started();
    first.happen();
    end(true);
    first.happen();
    await turn();
    const second = start();
    const { seen } = second.follow('tab/events');
    second.open();
    second.announcer.started();
    expect(seen).toEqual([]);
  });

  test('events that a power cut took from the journal do not make a node deaf', async () => {
    const first = start();
    first.follow('tab/events');
    first.open();
    first.announcer.started();
    for (let count = 0; count < 3; count += 1) first.happen();
    await turn();
    past.splice(1);
    const second = start();
    const { seen } = second.follow('tab/events');
    second.open();
    second.announcer.started();
    second.happen();
    expect(seen).toEqual([1002]);
  });

  test('the file stays short, and a torn end costs one move', async () => {
    const file = path.join(directory, 'cursors.jsonl');
    const { announcer, follow, open, happen } = start();
    follow('tab/events');
    open();
    announcer.started();
    for (let count = 0; count < 5_000; count += 1) {
      happen();
      if (count % 2 === 0) await turn();
    }
    await turn();
    expect(readFileSync(file, 'utf8').split('\n').length).toBeLessThan(2_100);
    const { size } = statSync(file);
    truncateSync(file, size - 3);
    const again = start();
    const { seen } = again.follow('tab/events');
    again.open();
    again.announcer.started();
    again.happen();
    expect(seen.length).toBeLessThanOrEqual(3);
    expect(seen.at(-1)).toBe(past.at(-1)!.id);
    await turn();
    expect(new Cursors(file).get('tab/events')).toBe(past.at(-1)!.id);
  });
});

test('an event that a flow causes while it handles another one comes once, and after it', () => {
  const { announcer, feed, happen } = setUp();
  const seen: number[] = [];
  feed.follow({
    path: 'tab/events',
    deliver: (event) => {
      seen.push(event.id);
      if (event.id < 1003) happen();
    },
  });
  announcer.started();
  happen();
  happen();
  expect(seen).toEqual([1001, 1002, 1003, 1004]);
});
