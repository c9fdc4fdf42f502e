import * as fc from 'fast-check';
import { dialString, parseAddress, secretForms } from '../../daemon/capture/address.ts';
import { BulkheadError } from '../../runtime/errors.ts';
import { Secret } from '../../runtime/secret.ts';

const RTSP = ['rtsp', 'rtsps'];

function refusal(run: () => unknown): BulkheadError {
  try {
    run();
  } catch (error) {
    if (error instanceof BulkheadError) return error;
  }
  throw new Error('nothing was refused');
}

test('credentials inside the URL are taken out of it, and nothing shown holds them', () => {
  const address = parseAddress('rtsp://admin:s3cret@camera.example:8554/main', RTSP);
  expect(address).toMatchObject({ host: 'camera.example', port: 8554, path: '/main', username: 'admin' });
  expect(address.password?.reveal()).toBe('s3cret');
  expect(address.place).toBe('camera.example:8554/main');
  expect(JSON.stringify(address)).not.toContain('s3cret');
});

test('a password typed into the URL without encoding is taken as it was typed', () => {
  expect(parseAddress('rtsp://admin:p@ss%zz@camera/main', RTSP).password?.reveal()).toBe('p@ss%zz');
});

test('credentials of their own fields win over those in the URL', () => {
  const address = parseAddress('rtsp://old:older@camera/main', RTSP, {
    username: 'new',
    password: new Secret('newer'),
  });
  expect(dialString(address)).toBe('rtsp://new:newer@camera:554/main');
});

test('any user name and password arrive at the other end as they were given', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 }).map((s) => s.toWellFormed());
  fc.assert(
    fc.property(text, text, (username, password) => {
      fc.pre(username !== '' && password !== '');
      const dialled = dialString(
        parseAddress('http://camera/x', ['http'], { username, password: new Secret(password) }),
      );
      const [user, pass, ...rest] = dialled.slice('http://'.length, dialled.indexOf('@')).split(':');
      expect(rest).toEqual([]);
      expect(decodeURIComponent(user!)).toBe(username);
      expect(decodeURIComponent(pass!)).toBe(password);
      expect(dialled.slice(dialled.indexOf('@'))).toBe('@camera:80/x');
    }),
  );
});

test('credentials that RTSP would cut off are refused with a reason', () => {
  const address = parseAddress('rtsp://camera/main', RTSP, { username: 'u', password: new Secret('x'.repeat(126)) });
  expect(refusal(() => dialString(address)).message).toMatch(/too long/);
});

test('IPv6 hosts and ports of all schemes are understood', () => {
  expect(parseAddress('rtsp://[fe80::1]/x', RTSP)).toMatchObject({ host: '[fe80::1]', port: 554 });
  expect(parseAddress('rtsps://camera/x', RTSP).port).toBe(322);
  expect(parseAddress('https://camera', ['http', 'https'])).toMatchObject({ port: 443, path: '/' });
});

test.each([
  'camera/main',
  'http://camera/main',
  'rtsp://',
  'rtsp://admin:pa/ss@camera/main',
  'rtsp://camera:99999/main',
  'rtsp://cam era/main',
])('%j is refused as an address, and the refusal does not quote it', (url) => {
  const error = refusal(() => parseAddress(url, RTSP));
  expect(error.kind).toBe('invalid');
  expect(error.message).not.toContain('pa/ss');
  expect(error.message).not.toContain('ss@camera');
});

test('a password that a camera wants in its path or query is not shown', () => {
  const inPath = parseAddress('rtsp://camera/user=admin_password=tlJwpbo6_channel=1.sdp?real_stream', RTSP);
  const inQuery = parseAddress('rtsp://camera/live?user=admin&pwd=tlJwpbo6', RTSP);
  expect(inPath.place).toBe('camera/...');
  expect(inQuery.place).toBe('camera/live');
  expect(dialString(inQuery)).toBe('rtsp://camera:554/live?user=admin&pwd=tlJwpbo6');
  expect(secretForms(inQuery)).toContain('/live?user=admin&pwd=tlJwpbo6');
});

test('the forms of a secret hold the plain and the encoded one', () => {
  expect(secretForms(parseAddress('rtsp://u:p%40ss@camera/x', RTSP))).toEqual(
    expect.arrayContaining(['p@ss', 'p%40ss']),
  );
});
