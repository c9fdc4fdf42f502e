import { LOOK_MS, Watchdog } from '../../../runtime/supervisor/policy/watchdog.ts';

/** Looks every period from `fromMs` to `toMs`; who hung, and when that was seen. */
function watch(
  watchdog: Watchdog,
  fromMs: number,
  toMs: number,
  beatAt: (atMs: number) => Record<string, number>,
  limitMs = 1000,
): { key: string; atMs: number; sinceMs: number }[] {
  const found = [];
  for (let atMs = fromMs; atMs <= toMs; atMs += LOOK_MS) {
    const beats = Object.entries(beatAt(atMs)).map(([key, beat]) => ({ key, beat, limitMs }));
    for (const { key, sinceMs } of watchdog.look(atMs, beats).hung) found.push({ key, atMs, sinceMs });
  }
  return found;
}

test('a beat that changes is never a hang', () => {
  expect(watch(new Watchdog(), 0, 60_000, (atMs) => ({ a: Math.floor(atMs / 250) }))).toEqual([]);
});

test('a beat that stops is a hang when its limit has passed, and is dated at the last change', () => {
  const [hang] = watch(new Watchdog(), 0, 5000, (atMs) => ({ a: Math.min(atMs, 2000), b: atMs }));
  expect(hang).toEqual({ key: 'a', atMs: 3000, sinceMs: 2000 });
});

test('each daemon has a limit of its own', () => {
  const watchdog = new Watchdog();
  const beats = [
    { key: 'quick', beat: 1, limitMs: 500 },
    { key: 'slow', beat: 1, limitMs: 5000 },
  ];
  for (let atMs = 0; atMs < 500; atMs += LOOK_MS) expect(watchdog.look(atMs, beats).hung).toEqual([]);
  expect(watchdog.look(500, beats).hung.map(({ key }) => key)).toEqual(['quick']);
});

test('a beat is judged from the moment it is first watched, not from the age it has then', () => {
  expect(watch(new Watchdog(), 1_000_000, 1_000_900, () => ({ a: 7 }))).toEqual([]);
});

test('after the supervisor itself was away nobody is blamed for the time it did not look', () => {
  const watchdog = new Watchdog();
  expect(watch(watchdog, 0, 500, () => ({ a: 1 }))).toEqual([]);
  // Suspended for an hour: the beat is as old as it was.
  const verdict = watchdog.look(3_600_500, [{ key: 'a', beat: 1, limitMs: 1000 }]);
  expect(verdict).toEqual({ hung: [], late: [], selfStalledMs: 3_600_000 - LOOK_MS, judged: false });
  // It has what was left of its second, and is blamed only when that is over.
  expect(watch(watchdog, 3_600_600, 3_600_800, () => ({ a: 1 }))).toEqual([]);
  expect(watch(watchdog, 3_600_900, 3_601_000, () => ({ a: 1 }))).not.toEqual([]);
});

test('the first pass after an absence judges nobody, not even who was nearly due', () => {
  const watchdog = new Watchdog();
  watch(watchdog, 0, 900, () => ({ a: 1 }));
  expect(watchdog.look(5900, [{ key: 'a', beat: 1, limitMs: 1000 }]).hung).toEqual([]);
  expect(watchdog.look(6000, [{ key: 'a', beat: 1, limitMs: 1000 }]).hung).toHaveLength(1);
});

test.each([250, 350, 2_000])('a supervisor whose every pass comes after %d ms still finds a hang, later', (everyMs) => {
  const watchdog = new Watchdog();
  const hung = [];
  for (let atMs = 0; atMs < 80 * everyMs; atMs += everyMs)
    hung.push(...watchdog.look(atMs, [{ key: 'a', beat: 1, limitMs: 1000 }]).hung);
  expect(hung).not.toEqual([]);
});

test('and one whose every pass is late blames nobody whose beat goes on', () => {
  const watchdog = new Watchdog();
  for (let atMs = 0; atMs < 60_000; atMs += 350) {
    const beats = [{ key: 'a', beat: Math.floor(atMs / 250), limitMs: 1000 }];
    expect(watchdog.look(atMs, beats)).toMatchObject({ hung: [], late: [] });
  }
});

test('who is gone is forgotten: the next generation begins afresh', () => {
  const watchdog = new Watchdog();
  watch(watchdog, 0, 900, () => ({ 'a 1': 5 }));
  expect(watch(watchdog, 1000, 1900, () => ({ 'a 2': 5 }))).toEqual([]);
});

test('who is late is told from half of its limit on, so that one trouble of many is seen before the first of them hangs', () => {
  const watchdog = new Watchdog();
  const beats = ['a', 'b'].map((key) => ({ key, beat: 1, limitMs: 1000 }));
  watchdog.look(0, beats);
  for (let atMs = LOOK_MS; atMs < 500; atMs += LOOK_MS) expect(watchdog.look(atMs, beats).late).toEqual([]);
  expect(watchdog.look(500, beats)).toMatchObject({ late: ['a', 'b'], hung: [] });
});
