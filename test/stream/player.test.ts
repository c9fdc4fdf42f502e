/**
 * The player in a real Chromium: what people see.
 */
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { feedRing } from '../support/feed-ring.ts';
import { freePort, health, media, ringFolder, startStreamDaemon } from './stream-daemon.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
});

/** What a person and a program see. */
type Seen = {
  state: string;
  framesPresented: number;
  behindMs: number | null;
  connections: number;
  position: number;
  badge: string;
  message: string;
};

/** Evaluated in the page, which has types of its own. */
const LOOK = `(() => {
  const { state, framesPresented, behindMs, connections } = bulkheadPlayer;
  const text = (id) => document.getElementById(id).textContent;
  const position = document.querySelector('video').currentTime;
  return { state, framesPresented, behindMs, connections, position, badge: text('badge-text'), message: text('message') };
})()`;

function look(page: Page): Promise<Seen> {
  return page.evaluate<Seen>(LOOK);
}

async function until(page: Page, fits: (seen: Seen) => boolean, limitMs = 20_000): Promise<Seen> {
  const endMs = Date.now() + limitMs;
  for (;;) {
    const seen = await look(page);
    if (fits(seen)) return seen;
    if (Date.now() > endMs) throw new Error(`it stayed ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits for so many further pictures on the screen. */
async function pictures(page: Page, count: number, limitMs?: number): Promise<Seen> {
  const { framesPresented } = await look(page);
  return until(page, (seen) => seen.state === 'live' && seen.framesPresented >= framesPresented + count, limitMs);
}

async function open(url: string): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors };
}

test('the picture plays at the live edge, with sound that can be turned on, and says LIVE', async () => {
  const channel = await media('main.mp4');
  try {
    const { page, errors } = await open(channel.daemon.url);
    const first = await pictures(page, 10);
    const later = await pictures(page, 30);
    expect(later).toMatchObject({ badge: 'LIVE', message: '' });
    expect(later.position).toBeGreaterThan(first.position);
    expect(later.behindMs).toBeLessThan(2000);
    expect(await page.locator('#name').textContent()).toBe('Front door');
    expect(await page.title()).toBe('● Front door');
    await page.mouse.move(50, 50);
    const sound = page.getByRole('button', { name: 'Turn sound on' });
    await sound.click();
    expect(await page.evaluate(`document.querySelector('video').muted`)).toBe(false);
    await pictures(page, 10);
    expect(errors).toEqual([]);
    await page.close();
  } finally {
    await channel.stop();
  }
});

test('a viewer of a long GOP sees the newest picture at once, not the keyframe of long ago, and not in fast-forward', async () => {
  const channel = await media('longgop.mp4', { feeder: { prefillSeconds: 8 } });
  try {
    const { page } = await open(channel.daemon.url);
    const seen = await until(page, ({ framesPresented }) => framesPresented >= 3);
    expect(seen.behindMs).toBeLessThan(1000);
    const later = await until(page, ({ framesPresented }) => framesPresented >= seen.framesPresented + 25);
    // At most a little faster than life.
    expect((later.framesPresented - seen.framesPresented) / (later.position - seen.position)).toBeLessThan(30);
    await page.close();
  } finally {
    await channel.stop();
  }
});

test('lost pictures in a long GOP do not stop the picture until the next keyframe', async () => {
  const channel = await media('longgop.mp4', { feeder: { prefillSeconds: 1, dropPictures: 3 } });
  try {
    const { page } = await open(channel.daemon.url);
    const from = await pictures(page, 5);
    const to = await pictures(page, 60);
    expect(to.connections).toBe(from.connections);
    const [start, end] = [from.position, to.position];
    // Two thirds of 25 pictures a second arrive, and are shown as they come.
    expect((to.framesPresented - from.framesPresented) / (end - start)).toBeGreaterThan(10);
    await page.close();
  } finally {
    await channel.stop();
  }
});

test('silence of the sound does not stop the picture', async () => {
  const channel = await media('main.mp4');
  try {
    const { page } = await open(channel.daemon.url);
    await pictures(page, 10);
    channel.feeder.command({ sound: false });
    // Longer than the player could live on what it has.
    await pictures(page, 100);
    expect(await page.locator('#sound').isVisible()).toBe(false);
    channel.feeder.command({ sound: true });
    await page.locator('#sound').waitFor({ state: 'visible' });
    await pictures(page, 30);
    await page.close();
  } finally {
    await channel.stop();
  }
});

test('the player goes on by itself after its daemon was killed, and says meanwhile that it is not live', async () => {
  const channel = await media('main.mp4');
  const { port } = channel.daemon;
  try {
    const { page, errors } = await open(channel.daemon.url);
    await pictures(page, 10);
    channel.daemon.kill('SIGKILL');
    await channel.daemon.ended;
    const lost = await until(page, ({ state }) => state === 'reconnecting');
    expect(lost.badge).toBe('NOT LIVE');
    expect(lost.message).toMatch(/^Not live: reconnecting/);
    const successor = await startStreamDaemon({ ring: channel.ring, port });
    try {
      const back = await pictures(page, 20);
      expect(back).toMatchObject({ connections: 2, badge: 'LIVE' });
      expect(errors).toEqual([]);
    } finally {
      await successor.stop();
    }
    await page.close();
  } finally {
    await channel.stop();
  }
});

test('a camera that stops is shown as not live, with the age of the last picture; when it is back the picture goes on', async () => {
  const channel = await media('main.mp4');
  try {
    const { page } = await open(channel.daemon.url);
    await pictures(page, 10);
    channel.feeder.command({ paused: true });
    const stale = await until(page, ({ message }) => message.includes('last picture'));
    expect(stale).toMatchObject({ state: 'stale', badge: 'NOT LIVE' });
    expect(stale.message).toMatch(/^Not live: nothing comes from the camera · last picture \d+ s ago$/);
    channel.feeder.command({ paused: false });
    expect(await pictures(page, 20)).toMatchObject({ connections: 1, badge: 'LIVE' });
    await page.close();
  } finally {
    await channel.stop();
  }
});

test('a channel without a camera says that it waits, and begins when the camera comes', async () => {
  const ring = ringFolder();
  const daemon = await startStreamDaemon({ ring: ring.path, port: await freePort() });
  try {
    const { page } = await open(daemon.url);
    expect(await until(page, ({ state }) => state === 'waiting')).toMatchObject({ message: 'Waiting for the camera' });
    const feeder = await feedRing({ path: ring.path, clip: 'sub.mp4' });
    try {
      await pictures(page, 10);
    } finally {
      await feeder.stop();
    }
    await page.close();
  } finally {
    await daemon.stop();
    ring.remove();
  }
});

test('another size in the middle of the stream is played on', async () => {
  const channel = await media('sub.mp4');
  try {
    const { page, errors } = await open(channel.daemon.url);
    await pictures(page, 10);
    channel.feeder.command({ clip: 'main.mp4' });
    await page.getByText('640×360').waitFor();
    expect(await pictures(page, 20)).toMatchObject({ connections: 1 });
    expect(errors).toEqual([]);
    await page.close();
  } finally {
    await channel.stop();
  }
});

test('H.265 plays where the browser can, and is named with a way out where it cannot', async () => {
  const channel = await media('h265.mp4');
  try {
    const { page } = await open(channel.daemon.url);
    const can = await page.evaluate(`MediaSource.isTypeSupported('video/mp4; codecs="hvc1.1.6.L60.90"')`);
    if (can) await pictures(page, 10);
    else {
      const seen = await until(page, ({ state }) => state === 'unsupported');
      expect(seen.message).toContain('This browser cannot play H.265');
      expect(seen.message).toContain(`${channel.daemon.url}/stream.mp4`);
    }
    await page.close();
  } finally {
    await channel.stop();
  }
});

test('a page that the browser had put to sleep returns to the live edge', async () => {
  const channel = await media('main.mp4');
  try {
    const { page } = await open(channel.daemon.url);
    await pictures(page, 10);
    const session = await page.context().newCDPSession(page);
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    await new Promise((resolve) => setTimeout(resolve, 5000));
    await session.send('Page.setWebLifecycleState', { state: 'active' });
    expect((await pictures(page, 20)).behindMs).toBeLessThan(2000);
    expect((await health(channel.daemon.url)).viewers).toBe(1);
    await page.close();
  } finally {
    await channel.stop();
  }
});

test('what is over is forgotten: what the page holds stays small however long it is open', async () => {
  const channel = await media('main.mp4');
  try {
    const { page } = await open(channel.daemon.url);
    // The clip has a keyframe every two seconds, so fifteen seconds are several rounds of forgetting.
    await pictures(page, 375, 60_000);
    const held = await page.evaluate<number>(`(() => {
      const { buffered, currentTime } = document.querySelector('video');
      return currentTime - buffered.start(0);
    })()`);
    expect(held).toBeLessThan(12);
    expect(held).toBeGreaterThan(5);
    await page.close();
  } finally {
    await channel.stop();
  }
});
