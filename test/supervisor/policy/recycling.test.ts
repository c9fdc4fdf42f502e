import { MEMORY } from '../../../runtime/supervisor/policy/memory-policy.ts';
import { Recycling, type Candidate } from '../../../runtime/supervisor/policy/recycling.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const candidate = (id: string, change: Partial<Candidate> = {}): Candidate => ({
  id,
  channel: id,
  ageMs: HOUR_MS,
  quiet: true,
  peersSettled: true,
  ...change,
});

test('in a quiet time it is replaced at once', () => {
  expect(new Recycling(MEMORY).next(0, [candidate('a')])).toBe('a');
});

test.each<[string, Partial<Candidate>]>([
  ['it is too young', { ageMs: 29 * MINUTE_MS }],
  ['another daemon of its channel is in trouble', { peersSettled: false }],
  ['somebody watches', { quiet: false }],
])('it waits while %s', (_, change) => {
  const recycling = new Recycling(MEMORY);
  expect(recycling.next(0, [candidate('a', change)])).toBeNull();
  expect(recycling.next(HOUR_MS, [candidate('a', change)])).toBeNull();
  expect(recycling.next(2 * HOUR_MS, [candidate('a')])).toBe('a');
});

test('it waits for a quiet time for a day and no longer, and for peers in trouble as long as it takes', () => {
  const recycling = new Recycling(MEMORY);
  const watched = candidate('a', { quiet: false });
  const troubled = candidate('b', { quiet: false, peersSettled: false });
  for (let hour = 0; hour < 24; hour++) expect(recycling.next(hour * HOUR_MS, [watched, troubled])).toBeNull();
  expect(recycling.next(24 * HOUR_MS, [watched, troubled])).toBe('a');
  expect(recycling.next(48 * HOUR_MS, [troubled])).toBeNull();
});

test('one that was well in between begins its day anew', () => {
  const recycling = new Recycling(MEMORY);
  const watched = candidate('a', { quiet: false });
  recycling.next(0, [watched]);
  recycling.next(12 * HOUR_MS, []);
  expect(recycling.next(24 * HOUR_MS, [watched])).toBeNull();
  recycling.next(36 * HOUR_MS, [watched]);
  expect(recycling.next(48 * HOUR_MS, [watched])).toBe('a');
});

test('two of a channel are ten minutes apart, two of different channels a minute', () => {
  const recycling = new Recycling(MEMORY);
  const capture = candidate('capture', { channel: 'door' });
  const stream = candidate('stream', { channel: 'door' });
  const other = candidate('other');
  expect(recycling.next(0, [capture, stream, other])).toBe('capture');
  recycling.recycled(0, 'capture', 'door');
  expect(recycling.next(59_000, [stream, other])).toBeNull();
  expect(recycling.next(60_000, [stream, other])).toBe('other');
  recycling.recycled(60_000, 'other', 'other');
  expect(recycling.next(9 * MINUTE_MS, [stream])).toBeNull();
  expect(recycling.next(10 * MINUTE_MS, [stream])).toBe('stream');
});

test('the one that has waited longest goes first', () => {
  const recycling = new Recycling(MEMORY);
  recycling.next(0, [candidate('late', { quiet: false })]);
  recycling.next(1000, [candidate('later', { quiet: false }), candidate('late', { quiet: false })]);
  expect(recycling.next(2000, [candidate('later'), candidate('late')])).toBe('late');
});

test('more than three in a day is a leak, which is told once a day', () => {
  const recycling = new Recycling(MEMORY);
  const alarms = Array.from({ length: 72 }, (_, hour) => recycling.recycled(hour * HOUR_MS, 'a', 'a'));
  expect(alarms.flatMap((alarm, hour) => (alarm ? [hour] : []))).toEqual([3, 27, 51]);
});

test('three a day are no alarm, and those of another daemon do not count', () => {
  const recycling = new Recycling(MEMORY);
  for (let day = 0; day < 10; day++) {
    for (const hour of [0, 8, 16]) expect(recycling.recycled((24 * day + hour) * HOUR_MS, 'a', 'a')).toBe(false);
    expect(recycling.recycled((24 * day + 20) * HOUR_MS, 'b', 'b')).toBe(false);
  }
});
