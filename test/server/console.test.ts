import { banner, createConsole } from '../../runtime/server/console.ts';
import { createTextLogger } from '../../runtime/text-log.ts';
import { Secret } from '../../runtime/secret.ts';

function setUp() {
  const lines: string[] = [];
  const terminal = createConsole(
    (line) => lines.push(line),
    () => 0,
  );
  return { terminal, lines, texts: () => lines.map((line) => line.slice(9)) };
}

test('chatter is left out until the host runs; warnings and errors never are', () => {
  const { terminal, texts } = setUp();
  terminal.nodeRed({ level: 40, msg: 'Welcome to Node-RED' });
  terminal.nodeRed({ level: 30, msg: 'careful' });
  terminal.nodeRed({ level: 20, msg: new Error('broken') });
  terminal.talk();
  terminal.nodeRed({ level: 40, msg: 'Stopping flows' });
  terminal.nodeRed({ level: 50, msg: 'details' });
  expect(texts()).toEqual(['warn  careful', 'error broken', 'info  Stopping flows']);
});

test('a line says which node it is about', () => {
  const { terminal, texts } = setUp();
  terminal.nodeRed({ level: 20, msg: { message: 'refused' }, type: 'bulkhead-camera', name: 'Front door', id: 'x' });
  expect(texts()).toEqual(['error [bulkhead-camera: Front door] refused']);
});

test('what a camera says does not drive the terminal', () => {
  const { terminal, texts } = setUp();
  terminal.write('warn', 'a\u001b[2Jb\u001b]0;title\u0007c');
  expect(texts()).toEqual(['warn  abc']);
});

test('an entry is one line with what was bound to it, and a secret masks itself', () => {
  const lines: string[] = [];
  const log = createTextLogger((level, text) => lines.push(`${level}: ${text}`));
  log.child({ channel: 'front' }).warn({ pid: 7, password: new Secret('hunter2') }, 'slow');
  log.error({ err: new Error('disk full') }, 'cannot write');
  expect(lines).toEqual(['warn: slow (channel=front pid=7 password=[secret])', 'error: cannot write: disk full']);
});

test('the banner says where to look, and the password only when it is new', () => {
  const facts = {
    version: '1.2.3',
    home: '/home/x/.bulkhead',
    url: 'http://127.0.0.1:1880/',
    username: 'admin',
    channels: [{ name: 'Test camera', url: 'http://127.0.0.1:8101/' }],
  };
  const first = banner({ ...facts, newPassword: 'abcd-efgh' });
  for (const text of [
    '1.2.3',
    'http://127.0.0.1:1880/',
    'http://127.0.0.1:1880/bulkhead/',
    'admin',
    'abcd-efgh',
    'http://127.0.0.1:8101/',
    'Test camera',
  ]) {
    expect(first).toContain(text);
  }
  expect(banner({ ...facts, newPassword: undefined })).not.toMatch(/password/i);
});
