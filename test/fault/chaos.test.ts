/** A short chaos run: faults at random, always the same ones. `npm run chaos` runs it for minutes and with other seeds. */
import { runChaos } from '../../bench/chaos/run-chaos.ts';

test('twenty seconds of faults at random break no promise', async () => {
  const { strikes, exits, packets, broken } = await runChaos({
    channels: 3,
    durationMs: 20_000,
    seed: 20,
    apartMs: 1_000,
  });
  expect(broken).toEqual([]);
  expect(strikes.filter(({ pid }) => pid !== null).length).toBeGreaterThan(3);
  expect(exits.size).toBeGreaterThan(1);
  expect(packets).toBeGreaterThan(1_000);
}, 180_000);
