import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { Connection } from '../../../ui/player/connection.ts';

let server: WebSocketServer;
let connection: Connection | undefined;
beforeEach(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.on('connection', (client) => client.send(Buffer.from('a picture')));
});
afterEach(() => {
  connection?.close();
  for (const client of server.clients) client.terminate();
  server.close();
});

/** A connection on which a picture has come; `lost` counts how often it was given up. */
async function heard(): Promise<{ connection: Connection; lost: () => number }> {
  let lost = 0;
  await new Promise<void>((resolve) => {
    connection = new Connection(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      open: () => {},
      init: () => {},
      data: () => resolve(),
      lost: () => lost++,
    });
  });
  return { connection: connection as Connection, lost: () => lost };
}

test('a connection on which nothing comes any more is given up', async () => {
  const { connection: now, lost } = await heard();
  now.check(performance.now() + 5000, 40);
  expect(lost()).toBe(0);
  now.check(performance.now() + 10_000, 40);
  expect(lost()).toBe(1);
});

test('a camera of a picture every ten seconds may be silent for three of them', async () => {
  const { connection: now, lost } = await heard();
  now.check(performance.now() + 25_000, 10_000);
  expect(lost()).toBe(0);
  now.check(performance.now() + 35_000, 10_000);
  expect(lost()).toBe(1);
});
