/** What systemd hears, through a real datagram socket. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { openServiceManager, type ServiceManager } from '../../runtime/server/service-manager.ts';
import { eventually } from '../support/host.ts';

/** Binds a datagram socket and prints each datagram as a line of JSON; Node has no such sockets. */
const RECEIVER = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', '\\0', 1) if sys.argv[1].startswith('@') else sys.argv[1])
print('"bound"', flush=True)
while True: print(json.dumps(s.recv(4096).decode()), flush=True)
`;

let folder: string;
let receiver: ChildProcess | undefined;
let manager: ServiceManager | undefined;
let heard: string[];

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-notify-'));
});
afterEach(() => {
  manager?.close();
  receiver?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function receiveAt(address: string): Promise<void> {
  heard = [];
  receiver = spawn('/usr/bin/python3', ['-c', RECEIVER, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface(receiver.stdout!).on('line', (line) => heard.push(JSON.parse(line) as string));
  await eventually('the receiver is there', () => heard.includes('bound'));
  heard = [];
}

test.each(['a path', 'an abstract name'])('it is told when we are ready and when we stop, at %s', async (kind) => {
  const address = kind === 'a path' ? path.join(folder, 'notify') : `@bulkhead-test-${process.pid}`;
  await receiveAt(address);
  manager = openServiceManager({ NOTIFY_SOCKET: address });
  manager.ready('editor at http://127.0.0.1:1880/');
  manager.stopping();
  await eventually('both datagrams', () => heard.length === 2);
  expect(heard).toEqual(['READY=1\nSTATUS=editor at http://127.0.0.1:1880/', expect.stringMatching(/^STOPPING=1\n/)]);
});

test('its watchdog hears from us again and again, and only where it watches this process', async () => {
  const address = path.join(folder, 'notify');
  await receiveAt(address);
  const other = openServiceManager({ NOTIFY_SOCKET: address, WATCHDOG_USEC: '20000', WATCHDOG_PID: '1' });
  manager = openServiceManager({ NOTIFY_SOCKET: address, WATCHDOG_USEC: '40000', WATCHDOG_PID: String(process.pid) });
  manager.ready('');
  await eventually('three signs of life', () => heard.filter((text) => text === 'WATCHDOG=1').length >= 3);
  manager.close();
  heard = [];
  await new Promise((resolve) => setTimeout(resolve, 100));
  // One may have been under way.
  expect(heard.length).toBeLessThanOrEqual(1);
  other.close();
});

test('what it left in the environment is taken out, so that nobody else speaks in our name', () => {
  const environment = {
    NOTIFY_SOCKET: path.join(folder, 'nobody'),
    WATCHDOG_USEC: '1000000',
    WATCHDOG_PID: '1',
    HOME: '/',
  };
  manager = openServiceManager(environment);
  expect(environment).toEqual({ HOME: '/' });
  // Nobody is there to hear it, and that is no reason to fail.
  manager.ready('');
});
