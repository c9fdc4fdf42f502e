/**
 * Viewers among each other: what one does, and does not do, costs the others nothing.
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { queueLimit } from '../../daemon/stream/audience.ts';
import { type FragmentTime, readFragment, readTracks } from '../../ui/player/mp4-times.ts';
import { type Viewer, health, healthUntil, media, request, watch } from './stream-daemon.ts';

/** A clip of 5 MB/s with a keyframe a second: what the kernel keeps for a connection is soon full. */
const dense = path.join(os.tmpdir(), `bulkhead-dense-${process.pid}.mp4`);

beforeAll(() => {
  const source = 'testsrc2=s=1280x720:r=25,noise=alls=60:allf=t';
  const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-b:v', '40M', '-maxrate', '40M', '-bufsize', '4M'];
  const rest = ['-g', '25', '-bf', '0', '-pix_fmt', 'yuv420p'];
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', source, '-t', '2', ...encoder, ...rest, dense]);
});
afterAll(() => rmSync(dense, { force: true }));

/** The pictures that a viewer got, in order. */
function picturesOf(viewer: Viewer): FragmentTime[] {
  const [init, ...fragments] = viewer.messages.flatMap((m) => ('bytes' in m ? [m.bytes] : []));
  const tracks = readTracks(init ?? Buffer.alloc(0));
  return fragments.flatMap((fragment) => readFragment(fragment, tracks) ?? []);
}

/** Pictures that do not follow the one before at the camera's pace. */
function jumps(pictures: readonly FragmentTime[]): FragmentTime[] {
  return pictures.filter((picture, i) => i > 0 && picture.seconds - (pictures[i - 1]?.seconds ?? 0) > 0.06);
}

test('a slow viewer loses pictures and goes on at a keyframe; another one gets every picture', async () => {
  const channel = await media(dense, { feeder: { dataBytes: 64 << 20 } });
  try {
    const slow = watch(channel.daemon.url);
    const quick = watch(channel.daemon.url);
    await slow.until((all) => all.length > 30);
    slow.socket.pause();
    await healthUntil(channel.daemon.url, ({ skipped }) => skipped > 30);
    const before = slow.messages.length;
    slow.socket.resume();
    // Behind what was queued for it comes the jump, and then a whole GOP at least.
    await slow.until(() => jumps(picturesOf(slow)).length > 0);
    await slow.until((all) => all.length > before + 60);
    for (const picture of jumps(picturesOf(slow))) expect(picture.key).toBe(true);
    await quick.until((all) => all.length > 100);
    expect(jumps(picturesOf(quick))).toEqual([]);
    slow.socket.close();
    quick.socket.close();
  } finally {
    await channel.stop();
  }
});

test('a viewer that takes nothing at all is sent away, and counted', async () => {
  const channel = await media(dense, {
    feeder: { dataBytes: 64 << 20 },
    stream: { options: { stuckAfterMs: 1500 } },
  });
  try {
    const stuck = watch(channel.daemon.url);
    const quick = watch(channel.daemon.url);
    await stuck.until((all) => all.length > 10);
    stuck.socket.pause();
    await healthUntil(channel.daemon.url, ({ evicted, viewers }) => evicted === 1 && viewers === 1);
    await quick.until((all) => all.length > 100);
    expect(jumps(picturesOf(quick))).toEqual([]);
    quick.socket.close();
    stuck.socket.terminate();
  } finally {
    await channel.stop();
  }
});

test('one viewer too many is refused in words; when one goes there is room again', async () => {
  const channel = await media('sub.mp4', { stream: { maxViewers: 2 } });
  try {
    const first = watch(channel.daemon.url);
    const second = watch(channel.daemon.url);
    await Promise.all([first, second].map((viewer) => viewer.until((all) => all.length > 2)));
    const refused = watch(channel.daemon.url);
    expect(await refused.closed).toEqual({ code: 1013, reason: 'The channel has as many viewers as it may have.' });
    const answer = await request(channel.daemon.port, { path: '/stream.mp4' });
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(answer.body).toContain('as many viewers as it may have');
    await channel.daemon.until(
      (event) => event.type === 'message' && event.message.type === 'event' && event.message.event === 'viewer.flood',
    );
    expect(await health(channel.daemon.url)).toMatchObject({ viewers: 2, refused: 2 });
    first.socket.close();
    await healthUntil(channel.daemon.url, ({ viewers }) => viewers === 1);
    const third = watch(channel.daemon.url);
    await third.until((all) => all.length > 2);
    second.socket.close();
    third.socket.close();
  } finally {
    await channel.stop();
  }
});

test('many viewers at once, coming and going, all get a picture from a keyframe on', async () => {
  const channel = await media('main.mp4');
  try {
    const viewers = Array.from({ length: 40 }, () => watch(channel.daemon.url));
    for (const [i, viewer] of viewers.entries()) {
      await viewer.until((all) => all.length > 3);
      if (i % 2 === 0) viewer.socket.terminate();
    }
    await healthUntil(channel.daemon.url, (now) => now.viewers === 20);
    const staying = viewers.filter((_, i) => i % 2 === 1);
    await Promise.all(staying.map((viewer) => viewer.until((all) => all.length > 100)));
    for (const viewer of staying) {
      const pictures = picturesOf(viewer).filter(({ track }) => track === 1);
      expect(pictures[0]?.key).toBe(true);
      expect(jumps(pictures)).toEqual([]);
      viewer.socket.close();
    }
    await healthUntil(channel.daemon.url, (now) => now.viewers === 0);
  } finally {
    await channel.stop();
  }
});

test('what may wait for a viewer is bounded by time, by a limit for one and by a limit for all', () => {
  const MIB = 1 << 20;
  expect(queueLimit(1, 100_000)).toBe(200_000); // two seconds
  expect(queueLimit(1, 100 * MIB)).toBe(4 * MIB);
  expect(50 * queueLimit(50, 100 * MIB)).toBeLessThanOrEqual(12 * MIB);
  expect(queueLimit(1000, 0)).toBeGreaterThan(0);
});
