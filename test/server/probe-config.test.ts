import { probeConfig, type ProbeAccess } from '../../runtime/server/api/probe-endpoint.ts';

const access: ProbeAccess = {
  home: '/home',
  storedCredentials: (node) =>
    ({ cam: { username: 'stored-user', password: 'stored-secret' }, dev: { password: 'device-secret' } })[node],
  environment: (name) => ({ CAMERA_PASSWORD: 'from-environment', CAMERA_HOST: '10.0.0.7' })[name],
  probe: () => Promise.reject(new Error('not called')),
};

function source(body: object) {
  const { source } = probeConfig(body, access);
  const password = 'password' in source ? source.password?.reveal() : undefined;
  return { ...source, ...(password === undefined ? {} : { password }) };
}

const rtsp = { node: 'cam', source: 'rtsp', url: 'rtsp://10.0.0.1/x', transport: 'tcp' };

test('what was typed is what is tested', () => {
  expect(source({ ...rtsp, username: 'u', password: 'p', transport: 'udp' })).toEqual({
    type: 'rtsp',
    url: 'rtsp://10.0.0.1/x',
    transport: 'udp',
    username: 'u',
    password: 'p',
  });
});

test("the editor's mask stands for the stored password of that node, and of no other", () => {
  expect(source({ ...rtsp, username: 'u', password: '__PWRD__' })).toMatchObject({ password: 'stored-secret' });
  expect(source({ ...rtsp, node: 'other', username: 'u', password: '__PWRD__' })).not.toHaveProperty('password');
});

test('a device that was not deployed yet is tested as it stands in its dialog', () => {
  const device = { node: 'dev', address: '${CAMERA_HOST}', brand: 'axis', username: 'd', password: '__PWRD__' };
  expect(source({ ...rtsp, url: '', device })).toEqual({
    type: 'rtsp',
    url: 'rtsp://10.0.0.7/axis-media/media.amp',
    transport: 'tcp',
    username: 'd',
    password: 'device-secret',
  });
});

test('an environment variable stands for its value, and one that is not set is named', () => {
  expect(source({ ...rtsp, username: 'u', password: '${CAMERA_PASSWORD}' })).toMatchObject({
    password: 'from-environment',
  });
  expect(() => source({ ...rtsp, password: '${NOT_SET}' })).toThrow(/NOT_SET is not set/);
});

test.each([null, [], 'text', { source: 7 }, { source: 'rtsp', url: 'x'.repeat(5000) }])(
  'a request that no dialog sends (%j) is refused',
  (body) => {
    expect(() => probeConfig(body, access)).toThrow(expect.objectContaining({ kind: 'invalid' }));
  },
);
