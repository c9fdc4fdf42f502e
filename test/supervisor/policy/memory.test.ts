import { assert, integer, property } from 'fast-check';
import { MEMORY } from '../../../runtime/supervisor/policy/memory-policy.ts';
import {
  hardLimitBytes,
  MemoryWatch,
  softLimitBytes,
  type MemoryBounds,
  type MemoryVerdict,
} from '../../../runtime/supervisor/policy/memory.ts';

const MIB = 1 << 20;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const BOUNDS: MemoryBounds = { floorBytes: 256 * MIB, machineBytes: 16 * 1024 * MIB, adopted: false };

/** Reads every second from ready on; the first verdict that is not `well`, and when. */
function live(
  forMs: number,
  mibAt: (atMs: number) => number,
  bounds = BOUNDS,
  watch = new MemoryWatch(MEMORY, 0),
): { verdict: MemoryVerdict; atMs: number; mib: number } | null {
  for (let atMs = 0; atMs <= forMs; atMs += MEMORY.readMs) {
    const verdict = watch.look(atMs, mibAt(atMs) * MIB, bounds);
    if (verdict !== 'well') return { verdict, atMs, mib: mibAt(atMs) };
  }
  return null;
}

test('a daemon that needs what it always needs is well for ever, however its collector saws', () => {
  const saw = (atMs: number): number => 20 + (atMs % (7 * MINUTE_MS)) / ((7 * MINUTE_MS) / 60);
  expect(live(24 * HOUR_MS, saw)).toBeNull();
});

test('whatever it needs from the beginning is right: a large daemon is not replaced for being large', () => {
  assert(
    property(integer({ min: 5, max: 12_000 }), (mib) => {
      expect(live(MINUTE_MS, () => mib)).toBeNull();
    }),
  );
});

test('what an adopted daemon has may be what it has leaked: it is held to what its kind needs', () => {
  expect(live(MINUTE_MS, () => 300)).toBeNull();
  expect(live(MINUTE_MS, () => 300, { ...BOUNDS, adopted: true })).toEqual({ verdict: 'hard', atMs: 1000, mib: 300 });
  expect(live(24 * HOUR_MS, () => 60, { ...BOUNDS, adopted: true })).toBeNull();
});

test('a leak of any speed is found before it has twice the hard limit, and as soon as it has one and a half times that nobody waits', () => {
  assert(
    property(integer({ min: 1, max: 200 }), integer({ min: 10, max: 60 }), (mibPerSecond, startMib) => {
      const found = live(2 * HOUR_MS, (atMs) => startMib + (mibPerSecond * atMs) / 1000)!;
      expect(['hard', 'kill']).toContain(found.verdict);
      expect(found.mib).toBeLessThan(1.5 * 256 + 2 * mibPerSecond);
    }),
  );
});

test('the hard limit has to be passed twice running: one reading may be the moment before a collection', () => {
  expect(live(HOUR_MS, (atMs) => (atMs % 2000 === 0 ? 20 : 300))).toBeNull();
  expect(live(HOUR_MS, (atMs) => (atMs < 10_000 ? 20 : 300))).toEqual({ verdict: 'hard', atMs: 11_000, mib: 300 });
});

test('at one and a half times the hard limit once is enough', () => {
  expect(live(HOUR_MS, (atMs) => (atMs < 10_000 ? 20 : 385))).toEqual({ verdict: 'kill', atMs: 10_000, mib: 385 });
});

test('a step above the soft limit is told after five minutes without a break', () => {
  const step = (atMs: number): number => (atMs < 20 * MINUTE_MS ? 20 : 130);
  expect(live(HOUR_MS, step)).toEqual({ verdict: 'soft', atMs: 25 * MINUTE_MS, mib: 130 });
  const broken = (atMs: number): number => (atMs % (4 * MINUTE_MS) === 0 ? 20 : step(atMs));
  expect(live(HOUR_MS, broken)).toBeNull();
});

test('a daemon whose readers come and go within its margin is left alone', () => {
  expect(live(6 * HOUR_MS, (atMs) => 20 + 90 * Math.abs(Math.sin(atMs / HOUR_MS)) * ((atMs / 1000) % 2))).toBeNull();
});

test('a slow leak is told by its slope, long before it reaches any limit', () => {
  const found = live(12 * HOUR_MS, (atMs) => 40 + (40 * atMs) / HOUR_MS + ((atMs / 1000) % 10))!;
  expect(found.verdict).toBe('slope');
  expect(found.mib).toBeLessThan(110);
});

test('a slope that would take days to matter, or that has not changed much yet, is no reason', () => {
  expect(live(2 * HOUR_MS, (atMs) => 40 + (12 * atMs) / HOUR_MS)).toBeNull();
  expect(live(70 * MINUTE_MS, (atMs) => 200 + (20 * atMs) / HOUR_MS)).toBeNull();
});

test('a leak that has ended is no slope any more', () => {
  expect(live(12 * HOUR_MS, (atMs) => (atMs < 10 * MINUTE_MS ? 40 + atMs / MINUTE_MS : 50))).toBeNull();
});

test('the baseline is the median of minutes 5 to 15, and until then the least there has been', () => {
  const watch = new MemoryWatch(MEMORY, 0);
  live(14 * MINUTE_MS, (atMs) => (atMs < 4 * MINUTE_MS ? 15 + (atMs % 5) : 40), BOUNDS, watch);
  expect(watch.baselineBytes).toBe(15 * MIB);
  watch.look(15 * MINUTE_MS, 90 * MIB, BOUNDS);
  expect(watch.baselineBytes).toBe(40 * MIB);
});

describe('the hard limit', () => {
  const hard = (baselineMib: number, bounds: Partial<MemoryBounds> = {}): number =>
    hardLimitBytes(baselineMib * MIB, { ...BOUNDS, ...bounds }, MEMORY) / MIB;

  test('is three times the baseline, and not less than the floor of the kind', () => {
    expect(hard(20)).toBe(256);
    expect(hard(200)).toBe(600);
  });
  test('is not more than a quarter of the machine, unless the daemon has needed that from the beginning', () => {
    expect(hard(20, { machineBytes: 512 * MIB })).toBe(128);
    expect(hard(120, { machineBytes: 512 * MIB })).toBe(180);
  });
  test('is what somebody has set, where somebody has', () => {
    expect(hard(200, { limitBytes: 64 * MIB })).toBe(64);
  });
  test('is never below the soft one', () => {
    assert(
      property(integer({ min: 1, max: 20_000 }), integer({ min: 64, max: 64_000 }), (baseline, machine) => {
        const limit = hardLimitBytes(baseline * MIB, { ...BOUNDS, machineBytes: machine * MIB }, MEMORY);
        expect(softLimitBytes(baseline * MIB, limit, MEMORY)).toBeLessThanOrEqual(limit);
        expect(limit).toBeGreaterThanOrEqual(1.5 * baseline * MIB);
      }),
    );
  });
});
