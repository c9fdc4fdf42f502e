/**
 * Things that listen where a camera should be: silent ones, ones that talk nonsense, ones that hang up.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

export type Impostor = { readonly port: number; close(): Promise<void> };

/** Listens and treats every connection as told. */
export async function impostor(treat: (socket: Socket) => void): Promise<Impostor> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    treat(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Takes every connection and never says a word. */
export function silent(): void {}

export function hangsUp(socket: Socket): void {
  socket.destroy();
}

/** As a port that belongs to something else greets. */
export function speaksSsh(socket: Socket): void {
  socket.write('SSH-2.0-OpenSSH_9.2\r\n');
}

/** Sends letters for ever, as fast as they are taken. */
export function floods(socket: Socket): void {
  const letters = Buffer.alloc(65_536, 'A');
  const pour = (): void => {
    while (!socket.destroyed && socket.write(letters));
  };
  socket.on('drain', pour);
  pour();
}

/** Answers every RTSP request with success and a description that describes nothing. */
export function describesNothing(socket: Socket): void {
  socket.on('data', (request: Buffer) => {
    const sequence = /CSeq: (\d+)/.exec(request.toString())?.[1] ?? '0';
    const body = 'nothing';
    socket.write(
      `RTSP/1.0 200 OK\r\nCSeq: ${sequence}\r\nContent-Type: application/sdp\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  });
}
