import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { openListenSocket, retrieveListenSocket } from '../../../runtime/supervisor/process/listen-socket.ts';
import { freePort } from '../../support/supervised.ts';

/** A process that listens on its inherited descriptor 3 and answers each connection with its pid. */
const SERVE = `require('net').createServer((c) => c.end(String(process.pid))).listen({ fd: 3 }, () => process.stdout.write('ready'))`;
async function serve(fd: number) {
  const child = spawn(process.execPath, ['-e', SERVE], { stdio: ['ignore', 'pipe', 'inherit', fd] });
  await once(child.stdout!, 'data');
  return child;
}
const ask = async (port: number, host: string): Promise<string> =>
  (await (await import('node:net')).connect(port, host).toArray()).join('');

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['localhost', '127.0.0.1'],
  ['0.0.0.0', '127.0.0.1'],
  ['::1', '::1'],
  ['::', '127.0.0.1'],
  ['::', '::1'],
])('a socket opened on %s is served by the process that inherits it, at %s', async (host, from) => {
  const port = await freePort();
  const socket = openListenSocket(host, port)!;
  const child = await serve(socket.fd);
  expect(await ask(port, from)).toBe(String(child.pid));
  child.kill('SIGKILL');
  await once(child, 'exit');
  socket.close();
  socket.close();
});

test('a port of somebody else is a conflict that names it', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  expect(() => openListenSocket('127.0.0.1', port)).toThrow(
    expect.objectContaining({
      kind: 'conflict',
      message: expect.stringContaining(`Port ${port} on 127.0.0.1 is taken`),
    }),
  );
  await new Promise((resolve) => other.close(resolve));
  openListenSocket('127.0.0.1', port)!.close();
});

test('an address that is not of this machine says so', async () => {
  const port = await freePort();
  expect(() => openListenSocket('192.0.2.1', port)).toThrow(expect.objectContaining({ kind: 'invalid' }));
});

test('a name is left to the daemon, which can resolve it', () => {
  expect(openListenSocket('camera.example', 8101)).toBeUndefined();
});

test('other children do not inherit the socket: closed here, the port is free', async () => {
  const port = await freePort();
  const socket = openListenSocket('127.0.0.1', port)!;
  const bystander = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(bystander, 'spawn');
  socket.close();
  openListenSocket('127.0.0.1', port)!.close();
  bystander.kill('SIGKILL');
});

test('a socket is had back from the process that serves it, when the kernel allows it', async () => {
  const port = await freePort();
  const socket = openListenSocket('127.0.0.1', port)!;
  const child = await serve(socket.fd);
  socket.close();
  const regained = retrieveListenSocket(child.pid!, 3, '127.0.0.1', port);
  expect(retrieveListenSocket(child.pid!, 3, '127.0.0.1', port + 1)).toBeUndefined();
  expect(retrieveListenSocket(child.pid!, 99, '127.0.0.1', port)).toBeUndefined();
  // A channel that was moved to another address must not be served at the old one.
  for (const host of ['0.0.0.0', '127.0.0.2', '::1', '::']) {
    expect(retrieveListenSocket(child.pid!, 3, host, port)).toBeUndefined();
  }
  if (regained !== undefined) {
    child.kill('SIGKILL');
    await once(child, 'exit');
    const second = await serve(regained.fd);
    expect(await ask(port, '127.0.0.1')).toBe(String(second.pid));
    second.kill('SIGKILL');
    await once(second, 'exit');
    regained.close();
  } else child.kill('SIGKILL');
});
