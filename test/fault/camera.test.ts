/**
 * A camera that freezes, loses its power and comes back; one whose picture ends while its sound goes on; and one that looks starved and is not. They are a
 * third-party RTSP server, which is killed and stopped as a process.
 */
import { connect } from 'node:net';
import { startCamera, type Camera } from '../support/camera.ts';
import { eventually } from '../support/host.ts';
import { complaints, openSite, type Site } from './site.ts';

/** Much less than the 10 s between the keyframes of /longgop: what counts is packets. */
const STARVATION_MS = 3_000;

let door: Camera;
let porch: Camera;
let others: Camera;
let site: Site;

beforeAll(async () => {
  [door, porch, others] = await Promise.all([
    startCamera({ only: ['main'] }),
    startCamera({ only: ['main'], shutter: true }),
    startCamera({ only: ['longgop'] }),
  ]);
  site = await openSite({
    cameras: {
      door: { source: 'rtsp', url: door.url('main') },
      porch: { source: 'rtsp', url: porch.url('main') },
      longgop: { source: 'rtsp', url: others.url('longgop') },
    },
    streams: {
      door: { starvationMs: STARVATION_MS },
      // The camera is dialled again after 5 s without a picture.
      porch: { starvationMs: 8_000 },
      longgop: { starvationMs: STARVATION_MS },
    },
  });
  // What becomes of it takes a while; it is looked at when the other camera has been dealt with.
  porch.toggleShutter();
});
afterAll(async () => {
  await site?.close();
  await Promise.all([door, porch, others].map((camera) => camera?.stop()));
});

/** How a dial of the port ends. */
async function dial(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    socket.on('connect', () => {
      socket.destroy();
      resolve('connected');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'failed'));
  });
}

test.each([
  [
    'SIGSTOP',
    () => door.freeze(),
    () => {
      door.thaw();
      return Promise.resolve();
    },
  ],
  [
    'SIGKILL',
    () => door.unplug(),
    async () => {
      door = await startCamera({ only: ['main'], port: door.port });
    },
  ],
] as const)('%s of the camera closes the port, and its return opens the same one', async (_, hurt, heal) => {
  const { port, viewer, ring } = site.channel('door');
  const before = await site.successor('door', 'stream', 0);
  const since = (await site.host.events()).at(-1)!.id;
  const own = (type: string) => (event: { id: number; type: string; channel: string }) =>
    event.id > since && event.type === type && event.channel === 'door';

  await hurt();
  expect(await site.event('the channel starves', own('stream.starved'))).toMatchObject({ reason: 'starved' });
  expect(await site.event('its daemon ends', own('daemon.exited'))).toMatchObject({
    reason: 'starved',
    daemon: { id: before.id, pid: before.pid, generation: before.generation },
    detail: { outcome: 'starved' },
  });
  await eventually('the port is closed', async () => (await dial(port)) === 'ECONNREFUSED');
  await eventually('the viewer is sent away', () => viewer.lost === 1);
  await site.event('the camera is offline', own('camera.offline'));
  expect(await site.host.channel('door')).toMatchObject({ state: 'starved' });

  await heal();
  await site.successor('door', 'stream', before.generation);
  await site.watch('door');
  await site.event('the camera is online', own('camera.online'));
  expect((await site.host.channel('door'))!.port).toBe(port);
  // One outage is one starvation, and the ring's numbers went on over it.
  expect((await site.host.events()).filter(own('stream.starved'))).toHaveLength(1);
  expect(ring.gaps).toEqual([]);
  expect(complaints(site.channel('door'))).toEqual([]);
});

test('a camera whose picture ends while its sound goes on is as good as away, once, until its picture is back', async () => {
  const { port, viewer, ring } = site.channel('porch');
  const of = (type: string) => (event: { type: string; channel: string }) =>
    event.type === type && event.channel === 'porch';
  expect(await site.event('the camera is offline', of('camera.offline'))).toMatchObject({
    detail: { message: expect.stringContaining('sound and no picture') },
  });
  await site.event('the channel starves', of('stream.starved'));
  await eventually('the port is closed', async () => (await dial(port)) === 'ECONNREFUSED');
  await eventually('the viewer is sent away', () => viewer.lost === 1);
  expect(await site.host.channel('porch')).toMatchObject({ state: 'starved' });

  const { generation } = await site.daemon('porch', 'stream');
  porch.toggleShutter();
  await site.successor('porch', 'stream', generation);
  await site.watch('porch');
  await eventually('pictures', () => site.channel('porch').viewer.pictures.size > 0);
  expect((await site.host.events()).filter(of('stream.starved'))).toHaveLength(1);
  expect(ring.gaps).toEqual([]);
});

test('a camera with a keyframe every ten seconds never starves', async () => {
  expect(await site.host.channel('longgop')).toMatchObject({ state: 'live' });
  expect(complaints(site.channel('longgop'))).toEqual([]);
  const { pictures } = site.channel('longgop').ring;
  const [first, last] = [[...pictures.values()].at(0)!, [...pictures.values()].at(-1)!];
  expect((last.captureUs - first.captureUs) / 1000).toBeGreaterThan(2 * STARVATION_MS);
  const events = (await site.host.events()).filter(({ channel }) => channel === 'longgop');
  expect(events.filter(({ type }) => /starved|exited|hung|offline/.test(type))).toEqual([]);
});
