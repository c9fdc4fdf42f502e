import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { streamConfigSchema, captureConfigSchema } from '../../../runtime/message/config.ts';
import { parse } from '../../../runtime/message/parse.ts';
import { controlSocketDirectory, controlSocketPath } from '../../../runtime/supervisor/process/control-path.ts';
import { openLogFile, rotateOpenLogs } from '../../../runtime/supervisor/process/log-file.ts';
import { ensurePrivateDirectory } from '../../../runtime/supervisor/private-directory.ts';
import { daemonEnvironment, daemonEntry } from '../../../runtime/supervisor/process/spawn.ts';
import { sameConfig, specHash } from '../../../runtime/supervisor/process/spec-hash.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'bulkhead-'));
});
afterEach(() => rmSync(home, { recursive: true }));

describe('the control socket', () => {
  test('is in the run directory', () => {
    const socket = controlSocketPath('/home/me/.bulkhead/run');
    expect(socket).toBe('/home/me/.bulkhead/run/control.sock');
    expect(controlSocketDirectory('/home/me/.bulkhead/run', socket)).toBeUndefined();
  });

  test('of a deep home is elsewhere, short enough, and the same every time', () => {
    const deep = path.join('/home', 'x'.repeat(120), 'run');
    const socket = controlSocketPath(deep);
    expect(Buffer.byteLength(socket)).toBeLessThan(104);
    expect(controlSocketPath(deep)).toBe(socket);
    expect(controlSocketPath(`${deep}2`)).not.toBe(socket);
    expect(controlSocketDirectory(deep, socket)).toBe(path.dirname(socket));
  });

  test('is short enough even where the temporary folder is deep as well', () => {
    const deep = path.join('/home', 'x'.repeat(120), 'run');
    expect(Buffer.byteLength(controlSocketPath(deep, deep))).toBeLessThan(104);
  });
});

describe('a private directory', () => {
  test('is made with everything above it, for its owner alone', () => {
    const directory = path.join(home, 'a', 'b');
    ensurePrivateDirectory(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  test('that others could enter is closed to them', () => {
    chmodSync(home, 0o755);
    ensurePrivateDirectory(home);
    expect(statSync(home).mode & 0o777).toBe(0o700);
  });

  test('is no link that somebody else has put there', () => {
    mkdirSync(path.join(home, 'theirs'));
    symlinkSync(path.join(home, 'theirs'), path.join(home, 'run'));
    expect(() => ensurePrivateDirectory(path.join(home, 'run'))).toThrow(expect.objectContaining({ kind: 'conflict' }));
  });

  test('that is a file is an error that names it', () => {
    writeFileSync(path.join(home, 'run'), '');
    expect(() => ensurePrivateDirectory(path.join(home, 'run'))).toThrow(/run/);
  });
});

describe('a log file', () => {
  test('is appended to, and put aside when it has grown', () => {
    const name = path.join(home, 'stream-door.log');
    writeFileSync(name, 'x'.repeat(100));
    closeSync(openLogFile(home, 'stream', 'door').fd);
    expect(statSync(name).size).toBe(100);
    writeFileSync(name, 'x'.repeat((5 << 20) + 1));
    closeSync(openLogFile(home, 'stream', 'door').fd);
    expect(statSync(name).size).toBe(0);
    expect(statSync(`${name}.1`).size).toBe((5 << 20) + 1);
  });

  test('that has grown while a process has it open is put aside too, and the process goes on at its front', () => {
    const { fd, path: name } = openLogFile(home, 'stream', 'door');
    const short = openLogFile(home, 'capture', 'door');
    writeSync(short.fd, 'short');
    writeSync(fd, 'x'.repeat((5 << 20) + 1));
    rotateOpenLogs(home, pino({ level: 'silent' }));
    writeSync(fd, 'and on');
    closeSync(fd);
    closeSync(short.fd);
    expect(readFileSync(name, 'utf8')).toBe('and on');
    expect(statSync(`${name}.1`).size).toBe((5 << 20) + 1);
    expect(readFileSync(short.path, 'utf8')).toBe('short');
  });
});

describe('what a daemon inherits', () => {
  test('is what it needs of the environment, and no secret that somebody exported', () => {
    const environment = daemonEnvironment({
      PATH: '/bin',
      TZ: 'UTC',
      BULKHEAD_LOG_LEVEL: 'debug',
      BULKHEAD_ADMIN_PASSWORD: 'hunter2',
      NODE_RED_CREDENTIAL_SECRET: 'hunter2',
      NODE_OPTIONS: '--inspect',
      AWS_SECRET_ACCESS_KEY: 'hunter2',
    });
    expect(environment).toEqual({ PATH: '/bin', TZ: 'UTC', BULKHEAD_LOG_LEVEL: 'debug' });
  });

  test('is the program of its kind, from sources as long as we run from sources', () => {
    expect(daemonEntry('capture')).toMatch(/\/daemon\/capture\.ts$/);
  });
});

const config = (password: string) =>
  parse(captureConfigSchema, {
    kind: 'capture',
    channel: 'door',
    source: { type: 'rtsp', url: 'rtsp://camera/', username: 'me', password },
    ring: { path: '/r' },
  });

describe('a configuration', () => {
  test('is the same whatever the order of its keys', () => {
    const a = { kind: 'stream', channel: 'a', name: 'A', number: 1, port: 8101, ring: { path: '/r' } };
    const b = Object.fromEntries(Object.entries(a).toReversed());
    expect(sameConfig(parse(streamConfigSchema, a), parse(streamConfigSchema, b))).toBe(true);
  });

  test('is another one when only the password differs', () => {
    expect(sameConfig(config('one'), config('two'))).toBe(false);
    expect(specHash(config('one'), 'nonce')).not.toBe(specHash(config('two'), 'nonce'));
    expect(specHash(config('one'), 'nonce')).toBe(specHash(config('one'), 'nonce'));
  });

  test('has another hash in another state file', () => {
    expect(specHash(config('one'), 'nonce')).not.toBe(specHash(config('one'), 'other'));
  });
});
