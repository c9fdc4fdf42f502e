/** The stress run, short enough for every test run: `npm run stress:ring` is the long one. */
import { runStress } from '../../bench/stress/run-stress.ts';

test('a hundred writers killed at random moments, fifty thousand records verified byte by byte, none torn, none lost', async () => {
  const result = await runStress({ records: 50_000, kills: 100 });
  const [fast, slow, edge] = result.readers;

  expect(result.kills).toBeGreaterThanOrEqual(100);
  expect(fast!.records).toBeGreaterThanOrEqual(50_000);
  // torn records, numbers lost, doubled or out of order, epochs that fall, breaks that are not flagged, torn tables
  expect(result.readers.flatMap((reader) => reader.faults)).toEqual([]);
  expect(result.readers.map((reader) => reader.corrupt)).toEqual([0, 0, 0]);
  // and the run was where the danger is
  expect(result.insideWrite).toBeGreaterThan(0);
  expect(slow!.laps).toBeGreaterThan(0);
  expect(slow!.records).toBeGreaterThan(0);
  expect(edge!.thrownAway).toBeGreaterThan(0);
  expect(edge!.records).toBeGreaterThan(0);
  expect(fast!.epochs).toBeGreaterThan(50);
}, 300_000);
