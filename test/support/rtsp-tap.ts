/**
 * A wire tap between a client and an RTSP camera: passes everything on and remembers the requests by their method.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export type RtspTap = {
  readonly port: number;
  /** Methods in the order of their coming, e.g. `['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY', 'TEARDOWN']`. */
  readonly methods: readonly string[];
  close(): Promise<void>;
};

/** Requests may share a chunk with RTCP reports, so they are looked for anywhere in it. */
const REQUEST = /([A-Z_]+) rtsp:\/\/\S+ RTSP\/1\.0/g;

export async function tapRtsp(cameraPort: number): Promise<RtspTap> {
  const methods: string[] = [];
  const sockets = new Set<Socket>();
  const join = (from: Socket, to: Socket, look: (chunk: Buffer) => void): void => {
    sockets.add(from);
    from.on('data', (chunk: Buffer) => {
      look(chunk);
      to.write(chunk);
    });
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server = createServer((client) => {
    const camera = connect(cameraPort, '127.0.0.1');
    join(client, camera, (chunk) => {
      for (const [, method] of chunk.toString('latin1').matchAll(REQUEST)) methods.push(method!);
    });
    join(camera, client, () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    methods,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
