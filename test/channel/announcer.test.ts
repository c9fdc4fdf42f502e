import { Announcer } from '../../runtime/channel/announcer.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

function setUp() {
  const clock = createVirtualClock();
  const announcer = new Announcer(clock);
  const calls: string[] = [];
  const note = (call: string) => () => void calls.push(call);
  return { clock, announcer, calls, note };
}

test('nothing is sent before flows were started: the nodes that it is for may not exist yet', () => {
  const { clock, announcer, calls, note } = setUp();
  announcer.addSource('a', note('announce'));
  announcer.addSink({ expect: note('expect'), settle: note('settle') });
  clock.advance(60_000);
  expect(calls).toEqual([]);
});

test('at every start the sinks expect, then the sources announce, and the sinks settle a little later', () => {
  const { clock, announcer, calls, note } = setUp();
  announcer.addSource('a', note('announce'));
  announcer.addSink({ expect: note('expect'), settle: note('settle') });
  announcer.started();
  expect(calls).toEqual(['expect', 'announce']);
  clock.advance(999);
  expect(calls).toHaveLength(2);
  clock.advance(1001);
  expect(calls).toEqual(['expect', 'announce', 'settle']);
  announcer.stopping();
  announcer.started();
  clock.advance(2000);
  expect(calls).toEqual(['expect', 'announce', 'settle', 'expect', 'announce', 'settle']);
});

test('a second deploy within the time for confirmations starts that time again', () => {
  const { clock, announcer, calls, note } = setUp();
  announcer.addSink({ expect: note('expect'), settle: note('settle') });
  announcer.started();
  clock.advance(1000);
  announcer.started();
  clock.advance(1000);
  expect(calls).toEqual(['expect', 'expect']);
  clock.advance(1000);
  expect(calls).toEqual(['expect', 'expect', 'settle']);
});

test('a source that comes after the start announces itself, but not from within the call', () => {
  const { clock, announcer, calls, note } = setUp();
  announcer.started();
  announcer.addSource('a', note('announce'));
  expect(calls).toEqual([]);
  clock.advance(0);
  expect(calls).toEqual(['announce']);
});

test('when a camera changes all of them announce themselves, and only it says that it changed', () => {
  const { clock, announcer, calls } = setUp();
  announcer.addSource('b', (event) => calls.push(`b ${event}`));
  announcer.addSource('a', (event) => calls.push(`a ${event}`));
  announcer.addSink({ expect: () => calls.push('expect'), settle: () => calls.push('settle') });
  announcer.changed('b');
  expect(calls).toEqual([]);
  announcer.started();
  clock.advance(5000);
  calls.length = 0;
  announcer.changed('b');
  clock.advance(5000);
  expect(calls).toEqual(['expect', 'a announce', 'b change', 'settle']);
});

test('a camera that changes while announcements run joins in and does not prolong them', () => {
  const { clock, announcer, calls } = setUp();
  announcer.addSource('a', (event) => calls.push(event));
  announcer.addSink({ expect: () => calls.push('expect'), settle: () => calls.push('settle') });
  announcer.started();
  clock.advance(1000);
  announcer.changed('a');
  expect(calls).toEqual(['expect', 'announce', 'change']);
  clock.advance(500);
  expect(calls).toEqual(['expect', 'announce', 'change', 'settle']);
});

test('sources announce in one order, whichever node was created last', () => {
  const { announcer, calls } = setUp();
  const leaveA = announcer.addSource('a', () => calls.push('a'));
  announcer.addSource('b', () => calls.push('b'));
  announcer.started();
  announcer.stopping();
  leaveA();
  announcer.addSource('a', () => calls.push('a'));
  announcer.started();
  expect(calls).toEqual(['a', 'b', 'a', 'b']);
});

test('a deploy that begins while announcements run drops nobody: their confirmations may be lost', () => {
  const { clock, announcer, calls, note } = setUp();
  announcer.addSink({ expect: note('expect'), settle: note('settle') });
  announcer.started();
  clock.advance(1000);
  announcer.stopping();
  clock.advance(60_000);
  expect(calls).toEqual(['expect']);
  announcer.started();
  clock.advance(1500);
  expect(calls).toEqual(['expect', 'expect', 'settle']);
});

test('what could not open is tried again before the sources announce', () => {
  const { announcer, calls, note } = setUp();
  announcer.addSource('a', note('announce'));
  announcer.onStarted(note('retry'));
  announcer.started();
  expect(calls).toEqual(['retry', 'announce']);
});

test('who has left is not called any more', () => {
  const { clock, announcer, calls, note } = setUp();
  const leave = [
    announcer.addSource('a', note('announce')),
    announcer.addSink({ expect: note('expect'), settle: note('settle') }),
    announcer.onStarted(note('retry')),
  ];
  announcer.started();
  calls.length = 0;
  for (const end of leave) end();
  clock.advance(5000);
  announcer.started();
  clock.advance(5000);
  expect(calls).toEqual([]);
});
