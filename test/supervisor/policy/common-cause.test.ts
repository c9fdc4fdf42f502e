import {
  COMMON_CAUSE,
  CommonCause,
  type Hung,
  type Incident,
} from '../../../runtime/supervisor/policy/common-cause.ts';

const LOOK_MS = 100;
const LIMIT_MS = 1000;

/** Eight daemons whose beats stop at given times (and come back, or not); who is killed when, and what is told. */
function fleet(
  stops: Readonly<Record<string, { readonly fromMs: number; readonly toMs?: number }>>,
  size = 8,
  toMs = 20_000,
): { kills: [string, number][]; incidents: Incident[] } {
  const cause = new CommonCause();
  const kills: [string, number][] = [];
  const incidents: Incident[] = [];
  const killed = new Set<string>();
  for (let atMs = 0; atMs <= toMs; atMs += LOOK_MS) {
    const silent = Object.entries(stops)
      .filter(([key, { fromMs, toMs: end = Infinity }]) => !killed.has(key) && atMs >= fromMs && atMs < end)
      .map(([key, { fromMs }]): Hung => ({ key, sinceMs: fromMs, limitMs: LIMIT_MS }));
    const verdict = cause.look(atMs, {
      beating: size - killed.size,
      late: silent.filter(({ sinceMs }) => atMs - sinceMs >= LIMIT_MS / 2).map(({ key }) => key),
      hung: silent.filter(({ sinceMs }) => atMs - sinceMs >= LIMIT_MS),
      wanted: size,
    });
    incidents.push(...verdict.incidents);
    for (const { key } of verdict.kill) {
      killed.add(key);
      kills.push([key, atMs]);
    }
  }
  return { kills, incidents };
}

const all = (fromMs: (index: number) => number, toMs?: number) =>
  Object.fromEntries(
    Array.from({ length: 8 }, (_, i) => [`d${i}`, { fromMs: fromMs(i), ...(toMs === undefined ? {} : { toMs }) }]),
  );

test('one that hangs is killed at its limit, whatever the others do', () => {
  expect(fleet({ d0: { fromMs: 2000 } })).toEqual({ kills: [['d0', 3000]], incidents: [] });
});

test('two of three are a coincidence', () => {
  const { kills, incidents } = fleet({ d0: { fromMs: 2000 }, d1: { fromMs: 2000 } }, 3);
  expect(kills).toHaveLength(2);
  expect(incidents).toEqual([]);
});

test('a machine that has no time for its daemons for three seconds loses none of them, and it is told once', () => {
  const { kills, incidents } = fleet(all((i) => 5000 + (i % 3) * LOOK_MS, 8800));
  expect(kills).toEqual([]);
  expect(incidents).toHaveLength(1);
  expect(incidents[0]).toMatchObject({ cause: 'hang' });
});

test('those that do not come back are killed one after another, and it is still one incident', () => {
  const { kills, incidents } = fleet(all((i) => 5000 + (i % 3) * LOOK_MS));
  expect(kills).toHaveLength(8);
  expect(kills[0]![1]).toBeGreaterThanOrEqual(5000 + LIMIT_MS + COMMON_CAUSE.graceMs);
  kills.slice(1).forEach(([, atMs], i) => {
    expect(atMs - kills[i]![1]).toBeGreaterThanOrEqual(COMMON_CAUSE.staggerMs);
  });
  expect(incidents).toHaveLength(1);
});

test('those that hang one after another over a minute have no common cause', () => {
  const { kills, incidents } = fleet(
    all((i) => 1000 + i * 7000),
    8,
    70_000,
  );
  expect(kills.map(([, atMs]) => atMs)).toEqual([2000, 9000, 16_000, 23_000, 30_000, 37_000, 44_000, 51_000]);
  expect(incidents).toEqual([]);
});

describe('deaths', () => {
  /** Deaths at given times; what is told, and when. */
  function deaths(times: Readonly<Record<string, number>>, wanted = 8): { atMs: number; ids: readonly string[] }[] {
    const cause = new CommonCause();
    const told: { atMs: number; ids: readonly string[] }[] = [];
    for (let atMs = 0; atMs <= 60_000; atMs += LOOK_MS) {
      for (const [id, diedMs] of Object.entries(times)) if (diedMs === atMs) cause.died(atMs, id);
      const { incidents } = cause.look(atMs, { beating: 8, late: [], hung: [], wanted });
      told.push(...incidents.map(({ ids }) => ({ atMs, ids })));
    }
    return told;
  }

  test('of most daemons within seconds are one incident that names them all', () => {
    const times = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`d${i}`, 3000 + i * LOOK_MS]));
    expect(deaths(times)).toEqual([{ atMs: 3700 + COMMON_CAUSE.settleMs, ids: Object.keys(times) }]);
  });

  test('of half of them, or of two, are none', () => {
    expect(deaths({ a: 1000, b: 1000, c: 1000, d: 1000 })).toEqual([]);
    expect(deaths({ a: 1000, b: 1000 }, 2)).toEqual([]);
  });

  test('that are far apart are none', () => {
    expect(deaths({ a: 1000, b: 7000, c: 13_000, d: 19_000, e: 25_000 })).toEqual([]);
  });

  test('one daemon that dies again and again is one daemon', () => {
    const cause = new CommonCause();
    for (let atMs = 0; atMs < 5000; atMs += LOOK_MS) {
      if (atMs < 3000) cause.died(atMs, 'a');
      expect(cause.look(atMs, { beating: 3, late: [], hung: [], wanted: 3 }).incidents).toEqual([]);
    }
  });
});
