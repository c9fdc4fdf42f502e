import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { encodeFrame, FrameDecoder } from '../../../runtime/message/framing.ts';
import { PROTOCOL_VERSION, type DaemonMessage } from '../../../runtime/message/schema.ts';
import {
  listenControl,
  type ControlServer,
  type Expected,
} from '../../../runtime/supervisor/process/control-server.ts';
import { SILENT, until } from '../../support/supervised.ts';

let directory: string;
let socketPath: string;
let server: ControlServer;
let heard: (DaemonMessage | string)[];
const dialled: Socket[] = [];

const hello = {
  type: 'hello',
  protocol: PROTOCOL_VERSION,
  id: 'stream:door',
  kind: 'stream',
  generation: 3,
  pid: 42,
  nonce: 'the-right-nonce-of-door',
} as const;
const expected: Expected = {
  nonce: hello.nonce,
  connected: ({ pid }, connection) => {
    if (pid !== 42) return undefined;
    heard.push('connected');
    connection.send({ type: 'stop' });
    return { message: (message) => heard.push(message), closed: () => heard.push('closed') };
  },
  refused: (protocol) => heard.push(`refused ${protocol}`),
};

beforeEach(async () => {
  heard = [];
  directory = mkdtempSync(path.join(tmpdir(), 'bulkhead-'));
  socketPath = path.join(directory, 'control.sock');
  writeFileSync(socketPath, 'left behind by a supervisor that died');
  server = await listenControl({
    path: socketPath,
    log: SILENT,
    find: (id, generation) => (id === 'stream:door' && generation === 3 ? expected : undefined),
  });
});
afterEach(async () => {
  for (const socket of dialled.splice(0)) socket.destroy();
  await server.close();
  rmSync(directory, { recursive: true });
});

async function dial(...messages: object[]): Promise<Socket> {
  const socket = connect(socketPath);
  dialled.push(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(Buffer.concat(messages.map(encodeFrame)));
  return socket;
}

test('only its owner can reach the socket', () => {
  expect(statSync(socketPath).mode & 0o777).toBe(0o600);
});

test('who is expected comes in, and is heard and answered', async () => {
  const socket = await dial(hello, { type: 'ready' });
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  expect(new FrameDecoder().push(chunk)).toEqual([{ type: 'stop' }]);
  await until(() => heard.length === 2);
  socket.end();
  await until(() => heard.length === 3);
  expect(heard).toEqual(['connected', { type: 'ready' }, 'closed']);
});

test.each<[string, object[]]>([
  ['of an id that nobody expects', [{ ...hello, id: 'stream:window' }]],
  ['of a generation that nobody expects', [{ ...hello, generation: 4 }]],
  ['with a wrong nonce', [{ ...hello, nonce: 'another-nonce' }]],
  ['with a nonce that only begins right', [{ ...hello, nonce: hello.nonce.slice(0, -1) }]],
  ['from another process', [{ ...hello, pid: 43 }]],
  ['with something that does not belong there', [{ ...hello, more: 1 }]],
  ['that comes after something else', [{ type: 'ready' }, hello]],
])('a hello %s is shown the door, and what follows is not heard', async (_, messages) => {
  const socket = await dial(...messages, { type: 'ready' });
  await once(socket.resume(), 'close');
  expect(heard).toEqual([]);
});

test('a daemon of another protocol version is shown the door, and the supervisor is told, once it has proved who it is', async () => {
  await once((await dial({ ...hello, protocol: 99, nonce: 'wrong', more: 1 })).resume(), 'close');
  expect(heard).toEqual([]);
  await once((await dial({ ...hello, protocol: 99, more: 1 })).resume(), 'close');
  expect(heard).toEqual(['refused 99']);
});

test('a second hello on one connection ends it', async () => {
  const socket = await dial(hello, hello);
  await once(socket.resume(), 'close');
  expect(heard).toEqual(['connected', 'closed']);
});

test('a message that does not parse ends the connection, and the daemon may dial again', async () => {
  const socket = await dial(hello, { type: 'viewers', count: 'many' });
  await once(socket.resume(), 'close');
  await dial(hello, { type: 'ready' });
  await until(() => heard.length === 4);
  expect(heard).toEqual(['connected', 'closed', 'connected', { type: 'ready' }]);
});
