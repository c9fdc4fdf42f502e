import { outputRate } from '../../daemon/capture/sound/aac-rate.ts';
import { SampleClock } from '../../daemon/capture/sound/audio-lane.ts';
import { SampleQueue } from '../../daemon/capture/sound/sample-queue.ts';

/** Pushes samples that count up from `from`, as a decoder would. */
function push(queue: SampleQueue, from: number, count: number): void {
  const [plane] = queue.room(count);
  for (let i = 0; i < count; i++) plane![i] = from + i;
  queue.push(count);
}

function blocks(queue: SampleQueue): { pts: number; first: number; last: number }[] {
  const all: { pts: number; first: number; last: number }[] = [];
  for (let block = queue.shift(); block; block = queue.shift()) {
    const [plane] = block.planes;
    all.push({ pts: block.pts, first: plane![0]!, last: plane!.at(-1)! });
  }
  return all;
}

describe('frames of sound that are carried as they are', () => {
  test('stand end to end although their timestamps are rounded on the way', () => {
    const clock = new SampleClock(48_000);
    expect([2047, 3072, 4095, 5119].map((pts) => clock.place(pts, 1024))).toEqual([2047, 3071, 4095, 5119]);
  });

  test('keep a hole that is really there', () => {
    const clock = new SampleClock(48_000);
    expect([0, 1024, 48_000].map((pts) => clock.place(pts, 1024))).toEqual([0, 1024, 48_000]);
  });

  test('are dropped when they repeat what is there, and followed when the camera has set its clock back', () => {
    const clock = new SampleClock(48_000);
    clock.place(480_000, 1024);
    expect(clock.place(480_512, 1024)).toBeUndefined();
    expect(clock.place(100, 1024)).toBe(100);
  });

  test('have no place before one of them has a timestamp', () => {
    const clock = new SampleClock(48_000);
    expect(clock.place(undefined, 1024)).toBeUndefined();
    expect(clock.place(5000, 1024)).toBe(5000);
    expect(clock.place(undefined, 1024)).toBe(6024);
  });
});

describe('samples on their way to the encoder', () => {
  const RATE = 16_000;

  test('come out in blocks, each with the time of its first sample', () => {
    const queue = new SampleQueue(1, RATE, 1024);
    queue.expect(5000);
    for (let i = 0; i < 10; i++) push(queue, i * 320, 320);
    expect(blocks(queue)).toEqual([
      { pts: 5000, first: 0, last: 1023 },
      { pts: 6024, first: 1024, last: 2047 },
      { pts: 7048, first: 2048, last: 3071 },
    ]);
  });

  test('are counted, so that a source whose timestamps jitter does not tear the sound', () => {
    const queue = new SampleQueue(1, RATE, 1024);
    for (let i = 0; i < 8; i++) {
      queue.expect(i * 512 + (i % 2) * 200);
      push(queue, i * 512, 512);
    }
    expect(blocks(queue).map(({ pts }) => pts)).toEqual([0, 1024, 2048, 3072]);
  });

  test('a hole in the timestamps becomes silence of its very length', () => {
    const queue = new SampleQueue(1, RATE, 1024);
    queue.expect(0);
    push(queue, 1, 1024);
    queue.expect(4096);
    push(queue, 9001, 1024);
    expect(blocks(queue)).toEqual([
      { pts: 0, first: 1, last: 1024 },
      { pts: 1024, first: 0, last: 0 },
      { pts: 2048, first: 0, last: 0 },
      { pts: 3072, first: 0, last: 0 },
      { pts: 4096, first: 9001, last: 10_024 },
    ]);
  });

  test('what repeats samples that are there already is dropped', () => {
    const queue = new SampleQueue(1, RATE, 1024);
    queue.expect(0);
    push(queue, 0, 2048);
    queue.expect(0);
    push(queue, 0, 1024);
    queue.expect(1024);
    push(queue, 1024, 2048);
    expect(blocks(queue)).toEqual([
      { pts: 0, first: 0, last: 1023 },
      { pts: 1024, first: 1024, last: 2047 },
      { pts: 2048, first: 2048, last: 3071 },
    ]);
  });

  test('a leap of the timestamps begins anew', () => {
    const queue = new SampleQueue(1, RATE, 1024);
    queue.expect(0);
    push(queue, 0, 500);
    queue.expect(1_000_000);
    push(queue, 7, 1024);
    expect(blocks(queue)).toEqual([{ pts: 1_000_000, first: 7, last: 1030 }]);
  });
});

test('telephone rates are doubled so that an access unit is short; odd rates become one that players play', () => {
  expect([8000, 11_025, 12_000, 16_000, 22_050, 44_100, 48_000, 96_000].map(outputRate)).toEqual([
    16_000, 22_050, 24_000, 16_000, 22_050, 44_100, 48_000, 48_000,
  ]);
});
