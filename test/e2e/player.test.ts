/**
 * A person watches a channel in a real browser while its stream daemon is killed: the picture goes on by itself, and nobody else notices.
 */
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { startCamera, type Camera } from '../support/camera.ts';
import { cameraFlows, eventually, freePorts, Host } from '../support/host.ts';
import { watchRing } from '../support/ring-watch.ts';

let camera: Camera;
let host: Host;
let browser: Browser;
let ports: number[];

beforeAll(async () => {
  [camera, host, browser] = await Promise.all([startCamera({ only: ['main', 'sub'] }), Host.start(), openBrowser()]);
  ports = await freePorts(2);
  await host.deploy(
    cameraFlows([
      { channel: 'front', port: ports[0]!, camera: { source: 'rtsp', url: camera.url('main') } },
      { channel: 'yard', port: ports[1]!, camera: { source: 'rtsp', url: camera.url('sub') } },
    ]),
  );
  await host.live('front', 'yard');
});
afterAll(async () => {
  await browser?.close();
  await host?.remove();
  await camera?.stop();
});

type PlayerView = { state: string; framesPresented: number };

function playerOf(page: Page): Promise<PlayerView> {
  return page.evaluate(() => {
    const { state, framesPresented } = (globalThis as unknown as { bulkheadPlayer: PlayerView }).bulkheadPlayer;
    return { state, framesPresented };
  });
}

/** Waits until the player claims to be live and proves it with new pictures. */
async function seesNewPictures(page: Page): Promise<void> {
  const before = (await playerOf(page)).framesPresented;
  await eventually('the player shows new pictures', async () => {
    const { state, framesPresented } = await playerOf(page);
    return state === 'live' && framesPresented > before + 15;
  });
}

test('the player goes on by itself after its stream daemon was killed, and nobody else notices', async () => {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(`http://127.0.0.1:${ports[0]}/`);
  await seesNewPictures(page);

  const before = await host.channels();
  const victim = before.find(({ id }) => id === 'front')!.daemons.find(({ kind }) => kind === 'stream')!;
  const rings = ['front', 'yard'].map((channel) => watchRing(host.ringOf('tab', `camera-${channel}`)));
  process.kill(victim.pid!, 'SIGKILL');

  const successor = await eventually('a new stream daemon', async () => {
    const front = await host.channel('front');
    const stream = front?.daemons.find(({ kind }) => kind === 'stream');
    return stream && stream.pid !== null && stream.pid !== victim.pid && stream.state === 'ready' && stream;
  });
  await seesNewPictures(page);
  expect(errors).toEqual([]);
  expect(successor).toMatchObject({ generation: victim.generation + 1, restarts: victim.restarts + 1 });
  expect((await host.channel('front'))!.port).toBe(ports[0]);

  for (const ring of rings) {
    expect(ring.count).toBeGreaterThan(10);
    expect(ring.gaps).toEqual([]);
    expect(ring.epochs.size).toBe(1);
    ring.close();
  }
  const after = await host.channels();
  const untouched = (views: typeof before) =>
    views
      .flatMap(({ daemons }) => daemons)
      .filter(({ id }) => id !== victim.id)
      .map(({ id, pid, generation }) => ({ id, pid, generation }));
  expect(untouched(after)).toEqual(untouched(before));

  const events = await host.events();
  expect(events.find(({ type, daemon }) => type === 'daemon.exited' && daemon.pid === victim.pid)).toMatchObject({
    channel: 'front',
    reason: 'crash',
  });
  const respawned = events.find(({ type, daemon }) => type === 'daemon.respawned' && daemon.pid === successor.pid);
  expect(respawned?.detail['recoveryMs']).toEqual(expect.any(Number));
  await page.close();
});

test('a capture daemon that is killed costs its viewers a moment, not their connection', async () => {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${ports[1]}/`);
  await seesNewPictures(page);
  const streamPid = (await host.channel('yard'))!.daemons.find(({ kind }) => kind === 'stream')!.pid;
  const victim = (await host.channel('yard'))!.daemons.find(({ kind }) => kind === 'capture')!;
  const ring = watchRing(host.ringOf('tab', 'camera-yard'));
  process.kill(victim.pid!, 'SIGKILL');
  await eventually('packets of the next writer', () => ring.epochs.size > 0 && ring.count > 20);
  await seesNewPictures(page);
  expect(ring.gaps).toEqual([]);
  ring.close();
  expect((await host.channel('yard'))!.daemons.find(({ kind }) => kind === 'stream')!.pid).toBe(streamPid);
  await page.close();
});

test('a frozen camera is never shown as live', async () => {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${ports[0]}/`);
  await seesNewPictures(page);
  camera.freeze();
  try {
    await eventually('the page says that it is not live', async () => (await playerOf(page)).state !== 'live');
    await expect(page.locator('#badge-text').textContent()).resolves.toMatch(/not live|waiting/i);
  } finally {
    camera.thaw();
  }
  await seesNewPictures(page);
  await page.close();
});
