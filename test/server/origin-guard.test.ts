import os from 'node:os';
import { createOriginGuard } from '../../runtime/server/origin-guard.ts';

const local = createOriginGuard({ host: '127.0.0.1', allowedHosts: ['cams.example.org'] });
const network = createOriginGuard({ host: '0.0.0.0', allowedHosts: [] });

test.each(['127.0.0.1:1880', 'localhost:1880', 'LOCALHOST', '[::1]:1880', 'cams.example.org'])(
  'a browser that opens %s is let in',
  (host) => {
    expect(local({ headers: { host } })).toBeUndefined();
    expect(local({ headers: { host, origin: `http://${host.toLowerCase()}` } })).toBeUndefined();
  },
);

test.each([
  'evil.example:1880',
  '192.168.1.5:1880',
  '127.0.0.1.evil.example',
  'localhost:1880@evil.example',
  '',
  'a b',
])('the Host header "%s" is not one of ours and is refused', (host) => {
  expect(local({ headers: { host } })).toEqual(expect.any(String));
});

test('a request without a Host header is refused', () => {
  expect(local({ headers: {} })).toEqual(expect.any(String));
});

test('on the network every address is let in, and the name of this machine, but no other name', () => {
  for (const host of [
    '192.168.1.5:1880',
    '[fe80::1]:1880',
    os.hostname(),
    `${os.hostname().toLowerCase()}.local:1880`,
  ]) {
    expect(network({ headers: { host } })).toBeUndefined();
  }
  expect(network({ headers: { host: 'rebound.example:1880' } })).toMatch(/--allow-host rebound\.example/);
});

test.each(['http://evil.example', 'null', 'http://127.0.0.1:8101', 'http://localhost:1880', 'https://127.0.0.1'])(
  'a request that the page %s makes is refused',
  (origin) => {
    expect(local({ headers: { host: '127.0.0.1:1880', origin } })).toMatch(/other sites/);
  },
);

test("a proxy that writes its scheme's own port into Host is understood", () => {
  expect(local({ headers: { host: 'cams.example.org:443', origin: 'https://cams.example.org' } })).toBeUndefined();
  expect(local({ headers: { host: 'cams.example.org:443', origin: 'http://cams.example.org' } })).toMatch(
    /other sites/,
  );
});

test.each([
  ['cross-site', 'no-cors', 'script', true],
  ['cross-site', 'no-cors', 'image', true],
  ['same-site', 'cors', 'empty', true],
  ['cross-site', 'navigate', 'iframe', true],
  ['cross-site', 'navigate', 'document', false],
  ['same-origin', 'cors', 'empty', false],
  ['none', 'navigate', 'document', false],
])('fetch metadata %s, %s, %s: refused = %s', (site, mode, destination, refused) => {
  const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': destination };
  expect(local({ headers: { host: '127.0.0.1:1880', ...headers } }) !== undefined).toBe(refused);
});
