import { createConnection, createServer, type Server, type Socket } from 'node:net';
import * as v from 'valibot';
import type { BulkheadError } from '../../runtime/errors.ts';
import { Connection } from '../../runtime/message/connection.ts';
import { encodeFrame } from '../../runtime/message/framing.ts';

const schema = v.strictObject({ n: v.pipe(v.number(), v.safeInteger()) });
type Message = v.InferOutput<typeof schema>;

let server: Server;
let raw: Socket;
let connection: Connection<Message, unknown>;
let received: Message[];
let closed: Promise<BulkheadError | null>;

beforeEach(async () => {
  received = [];
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  raw = createConnection((server.address() as { port: number }).port, '127.0.0.1');
  raw.on('error', () => {});
  const socket = await accepted;
  closed = new Promise((resolve) => {
    connection = new Connection<Message, unknown>(socket, schema, {
      message: (m) => received.push(m),
      closed: resolve,
    });
  });
});
afterEach(async () => {
  connection.close();
  raw.destroy();
  await new Promise((resolve) => server.close(resolve));
});

test('messages that parse are delivered in order', async () => {
  raw.end(Buffer.concat([encodeFrame({ n: 1 }), encodeFrame({ n: 2 })]));
  expect(await closed).toBeNull();
  expect(received).toEqual([{ n: 1 }, { n: 2 }]);
});

test('a message that does not parse closes the channel, and what follows it is not delivered', async () => {
  raw.write(
    Buffer.concat([encodeFrame({ n: 1 }), encodeFrame({ n: 'one', password: 'hunter2' }), encodeFrame({ n: 3 })]),
  );
  const error = await closed;
  expect(error).toMatchObject({ kind: 'corrupt' });
  expect(error?.message).not.toContain('hunter2');
  expect(received).toEqual([{ n: 1 }]);
  expect(connection.open).toBe(false);
});

test('a frame that is broken closes the channel', async () => {
  raw.write('GET / HTTP/1.1\r\n\r\n');
  expect(await closed).toMatchObject({ kind: 'corrupt' });
});

test('a peer that does not read is given up before its messages fill the memory', async () => {
  raw.pause();
  const text = 'x'.repeat(1 << 19);
  let sent = 0;
  while (connection.send({ text })) sent += 1;
  expect(await closed).toMatchObject({ kind: 'exhausted' });
  expect(sent).toBeLessThan(200);
  expect(connection.send({ n: 1 })).toBe(false);
});

test('closing sends what is queued, and is told once', async () => {
  const chunks: Buffer[] = [];
  raw.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise((resolve) => raw.once('end', resolve));
  connection.send({ n: 7 });
  connection.close();
  connection.close();
  expect(connection.send({ n: 8 })).toBe(false);
  expect(await closed).toBeNull();
  await ended;
  expect(Buffer.concat(chunks)).toEqual(encodeFrame({ n: 7 }));
});
