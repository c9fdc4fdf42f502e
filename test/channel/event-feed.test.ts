import { Announcer } from '../../runtime/channel/announcer.ts';
import { EventFeed } from '../../runtime/channel/event-feed.ts';
import { EventLog } from '../../runtime/event-log.ts';
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
  return { announcer, happen, follow };
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
