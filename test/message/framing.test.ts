import { array, assert, jsonValue, nat, property } from 'fast-check';
import { Secret } from '../../runtime/secret.ts';
import { encodeFrame, FrameDecoder, MAX_FRAME_BYTES } from '../../runtime/message/framing.ts';

const messages = [{ type: 'ready' }, { text: 'Türe \u{1f6aa}', list: [1, 2.5, null, true] }, {}, 'text', 0, null];
const stream = Buffer.concat(messages.map(encodeFrame));

test('a frame is four bytes of big-endian length and then UTF-8 JSON', () => {
  expect(encodeFrame({ a: 'é' })).toEqual(Buffer.from([0, 0, 0, 10, ...Buffer.from('{"a":"é"}', 'utf8')]));
});

test('a stream that is split anywhere in two gives the same messages', () => {
  for (let at = 0; at <= stream.length; at++) {
    const decoder = new FrameDecoder();
    expect([...decoder.push(stream.subarray(0, at)), ...decoder.push(stream.subarray(at))]).toEqual(messages);
  }
});

test('a stream that is split anywhere, any number of times, gives the same messages', () => {
  assert(
    property(array(jsonValue(), { maxLength: 20 }), array(nat(), { maxLength: 50 }), (values, cuts) => {
      const bytes = Buffer.concat(values.map(encodeFrame));
      const points = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
      const decoder = new FrameDecoder();
      const decoded = points.flatMap((point, index) => decoder.push(bytes.subarray(point, points[index + 1] ?? point)));
      expect(decoded).toEqual(values.map((value) => JSON.parse(JSON.stringify(value)) as unknown));
    }),
  );
});

test('messages before a broken frame are lost with the channel, and nothing after it is ever read', () => {
  const decoder = new FrameDecoder();
  const broken = Buffer.from([0, 0, 0, 1, 0x7b]);
  expect(() => decoder.push(Buffer.concat([broken, encodeFrame({ fine: true })]))).toThrow(/not UTF-8 JSON/);
  expect(() => decoder.push(encodeFrame({ fine: true }))).toThrow(/broken before/);
});

test.each([
  ['a length of zero', [0, 0, 0, 0]],
  ['text that is not JSON', [0, 0, 0, 2, 0x6e, 0x6f]],
  ['JSON that is not UTF-8', [0, 0, 0, 3, 0x22, 0xff, 0x22]],
])('%s breaks the channel', (_, bytes) => {
  expect(() => new FrameDecoder().push(Buffer.from(bytes))).toThrow(expect.objectContaining({ kind: 'corrupt' }));
});

test('a length over the limit breaks the channel at once, before a byte of it has arrived', () => {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(MAX_FRAME_BYTES + 1);
  expect(() => new FrameDecoder().push(header)).toThrow(expect.objectContaining({ kind: 'corrupt' }));
});

test('a message of exactly the limit passes, one byte more is refused by the sender', () => {
  const largest = 'x'.repeat(MAX_FRAME_BYTES - 2);
  expect(new FrameDecoder().push(encodeFrame(largest))).toEqual([largest]);
  expect(() => encodeFrame(`${largest}x`)).toThrow(expect.objectContaining({ kind: 'exhausted' }));
});

test('a secret is revealed in the frame and nowhere else', () => {
  const message = { config: { source: { password: new Secret('hunter2') } }, list: [new Secret('again')] };
  expect(JSON.stringify(message)).not.toContain('hunter2');
  expect(new FrameDecoder().push(encodeFrame(message))).toEqual([
    { config: { source: { password: 'hunter2' } }, list: ['again'] },
  ]);
});
