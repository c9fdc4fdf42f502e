import os from 'node:os';
import path from 'node:path';
import { readCommand } from '../../runtime/server/options.ts';

test('without options it is this machine only, the usual port and a folder in the home directory', () => {
  expect(readCommand([], {})).toEqual({
    type: 'run',
    options: {
      home: path.join(os.homedir(), '.bulkhead'),
      host: '127.0.0.1',
      port: 1880,
      allowedHosts: [],
      adminPassword: undefined,
      development: false,
      orphanGraceMs: undefined,
    },
  });
});

test('an option wins over its environment variable', () => {
  const env = {
    BULKHEAD_HOME: '/env',
    BULKHEAD_HOST: '0.0.0.0',
    BULKHEAD_PORT: '2000',
    BULKHEAD_ALLOW_HOST: 'a.example',
  };
  expect(readCommand([], env)).toMatchObject({
    options: { home: '/env', host: '0.0.0.0', port: 2000, allowedHosts: ['a.example'] },
  });
  const args = [
    '--home',
    '/arg',
    '--host',
    '::1',
    '--port=0',
    '--allow-host',
    'B.example',
    '--allow-host',
    'c.example',
  ];
  expect(readCommand(args, env)).toMatchObject({
    options: { home: '/arg', host: '::1', port: 0, allowedHosts: ['b.example', 'c.example'] },
  });
});

test.each([
  [['--port', '70000'], /port must be a number/],
  [['--port', 'http'], /port must be a number/],
  [['--host', ''], /host must be an address/],
  [['--home', ' '], /home must be a folder/],
  [['--verbose'], /--verbose/],
  [['flows.json'], /flows\.json/],
  [['stop', 'now'], /stop now/],
])('%j is refused with one sentence', (args, message) => {
  const command = readCommand(args, {});
  expect(command).toEqual({ type: 'refuse', message: expect.stringMatching(message) });
  expect(command).toHaveProperty('message', expect.not.stringContaining('\n'));
});

test('stop is a command, and takes the home as everything does', () => {
  expect(readCommand(['stop'], { BULKHEAD_HOME: '/env' })).toEqual({ type: 'stop', home: '/env' });
  expect(readCommand(['stop', '--home', '/arg'], { BULKHEAD_HOME: '/env' })).toEqual({ type: 'stop', home: '/arg' });
});

test('a variable that is set to nothing is not set', () => {
  const nothing = { BULKHEAD_HOME: '', BULKHEAD_HOST: '', BULKHEAD_PORT: '', BULKHEAD_ADMIN_PASSWORD: '' };
  expect(readCommand([], nothing)).toEqual(readCommand([], {}));
});

test('a preset password that is too short is refused', () => {
  expect(readCommand([], { BULKHEAD_ADMIN_PASSWORD: 'short' }).type).toBe('refuse');
  expect(readCommand([], { BULKHEAD_ADMIN_PASSWORD: 'long enough' })).toMatchObject({
    options: { adminPassword: 'long enough' },
  });
});

test('help names every option', () => {
  const command = readCommand(['--help'], {});
  for (const option of ['--home', '--host', '--port', '--allow-host', 'BULKHEAD_ADMIN_PASSWORD']) {
    expect(command).toHaveProperty('text', expect.stringContaining(option));
  }
});

test('development and the orphan grace are off unless asked for, and refused when they make no sense', () => {
  expect(readCommand(['--development'], { BULKHEAD_DEVELOPMENT: '0' })).toMatchObject({
    options: { development: true, orphanGraceMs: undefined },
  });
  expect(readCommand([], { BULKHEAD_DEVELOPMENT: '1', BULKHEAD_ORPHAN_GRACE_S: '30' })).toMatchObject({
    options: { development: true, orphanGraceMs: 30_000 },
  });
  expect(readCommand([], { BULKHEAD_DEVELOPMENT: 'yes' })).toMatchObject({ type: 'refuse' });
  expect(readCommand([], { BULKHEAD_ORPHAN_GRACE_S: '10m' })).toMatchObject({ type: 'refuse' });
});
