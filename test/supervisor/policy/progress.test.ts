import { array, assert, boolean, property, tuple } from 'fast-check';
import { Progress, PROGRESS, type Work } from '../../../runtime/supervisor/policy/progress.ts';

const LOOK_MS = 100;

/** Looks from 0 to `toMs`; when each verdict was first given. */
function watch(
  toMs: number,
  countersAt: (atMs: number) => { input: number; output: number },
  selfStalledAt: (atMs: number) => number = () => 0,
): { stalledMs: number | null; hopelessMs: number | null; wellAgainMs: number | null } {
  const progress = new Progress();
  const found: ReturnType<typeof watch> = { stalledMs: null, hopelessMs: null, wellAgainMs: null };
  for (let atMs = 0; atMs <= toMs; atMs += LOOK_MS) {
    const work: Work = { key: 'a', ...countersAt(atMs) };
    const { stalled, hopeless } = progress.look(atMs, [work], selfStalledAt(atMs));
    if (stalled.has('a')) found.stalledMs ??= atMs;
    else if (found.stalledMs !== null) found.wellAgainMs ??= atMs;
    if (hopeless.length > 0) found.hopelessMs ??= atMs;
  }
  return found;
}

const frames = (atMs: number): number => Math.floor(atMs / 40);
const NEVER = { stalledMs: null, hopelessMs: null, wellAgainMs: null };

test('input that is answered is progress, also when the answer takes a while', () => {
  expect(watch(120_000, (atMs) => ({ input: frames(atMs), output: Math.floor(atMs / 5000) }))).toEqual(NEVER);
});

test('input without output for ten seconds is a stall, and for twenty more it is hopeless', () => {
  const stuck = watch(60_000, (atMs) => ({ input: frames(atMs), output: frames(Math.min(atMs, 20_000)) }));
  expect(stuck.stalledMs).toBeGreaterThanOrEqual(20_000 + PROGRESS.stalledMs);
  expect(stuck.stalledMs).toBeLessThanOrEqual(20_000 + PROGRESS.stalledMs + 2 * LOOK_MS);
  expect(stuck.hopelessMs).toBe(stuck.stalledMs! + PROGRESS.hopelessMs);
});

test('a camera that sends nothing is no stall, nor is one that stopped in the middle of something', () => {
  expect(watch(120_000, () => ({ input: 7, output: 5 }))).toEqual(NEVER);
  expect(watch(120_000, (atMs) => ({ input: frames(Math.min(atMs, 9000)), output: 5 }))).toEqual(NEVER);
});

test('a daemon that has stalled and works again is well again', () => {
  const late = watch(60_000, (atMs) => ({ input: frames(atMs), output: atMs > 25_000 ? frames(atMs) : 0 }));
  expect(late).toMatchObject({ hopelessMs: null });
  expect(late.wellAgainMs).toBeGreaterThan(25_000);
});

test('a camera that sends a packet in half a minute has time to be answered', () => {
  const slow = (atMs: number) => ({ input: Math.floor(atMs / 30_000), output: Math.floor((atMs - 300) / 30_000) });
  expect(watch(300_000, slow)).toEqual(NEVER);
});

test('time in which the supervisor was away is nobody’s fault', () => {
  const away = (atMs: number) => (atMs === 5000 ? 60_000 : 0);
  const counters = (atMs: number) => ({ input: frames(atMs), output: atMs > 9000 ? frames(atMs) : 0 });
  expect(watch(20_000, counters, away)).toEqual(NEVER);
});

test('another generation begins afresh', () => {
  const progress = new Progress();
  for (let atMs = 0; atMs < 9000; atMs += LOOK_MS) progress.look(atMs, [{ key: 'a 1', input: atMs, output: 0 }]);
  for (let atMs = 9000; atMs < 18_000; atMs += LOOK_MS) {
    expect(progress.look(atMs, [{ key: 'a 2', input: atMs, output: 0 }]).stalled.size).toBe(0);
  }
});

test('whatever the counters do: nobody is stalled whose output rose within the last ten seconds', () => {
  assert(
    property(array(tuple(boolean(), boolean()), { minLength: 150, maxLength: 400 }), (steps) => {
      const progress = new Progress();
      const work = { key: 'a', input: 0, output: 0 };
      let answeredMs = 0;
      steps.forEach(([input, output], index) => {
        const atMs = index * 1000;
        work.input += Number(input);
        // Rarely: a stall must be possible.
        const answers = output && index % 17 === 0;
        work.output += Number(answers);
        if (answers || index === 0) answeredMs = atMs;
        const { stalled } = progress.look(atMs, [{ ...work }]);
        if (stalled.has('a')) expect(atMs - answeredMs).toBeGreaterThanOrEqual(PROGRESS.stalledMs);
      });
    }),
  );
});
