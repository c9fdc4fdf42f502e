/** The messages between the supervisor and a daemon at their edges: what is refused, what is filled in, and that what is refused is not repeated. */
import { parse, tryParse } from '../../runtime/message/parse.ts';
import { daemonMessageSchema, supervisorMessageSchema } from '../../runtime/message/schema.ts';
import { Secret } from '../../runtime/secret.ts';

const HELLO = { type: 'hello', protocol: 2, id: 'a', kind: 'stream', generation: 1, pid: 7, nonce: 'n' };
const EVENT = { type: 'event', number: 1, acknowledged: 0, event: 'camera.online', reason: null, detail: {} };
const MEDIA = { codec: 'h264', width: 640, height: 360, fps: 15, audio: null, leftOut: [] };
const CAPTURE = {
  kind: 'capture',
  channel: 'door',
  source: { type: 'rtsp', url: 'rtsp://10.0.0.1/x' },
  ring: { path: '/r' },
};

/** As it comes from a socket: JSON may name a key that no literal can. */
const received = (message: object, more = ''): unknown => JSON.parse(JSON.stringify(message).replace(/}$/, `${more}}`));
const configure = (change: object): unknown => received({ type: 'configure', config: { ...CAPTURE, ...change } });
const from = (source: object): unknown => configure({ source: { ...CAPTURE.source, ...source } });

test.each<[string, unknown]>([
  ['hello', HELLO],
  ['ready', { type: 'ready' }],
  ['event', { ...EVENT, detail: { a: 'x', b: 1.5, c: true, d: null } }],
  ['media', { type: 'media', media: MEDIA }],
  ['no media', { type: 'media', media: null }],
])('a daemon may say %s', (_name, message) => {
  expect(parse(daemonMessageSchema, message)).toEqual(message);
});

test.each<[string, unknown, string]>([
  ['of a type that nobody knows', received({ type: 'hullo' }), 'type'],
  ['without a type', received({}), 'type'],
  ['that is a list', [], 'type'],
  ['that is text', 'ready', ''],
  ['that is nothing', null, ''],
  ['with a key that nobody knows', received({ type: 'ready' }, ',"x":1'), 'x'],
  ['with a key named __proto__', received({ type: 'ready' }, ',"__proto__":{"type":"stop"}'), '__proto__'],
  ['with a key that every object has', received({ type: 'ready' }, ',"toString":1'), 'toString'],
  ['without a key that it needs', received({ ...HELLO, pid: undefined }), 'pid'],
  ['with a number as text', received({ ...HELLO, pid: '7' }), 'pid'],
  ['with a fraction', received({ ...HELLO, generation: 1.5 }), 'generation'],
  ['with a number that no double holds exactly', received({ ...HELLO, generation: 2 ** 53 }), 'generation'],
  ['with a number that is too small', received({ ...HELLO, generation: 0 }), 'generation'],
  ['with text that is too long', received({ ...HELLO, nonce: 'n'.repeat(65) }), 'nonce'],
  ['with a choice that there is not', received({ ...HELLO, kind: 'camera' }), 'kind'],
  ['with a detail that is a list', received({ ...EVENT, detail: ['x'] }), 'detail'],
  ['with a detail of objects', received({ ...EVENT, detail: { a: {} } }), 'detail.a'],
  ['with a detail that is too long', received({ ...EVENT, detail: { a: 'x'.repeat(501) } }), 'detail.a'],
  [
    'with a detail under a long name',
    received({ ...EVENT, detail: { ['k'.repeat(65)]: 1 } }),
    `detail.${'k'.repeat(65)}`,
  ],
  [
    'with too long a list',
    received({ type: 'media', media: { ...MEDIA, leftOut: Array(17).fill('') } }),
    'media.leftOut',
  ],
])('a daemon’s message %s is refused, and the place is said', (_name, message, path) => {
  expect(tryParse(daemonMessageSchema, message)).toMatchObject({ success: false, complaints: [{ path }] });
});

test('a detail named __proto__ is left out, and reaches no prototype', () => {
  const message = JSON.parse(JSON.stringify(EVENT).replace('"detail":{', '"detail":{"__proto__":1,"a":2')) as unknown;
  const parsed = parse(daemonMessageSchema, message);
  expect(Object.entries((parsed as typeof EVENT).detail)).toEqual([['a', 2]]);
  expect(Object.getPrototypeOf((parsed as typeof EVENT).detail)).toBe(Object.prototype);
});

test('numbers that JSON cannot carry are no numbers', () => {
  for (const fps of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(tryParse(daemonMessageSchema, { type: 'media', media: { ...MEDIA, fps } }).success).toBe(false);
  }
});

test('a configuration is completed with its defaults', () => {
  expect(parse(supervisorMessageSchema, configure({}))).toEqual({
    type: 'configure',
    config: {
      ...CAPTURE,
      source: { ...CAPTURE.source, transport: 'tcp' },
      ring: { path: '/r', dataBytes: 32 << 20, slots: 8192 },
      connectTimeoutMs: 10_000,
      stallTimeoutMs: 5_000,
    },
  });
});

test('a password is a secret from the moment it is parsed, and a secret stays the one it is', () => {
  const password = (message: unknown): unknown =>
    (parse(supervisorMessageSchema, message) as { config: { source: { password?: unknown } } }).config.source.password;
  const given = password(from({ password: 'hunter2' }));
  expect(given).toBeInstanceOf(Secret);
  expect((given as Secret).reveal()).toBe('hunter2');
  const secret = new Secret('hunter2');
  expect(password({ type: 'configure', config: { ...CAPTURE, source: { ...CAPTURE.source, password: secret } } })).toBe(
    secret,
  );
});

test.each<[string, unknown]>([
  ['in a field that is too long', from({ password: 'hunter2'.repeat(200) })],
  ['in a field of another kind', from({ username: ['hunter2'] })],
  ['in place of a choice', from({ transport: 'hunter2' })],
  ['in place of a kind', configure({ kind: 'hunter2' })],
  ['in place of a source', from({ type: 'hunter2' })],
  ['in place of a number', configure({ stallTimeoutMs: 'hunter2' })],
  ['in place of a channel', configure({ channel: 'hunter2!' })],
  ['under a key that nobody knows', from({ token: 'hunter2' })],
  ['in place of everything', 'hunter2'],
])('a configuration with a password %s is refused without repeating it', (_name, message) => {
  const parsed = tryParse(supervisorMessageSchema, message, { all: true });
  expect(parsed.success).toBe(false);
  expect(JSON.stringify(parsed)).not.toContain('hunter2');
  let thrown: unknown;
  try {
    parse(supervisorMessageSchema, message);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ kind: 'invalid' });
  expect(JSON.stringify(thrown, Object.getOwnPropertyNames(thrown))).not.toContain('hunter2');
});
