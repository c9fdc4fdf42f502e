/** The stream table as it stands in a ring: what is written can be read, and nothing else can. */
import * as fc from 'fast-check';
import { decodeStreamTable, encodeStreamTable, type StreamTable } from '../../runtime/media/track.ts';

const shared = {
  id: fc.integer({ min: 1, max: 255 }),
  codecString: fc.string({ maxLength: 64 }),
  timescale: fc.integer({ min: 1, max: 1_000_000_000 }),
  config: fc.uint8Array({ maxLength: 200 }),
};
const video = fc.record({
  ...shared,
  kind: fc.constant('video' as const),
  codec: fc.constantFrom('h264' as const, 'h265' as const),
  width: fc.integer({ min: 1, max: 16_384 }),
  height: fc.integer({ min: 1, max: 16_384 }),
  // JSON has no negative zero.
  fps: fc.double({ min: 0, max: 1000, noNaN: true }).map(Math.abs),
});
const audio = fc.record(
  {
    ...shared,
    kind: fc.constant('audio' as const),
    codec: fc.constant('aac' as const),
    sampleRate: fc.integer({ min: 1, max: 768_000 }),
    channels: fc.integer({ min: 1, max: 64 }),
    transcodedFrom: fc.string({ maxLength: 64 }),
  },
  { requiredKeys: ['id', 'codecString', 'timescale', 'config', 'kind', 'codec', 'sampleRate', 'channels'] },
);
// Text of ours is well-formed: half a surrogate pair does not survive UTF-8.
const sentence = fc.string({ unit: 'binary', maxLength: 100 });
const tables: fc.Arbitrary<StreamTable> = fc.record(
  { tracks: fc.array(fc.oneof(video, audio), { maxLength: 8 }), leftOut: fc.array(sentence, { maxLength: 16 }) },
  { noNullPrototype: true },
);

const TABLE: StreamTable = {
  tracks: [
    {
      kind: 'video',
      id: 1,
      codec: 'h264',
      codecString: 'avc1.4d401f',
      width: 640,
      height: 360,
      fps: 15,
      timescale: 90_000,
      config: Uint8Array.of(1, 2, 3, 4),
    },
  ],
  leftOut: [],
};

const corrupt = expect.objectContaining({ kind: 'corrupt' }) as Error;
const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
/** The table as it stands in the ring, with its first track changed. */
const withTrack = (change: object): Uint8Array => {
  const { tracks, leftOut } = JSON.parse(Buffer.from(encodeStreamTable(TABLE)).toString()) as {
    tracks: object[];
    leftOut: string[];
  };
  return bytes({ tracks: [{ ...tracks[0], ...change }], leftOut });
};

test('whatever table is written is the table that is read', () => {
  fc.assert(
    fc.property(tables, (table) => {
      expect(decodeStreamTable(encodeStreamTable(table))).toEqual(table);
    }),
    { numRuns: 500 },
  );
});

test('bytes that are no table are corrupt, whatever they are', () => {
  expect(decodeStreamTable(withTrack({}))).toEqual(TABLE);
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (junk) => {
        expect(() => decodeStreamTable(junk)).toThrow(corrupt);
      },
    ),
    { numRuns: 1000 },
  );
});

test('a table with one byte cut off its end is corrupt', () => {
  const whole = encodeStreamTable(TABLE);
  for (let length = 0; length < whole.length; length += 1) {
    expect(() => decodeStreamTable(whole.subarray(0, length))).toThrow(corrupt);
  }
});

test.each<[string, object]>([
  ['a key that nobody knows', { colour: 'red' }],
  ['a kind that nobody knows', { kind: 'subtitles' }],
  ['a width of nothing', { width: 0 }],
  ['a width that is no whole number', { width: 640.5 }],
  ['a width as text', { width: '640' }],
  ['a codec string that is too long', { codecString: 'x'.repeat(65) }],
  ['parameters that are no text', { config: [1, 2, 3] }],
  ['parameters in base64url', { config: 'a-_a' }],
  ['parameters with a blank', { config: ' AQID' }],
  ['parameters with a line break', { config: 'AQID\n' }],
  ['parameters without padding', { config: 'AQI' }],
  ['parameters with bits after their end', { config: 'AR==' }],
  ['parameters in letters that only look like base64', { config: 'A\u212aI\u017f' }],
])('%s is corrupt', (_name, change) => {
  expect(() => decodeStreamTable(withTrack(change))).toThrow(corrupt);
});

test('a key named __proto__ is corrupt, and reaches no prototype', () => {
  const text = Buffer.from(encodeStreamTable(TABLE)).toString();
  const polluted = text.replace('"kind"', '"__proto__":{"seen":true},"kind"');
  expect(() => decodeStreamTable(Buffer.from(polluted))).toThrow(corrupt);
  expect('seen' in {}).toBe(false);
});

test('a table that no reader would take is not written', () => {
  const [track] = TABLE.tracks;
  expect(() => encodeStreamTable({ ...TABLE, tracks: [{ ...track!, id: 256 }] })).toThrow(
    expect.objectContaining({ kind: 'invalid' }),
  );
  expect(() => encodeStreamTable({ ...TABLE, leftOut: Array.from({ length: 17 }, () => '') })).toThrow(
    expect.objectContaining({ kind: 'invalid' }),
  );
});
