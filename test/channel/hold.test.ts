import { Holds } from '../../runtime/channel/hold.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

function setUp() {
  const clock = createVirtualClock();
  const expired: string[] = [];
  const holds = new Holds(clock, 5000);
  return { clock, expired, holds, hold: (key: string) => holds.hold(key, () => expired.push(key)) };
}

test('what nobody takes over expires after the holding time', () => {
  const { clock, expired, hold } = setUp();
  hold('a');
  clock.advance(4999);
  expect(expired).toEqual([]);
  clock.advance(1);
  expect(expired).toEqual(['a']);
});

test('what is taken over never expires', () => {
  const { clock, expired, holds, hold } = setUp();
  hold('a');
  expect(holds.take('a')).toBe(true);
  clock.advance(60_000);
  expect(expired).toEqual([]);
  expect(holds.take('a')).toBe(false);
});

test('the time stands still while a deploy is under way, however long another node takes to close', () => {
  const { clock, expired, holds, hold } = setUp();
  holds.pause();
  hold('a');
  clock.advance(15_000);
  expect(expired).toEqual([]);
  holds.resume();
  clock.advance(4999);
  expect(expired).toEqual([]);
  clock.advance(1);
  expect(expired).toEqual(['a']);
});

test('a deploy gives what was waiting before it the full time again', () => {
  const { clock, expired, holds, hold } = setUp();
  hold('a');
  clock.advance(4000);
  holds.pause();
  clock.advance(4000);
  holds.resume();
  clock.advance(4999);
  expect(expired).toEqual([]);
  clock.advance(1);
  expect(expired).toEqual(['a']);
});

test('closing forgets everything without ending anything', () => {
  const { clock, expired, holds, hold } = setUp();
  hold('a');
  hold('b');
  holds.close();
  clock.advance(60_000);
  expect(expired).toEqual([]);
});
