/** The stream of events over real HTTP: resuming, filters, gaps, and clients that do not behave. */
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { EventLog } from '../../runtime/event-log.ts';
import { sendHistory, streamEvents } from '../../runtime/server/api/events-endpoint.ts';
import { handler } from '../../runtime/server/api/http-error.ts';
import type { BulkheadEvent } from '../../runtime/supervisor/view.ts';
import { someEvent } from '../support/some-event.ts';
import { until } from '../support/supervised.ts';

let server: Server;
let url: string;
let log: EventLog;
const streams: IncomingMessage[] = [];

beforeEach(async () => {
  log = new EventLog();
  const app = express();
  app.get(
    '/events',
    handler('streaming', (request, response) => streamEvents(log, request, response)),
  );
  app.get(
    '/history',
    handler('listing', (request, response) => sendHistory(log, request, response)),
  );
  server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  for (const stream of streams.splice(0)) stream.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const event = (id: number, given: Partial<BulkheadEvent> = {}): BulkheadEvent => someEvent({ id, ...given });
const events = (count: number, from = 1): BulkheadEvent[] =>
  Array.from({ length: count }, (_, index) => event(from + index));

async function open(path: string, lastEventId?: number): Promise<{ status: number; stream: IncomingMessage }> {
  const headers = lastEventId === undefined ? {} : { 'Last-Event-ID': String(lastEventId) };
  const stream = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest(`${url}${path}`, { headers, agent: false }, resolve).on('error', reject).end();
  });
  stream.on('error', () => {});
  streams.push(stream);
  return { status: stream.statusCode!, stream };
}

/** What arrives, read as it comes. */
async function follow(path: string, lastEventId?: number): Promise<{ text: () => string; ids: () => number[] }> {
  const { stream } = await open(path, lastEventId);
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return { text: () => text, ids: () => [...text.matchAll(/^id: (\d+)\ndata: /gm)].map((match) => Number(match[1])) };
}

test('a client says how far it has got in a header, or in the query', async () => {
  log.open(events(5, 10));
  const [header, query, fresh] = [
    await follow('/events', 12),
    await follow('/events?lastEventId=13'),
    await follow('/events'),
  ];
  log.append(event(15));
  await until(() => fresh.ids().length === 1 && header.ids().length === 3 && query.ids().length === 2);
  expect(header.ids()).toEqual([13, 14, 15]);
  expect(query.ids()).toEqual([14, 15]);
  expect(fresh.ids()).toEqual([15]);
  expect(fresh.text()).toMatch(/^retry: \d+\n\n/);
});

test('a client whose last event is forgotten is told that there is a gap, and has what is known', async () => {
  log.open(events(3, 100));
  const { text, ids } = await follow('/events', 50);
  await until(() => ids().length === 3);
  expect(text()).toContain('event: gap\ndata: {"after":50,"oldest":100}\n\n');
  const whole = await follow('/events', 100);
  await until(() => whole.ids().length === 2);
  expect(whole.text()).not.toContain('gap');
});

test('a client whose last event a power cut has taken hears what comes', async () => {
  log.open(events(3));
  const { ids } = await follow('/events', 900);
  log.append(event(4));
  await until(() => ids().length === 1);
  expect(ids()).toEqual([4]);
});

test('both forms take several types and several channels', async () => {
  const kinds = ['camera.online', 'camera.offline', 'daemon.exited'].flatMap((type) =>
    ['front', 'yard', 'gate'].map((channel) => ({ type, channel })),
  );
  log.open(kinds.map((kind, index) => event(index + 1, kind)));
  const filter = 'types=camera.online,camera.offline&channels=front&channels=gate';
  const { ids } = await follow(`/events?${filter}&lastEventId=0`);
  await until(() => ids().length === 4);
  const history = (await (await fetch(`${url}/history?${filter}`)).json()) as BulkheadEvent[];
  expect(history.map(({ id }) => id)).toEqual([1, 3, 4, 6]);
  expect(ids()).toEqual([1, 3, 4, 6]);
  expect(await (await fetch(`${url}/history?types=no.such.type`)).json()).toEqual([]);
  expect(await (await fetch(`${url}/history?types=camera.online&limit=1`)).json()).toMatchObject([{ id: 3 }]);
});

test('a long history reaches a slow client whole and in order', async () => {
  const detail = { text: 'x'.repeat(400) };
  log.open(events(9_000).map((one) => ({ ...one, detail })));
  const { stream } = await open('/events?lastEventId=0');
  let text = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream as AsyncIterable<string>) {
    text += chunk;
    if (text.includes('id: 9000\n')) break;
    if (Math.random() < 0.05) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const ids = [...text.matchAll(/^id: (\d+)\ndata: /gm)].map((match) => Number(match[1]));
  expect(ids).toEqual(events(9_000).map(({ id }) => id));
});

test('a client that reads nothing is let go, and the others hear everything', async () => {
  log.open([]);
  const { stream } = await open('/events');
  stream.pause();
  const other = await follow('/events');
  const closed = new Promise((resolve) => stream.once('close', resolve));
  const detail = { text: 'x'.repeat(500) };
  // More than the kernel's buffers and ours take.
  for (let id = 1; id <= 9_000; id += 1) {
    log.append({ ...event(id), detail: { ...detail, more: 'y'.repeat(1_000) } });
    if (id % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => other.ids().at(-1) === 9_000);
  expect(other.ids()).toHaveLength(9_000);
  stream.resume();
  await closed;
});

test('there is a limit to the number of clients, and room again when one has gone', async () => {
  log.open([]);
  let refused: number | null = null;
  while (refused === null) {
    const { status } = await open('/events');
    if (status !== 200) refused = status;
    expect(streams.length).toBeLessThan(200);
  }
  expect(refused).toBe(503);
  streams[0]!.destroy();
  await until(async () => (await open('/events')).status === 200);
});
