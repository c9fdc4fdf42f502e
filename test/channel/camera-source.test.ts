import { cameraSource, type Credentials, type Device } from '../../runtime/channel/camera-source.ts';

type Settings = Parameters<typeof cameraSource>[0];

const device: Device = {
  settings: { address: '192.168.1.20:5554', brand: 'hikvision' },
  credentials: { username: 'device-user', password: 'device-secret' },
};

function source(settings: Partial<Settings>, credentials: Credentials = {}, on?: Device) {
  const result = cameraSource({ source: 'rtsp', url: '', transport: 'tcp', ...settings }, credentials, on, '/home');
  const { source } = result;
  const password = 'password' in source ? source.password?.reveal() : undefined;
  return { ...result, plain: { ...source, ...(password === undefined ? {} : { password }) } };
}

test('a login in the URL moves to where logins belong', () => {
  const { plain, passwordInUrl } = source({ url: 'rtsp://admin:p%40ss%3A1@10.0.0.1:554/main?x=1' });
  expect(plain).toEqual({
    type: 'rtsp',
    url: 'rtsp://10.0.0.1:554/main?x=1',
    transport: 'tcp',
    username: 'admin',
    password: 'p@ss:1',
  });
  expect(passwordInUrl).toBe(true);
});

test('a password with a percent sign that nobody escaped is taken as it is', () => {
  expect(source({ url: 'rtsp://admin:100%@10.0.0.1/' }).plain).toMatchObject({ password: '100%' });
});

test('the login of the camera wins over those in its URL and of its device, and is not mixed with them', () => {
  const { plain } = source({ url: 'rtsp://url-user:url-secret@10.0.0.1/' }, { username: 'own' }, device);
  expect(plain).toMatchObject({ username: 'own' });
  expect(plain).not.toHaveProperty('password');
});

test('a device gives address and login; the camera gives the path', () => {
  expect(source({ url: 'Streaming/Channels/102', transport: 'udp' }, {}, device).plain).toEqual({
    type: 'rtsp',
    url: 'rtsp://192.168.1.20:5554/Streaming/Channels/102',
    transport: 'udp',
    username: 'device-user',
    password: 'device-secret',
  });
});

test('a device of a known brand needs no path', () => {
  expect(source({}, {}, device).plain).toMatchObject({ url: 'rtsp://192.168.1.20:5554/Streaming/Channels/101' });
});

test('a full URL wins over the address of the device', () => {
  expect(source({ url: 'rtsp://10.0.0.9/x' }, {}, device).plain).toMatchObject({ url: 'rtsp://10.0.0.9/x' });
});

test('an IPv6 address keeps its brackets', () => {
  expect(source({ url: 'rtsp://[fe80::1]:554/x' }).plain).toMatchObject({ url: 'rtsp://[fe80::1]:554/x' });
});

test('a relative file starts from the home folder', () => {
  expect(source({ source: 'file', url: 'clips/yard.mp4' }).plain).toEqual({
    type: 'file',
    path: '/home/clips/yard.mp4',
  });
  expect(source({ source: 'file', url: '/srv/yard.mp4' }).plain).toEqual({ type: 'file', path: '/srv/yard.mp4' });
});

test('the test camera needs nothing', () => {
  expect(source({ source: 'test', url: 'left over from another source' }).plain).toEqual({ type: 'test' });
});

test.each(['usb', 'onvif'] as const)('a %s source is not available yet, and says so', (kind) => {
  expect(() => source({ source: kind })).toThrow(/not available yet/);
});

test.each<[string, Partial<Settings>, RegExp]>([
  ['nothing', {}, /enter its URL, or choose a device/],
  ['a path without a device', { url: '/stream1' }, /has no address/],
  ['a web address for RTSP', { url: 'http://10.0.0.1/' }, /begins with http:/],
  ['no file', { source: 'file' }, /path of a video file/],
  ['half an address', { url: 'rtsp://:554/' }, /not valid/],
])('%s is refused with a sentence that says what to do', (_what, settings, message) => {
  expect(() => source(settings)).toThrow(message);
});

test.each([
  ['without a scheme', 'admin:hunter2@10.0.0.1/main', undefined],
  ['without a scheme, with a device', 'admin:hunter2@10.0.0.1/main', device],
  ['with the wrong scheme', 'https://admin:hunter2@10.0.0.1/main', undefined],
  ['with a broken host', 'rtsp://admin:hunter2@10.0.0.1:port/main', undefined],
])('a URL %s is refused without repeating its password', (_what, url, on) => {
  expect(() => source({ url }, {}, on)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  try {
    source({ url }, {}, on);
  } catch (error) {
    expect(String(error)).not.toContain('hunter2');
  }
});
