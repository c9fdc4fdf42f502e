/** What a person may enter on a node, and what is said when it will not do. */
import { cameraSettings, deviceSettings, eventsSettings, readSettings, streamSettings } from '../runtime/config.ts';

const stream = (config: Record<string, unknown>) => readSettings(streamSettings, config);

test.each<[unknown, number]>([
  [8, 8],
  ['8', 8],
  [' 8 ', 8],
  ['8.0', 8],
  ['1e1', 10],
  // Left empty: the default.
  ['', 50],
  [null, 50],
  [undefined, 50],
])('a number may be entered as %j, and is %d', (maxViewers, read) => {
  expect(stream({ maxViewers }).maxViewers).toBe(read);
});

test.each<[unknown, string]>([
  ['   ', 'must be a number'],
  ['eight', 'must be a number'],
  ['8 viewers', 'must be a number'],
  ['NaN', 'must be a number'],
  [Number.NaN, 'must be a number'],
  ['Infinity', 'must be a whole number'],
  ['8.5', 'must be a whole number'],
  [8.5, 'must be a whole number'],
  [0, 'must be at least 1'],
  ['1001', 'must be at most 1000'],
  [true, 'must be a number'],
  [false, 'must be a number'],
  [[8], 'must be a number'],
  [{}, 'must be a number'],
  [new Date(8), 'must be a number'],
  [8n, 'must be a number'],
])('a number cannot be entered as %p', (maxViewers, rule) => {
  expect(() => stream({ maxViewers })).toThrow(
    expect.objectContaining({ kind: 'invalid', message: expect.stringContaining(`"maxViewers" ${rule}`) as string }),
  );
});

test('every field that is wrong is named, with its rule and without its value', () => {
  const config = { channel: 'Front Door', source: 'hunter2', url: 'x'.repeat(2049), transport: 'tcp' };
  expect(() => readSettings(cameraSettings, config)).toThrow(
    'Open this node and correct its settings: "channel" must be lower-case letters, digits and dashes, at most 63; ' +
      '"source" must be "rtsp" or "http" or "file" or "test" or "usb" or "onvif"; "url" must be at most 2048 long.',
  );
});

test('a field that must be entered and was not is missing', () => {
  expect(() => readSettings(cameraSettings, { channel: '' })).toThrow('"channel" is missing.');
  expect(() => readSettings(deviceSettings, {})).toThrow('"address" is missing.');
  expect(() => readSettings(deviceSettings, { address: '  ' })).toThrow('"address" is missing');
});

test('what belongs to Node-RED itself is passed over', () => {
  const { name, address } = readSettings(deviceSettings, {
    id: 'n1',
    z: 'f1',
    wires: [],
    name: 'Gate',
    address: ' a ',
  });
  expect([name, address]).toEqual(['Gate', 'a']);
});

test('the lists of one node are not those of the next', () => {
  const [a, b] = [readSettings(eventsSettings, {}), readSettings(eventsSettings, {})];
  a.types.push('daemon.exited');
  expect(b.types).toEqual([]);
  expect(readSettings(eventsSettings, {}).types).toEqual([]);
});
