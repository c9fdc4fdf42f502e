import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ControlLink } from '../../daemon/harness/control-link.ts';
import { startOrphanGrace } from '../../daemon/harness/orphan-grace.ts';
import { encodeFrame } from '../../runtime/message/framing.ts';
import { PROTOCOL_VERSION } from '../../runtime/message/schema.ts';
import { SILENT, until } from '../support/supervised.ts';

const HELLO = {
  type: 'hello',
  protocol: PROTOCOL_VERSION,
  id: 'stream:door',
  kind: 'stream',
  generation: 1,
  pid: 1,
  nonce: 'n',
} as const;

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'bulkhead-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** How the first breaks of a channel look to a daemon whose supervisor answers its hello with `answer` and hangs up. */
async function breaks(answer: Buffer): Promise<boolean[]> {
  const welcomes: boolean[] = [];
  const socket = path.join(directory, 'control.sock');
  const server = createServer((dialled) => {
    dialled.on('error', () => {});
    dialled.once('data', () => dialled.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const events = { message: () => {}, up: () => {}, down: (welcome: boolean) => welcomes.push(welcome) };
  const link = new ControlLink(socket, HELLO, events, SILENT);
  await until(() => welcomes.length >= 2);
  await link.close(100);
  await new Promise((resolve) => server.close(resolve));
  return welcomes.slice(0, 2);
}

test('a supervisor that does not know a daemon is none: the daemon ends after its grace, however often it dials', async () => {
  let over = false;
  const grace = startOrphanGrace(300, () => (over = true));
  for (let dial = 0; dial < 20; dial++) {
    grace.found();
    grace.lost(false);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(over).toBe(true);
});

test('a supervisor that was lost gives the whole grace', async () => {
  let over = false;
  const grace = startOrphanGrace(400, () => (over = true));
  await new Promise((resolve) => setTimeout(resolve, 250));
  grace.found();
  grace.lost(true);
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(over).toBe(false);
  grace.found();
});

test('a supervisor that hangs up without a word does not know the daemon', async () => {
  expect(await breaks(Buffer.alloc(0))).toEqual([false, false]);
});

test('one that has said something does, however soon it is lost', async () => {
  expect(await breaks(encodeFrame({ type: 'acknowledged', number: 1 }))).toEqual([true, true]);
});
