import { array, assert, boolean, constantFrom, integer, property, record } from 'fast-check';
import { BRAKE, mostStarting, nextUp, roomInMs, type Waiting } from '../../../runtime/supervisor/policy/brake.ts';
import { LaunchQueue } from '../../../runtime/supervisor/launch-queue.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const waiting = (change: Partial<Waiting> = {}): Waiting => ({ kind: 'stream', urgent: false, sinceMs: 0, ...change });

test('two for each core may start at once, and never fewer than two', () => {
  expect([1, 2, 8].map(mostStarting)).toEqual([2, 4, 16]);
});

test('what a recording needs goes first, then streams, then the rest; of one kind who came first', () => {
  const line = [
    waiting({ kind: 'decode' }),
    waiting({ kind: 'stream', sinceMs: 2 }),
    waiting({ kind: 'stream', sinceMs: 1 }),
    waiting({ kind: 'record', sinceMs: 3 }),
    waiting({ kind: 'capture', sinceMs: 4 }),
  ];
  const order: string[] = [];
  for (let next = nextUp(line, 5); next !== undefined; next = nextUp(line, 5)) {
    order.push(`${next.kind} ${next.sinceMs}`);
    line.splice(line.indexOf(next), 1);
  }
  expect(order).toEqual(['capture 4', 'record 3', 'stream 1', 'stream 2', 'decode 0']);
});

test('an operator does not wait behind a crash, and nobody waits for ever behind more important kinds', () => {
  const operator = waiting({ kind: 'decode', urgent: true, sinceMs: 9000 });
  const aged = waiting({ kind: 'decode', sinceMs: 9000 - BRAKE.agedMs });
  const capture = waiting({ kind: 'capture', sinceMs: 8000 });
  expect(nextUp([capture, aged, operator], 9000)).toBe(operator);
  expect(nextUp([capture, aged], 9000)).toBe(aged);
  expect(nextUp([capture, aged], 8999)).toBe(capture);
});

test('a start that takes its time makes room for others', () => {
  expect(roomInMs([0, 100], 2, 500)).toBe(BRAKE.patienceMs - 500);
  expect(roomInMs([0, 100], 2, BRAKE.patienceMs)).toBeNull();
  expect(roomInMs([0], 2, 500)).toBeNull();
});

describe('the line', () => {
  test('starts at once while there is room, and the next when one has started', () => {
    const clock = createVirtualClock();
    const queue = new LaunchQueue<string>(clock, 2);
    const started: string[] = [];
    for (const who of ['a', 'b', 'c', 'd']) queue.enter(who, waiting(), () => started.push(who));
    expect(started).toEqual(['a', 'b']);
    queue.leave('b');
    expect(started).toEqual(['a', 'b', 'c']);
    queue.leave('a');
    expect(started).toEqual(['a', 'b', 'c', 'd']);
  });

  test('does not start who has left', () => {
    const queue = new LaunchQueue<string>(createVirtualClock(), 1);
    const started: string[] = [];
    for (const who of ['a', 'b', 'c']) queue.enter(who, waiting(), () => started.push(who));
    queue.leave('b');
    queue.leave('a');
    expect(started).toEqual(['a', 'c']);
  });

  test('goes on when those that start do not get ready', () => {
    const clock = createVirtualClock();
    const queue = new LaunchQueue<string>(clock, 2);
    const started: string[] = [];
    for (const who of ['a', 'b', 'c', 'd', 'e']) queue.enter(who, waiting(), () => started.push(who));
    clock.advance(BRAKE.patienceMs - 1);
    expect(started).toEqual(['a', 'b']);
    clock.advance(1);
    expect(started).toEqual(['a', 'b', 'c', 'd']);
    clock.advance(BRAKE.patienceMs);
    expect(started).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('gives way to an operator who enters later, also for one that stands in it already', () => {
    const queue = new LaunchQueue<string>(createVirtualClock(), 1);
    const started: string[] = [];
    const enter = (who: string, urgent: boolean): void =>
      queue.enter(who, waiting({ urgent }), () => started.push(who));
    for (const who of ['a', 'b', 'c']) enter(who, false);
    enter('c', true);
    queue.leave('a');
    queue.leave('c');
    expect(started).toEqual(['a', 'c', 'b']);
  });

  test('whoever comes and goes: never too many at once, everybody is started once, and the line empties', () => {
    const daemon = record({
      kind: constantFrom('capture', 'stream', 'decode'),
      urgent: boolean(),
      enterMs: integer({ min: 0, max: 3000 }),
      takesMs: integer({ min: 0, max: 1500 }),
    });
    assert(
      property(array(daemon, { maxLength: 40 }), (daemons) => {
        const clock = createVirtualClock();
        const queue = new LaunchQueue<number>(clock, 4);
        const starting = new Set<number>();
        const started: number[] = [];
        daemons.forEach(({ kind, urgent, enterMs, takesMs }, who) => {
          clock.after(enterMs, () =>
            queue.enter(who, { kind, urgent }, () => {
              started.push(who);
              starting.add(who);
              expect(starting.size).toBeLessThanOrEqual(4);
              clock.after(takesMs, () => {
                starting.delete(who);
                queue.leave(who);
              });
            }),
          );
        });
        clock.advance(120_000);
        expect(started.toSorted((a, b) => a - b)).toEqual(daemons.map((_, who) => who));
      }),
    );
  });
});
