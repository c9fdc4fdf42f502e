/**
 * The work of a stream daemon once through, on a ring of its own and with a viewer of its own, before there is any: what runs for the first time is
 * slow, because only then its code is compiled and its types are learnt. A daemon that was a standby has that behind it.
 *
 * Belongs here: a ring with nothing to see in it, one viewer, and leaving nothing behind. Nothing here can be reached from outside: the viewer's
 * connection is a pair of sockets within this process, and no port is opened. Where there is no such pair the rehearsal is left out.
 */
import { Socket } from 'node:net';
import { monotonicUs } from '../../runtime/clock.ts';
import { BulkheadError } from '../../runtime/errors.ts';
import { encodeStreamTable } from '../../runtime/media/track.ts';
import { openBell } from '../../runtime/ring/bell.ts';
import { removeRing } from '../../runtime/ring/remove-ring.ts';
import { RingWriter } from '../../runtime/ring/writer.ts';
import { openDescriptorPair } from '../../runtime/supervisor/process/descriptors.ts';
import { Channel } from './channel.ts';
import { HttpServer } from './http-server.ts';

/** From the second time on there is less to gain; after a few, nothing. */
const TIMES = 4;
const PICTURES = 60;
const PACKET_BYTES = 512;
const FPS = 25;
const TIMESCALE = 90_000;
const SAMPLE_RATE = 48_000;
const LIMIT_MS = 1_000;

/** Baseline profile, 640x360, and AAC-LC; no decoder ever sees it. */
const TABLE = encodeStreamTable({
  tracks: [
    {
      kind: 'video',
      id: 1,
      codec: 'h264',
      codecString: 'avc1.42c01e',
      width: 640,
      height: 360,
      fps: FPS,
      timescale: TIMESCALE,
      config: Buffer.from('0142c01effe100046742c01e01000468ce3c80', 'hex'),
    },
    {
      kind: 'audio',
      id: 2,
      codec: 'aac',
      codecString: 'mp4a.40.2',
      sampleRate: SAMPLE_RATE,
      channels: 2,
      timescale: SAMPLE_RATE,
      config: Buffer.from('1190', 'hex'),
    },
  ],
  leftOut: [],
});

const HANDSHAKE = [
  'GET /live.ws HTTP/1.1',
  'host: localhost',
  'connection: Upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: cmVoZWFyc2FsIG9ubHkuLg==',
  '\r\n',
].join('\r\n');

/** Goes through it all; the ring is made at `ringPath`, and removed. Rejects when something of it does not work here. */
export async function rehearse(ringPath: string): Promise<void> {
  const ring = RingWriter.open({ path: ringPath, dataBytes: 1 << 20, slots: 256 });
  const bell = openBell(ringPath);
  try {
    ring.setTable(TABLE);
    for (let time = 0; time < TIMES; time += 1) {
      for (let n = 0; n < PICTURES; n += 1) write(ring, n === 0);
      await show(ringPath, () => {
        write(ring, false);
        bell.ring();
      });
    }
  } finally {
    bell.close();
    ring.close();
    removeRing(ringPath);
  }
}

/** A picture and the sound that goes with it. */
function write(ring: RingWriter, key: boolean): void {
  const frames = Math.floor(ring.head / 2);
  const captureUs = monotonicUs();
  for (const [track, timescale] of [TIMESCALE, SAMPLE_RATE].entries()) {
    const duration = timescale / FPS;
    const dts = frames * duration;
    const meta = {
      track: track + 1,
      key: key && track === 0,
      discontinuity: false,
      pts: dts,
      dts,
      duration,
      captureUs,
    };
    ring.write(meta, new Uint8Array(PACKET_BYTES));
  }
}

const nothing = (): void => {};

/** One channel with one viewer, from its beginning to the live edge. `more` puts another picture into the ring. */
async function show(ringPath: string, more: () => void): Promise<void> {
  const pair = openDescriptorPair();
  if (pair === undefined) return;
  const viewer = new Socket({ fd: pair.theirs });
  const channel = new Channel({
    ringPath,
    starvationMs: 60_000,
    maxViewers: 1,
    onRecord: nothing,
    onViewers: nothing,
    onLaps: nothing,
    onWaiting: nothing,
    onTrouble: nothing,
    onStarved: nothing,
  });
  const server = new HttpServer({
    host: 'localhost',
    port: 0,
    listenFd: undefined,
    maxViewers: 1,
    audience: channel.audience,
    health: () => ({}),
  });
  viewer.on('error', nothing);
  try {
    server.accept(new Socket({ fd: pair.ours }));
    viewer.write(HANDSHAKE);
    await received(viewer, PICTURES * PACKET_BYTES);
    setImmediate(more);
    await received(viewer, PACKET_BYTES);
  } finally {
    viewer.destroy();
    channel.close();
    await server.close();
  }
}

/** Resolves after so many bytes; rejects when they do not come. */
async function received(viewer: Socket, bytes: number): Promise<void> {
  let left = bytes;
  const enough = Promise.withResolvers<void>();
  const count = (chunk: Buffer): void => {
    left -= chunk.length;
    if (left <= 0) enough.resolve();
  };
  const late = setTimeout(() => enough.reject(new BulkheadError('timeout', 'The rehearsal showed nothing.')), LIMIT_MS);
  viewer.on('data', count);
  await enough.promise.finally(() => {
    clearTimeout(late);
    viewer.off('data', count);
  });
}
