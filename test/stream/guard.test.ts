import { hostOf, isOurHost, isOurOrigin } from '../../daemon/stream/guard.ts';

const NAMES = ['127.0.0.1', 'Camera-Server'];

test.each([
  '127.0.0.1:8101',
  'localhost:8101',
  'LOCALHOST',
  '[::1]:8101',
  '192.168.1.20:8101',
  'camera-server:8101',
  'app.localhost',
])('%s is us', (authority) => expect(isOurHost(authority, NAMES)).toBe(true));

test.each([
  'evil.example:8101',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  'evil',
  '',
  'a b',
  '[::1',
  'x@127.0.0.1',
  '127.0.0.1:99999999',
])('"%s" is not', (authority) => expect(isOurHost(authority, NAMES)).toBe(false));

test('a client of HTTP/1.0, without Host, is no browser', () => {
  expect(isOurHost(undefined, NAMES)).toBe(true);
});

test('the host is told from port, brackets and a final dot', () => {
  expect(hostOf('[fe80::1]:80')).toBe('fe80::1');
  expect(hostOf('Example.ORG.:8080')).toBe('example.org');
});

test('a WebSocket is opened by programs and by our own page, not by others', () => {
  expect(isOurOrigin(undefined, '127.0.0.1:8101')).toBe(true);
  expect(isOurOrigin('http://127.0.0.1:8101', '127.0.0.1:8101')).toBe(true);
  for (const origin of [
    'http://evil.example',
    'http://127.0.0.1:1880',
    'null',
    'file://',
    'http://127.0.0.1:8101@evil.example',
    '',
  ]) {
    expect(isOurOrigin(origin, '127.0.0.1:8101')).toBe(false);
  }
  expect(isOurOrigin('http://127.0.0.1:8101', undefined)).toBe(false);
});
