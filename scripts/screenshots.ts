/**
 * Takes the pictures of the documentation, from the product as it is: `node scripts/screenshots.ts [--camera rtsp://...]`. With a camera its
 * picture is on the player page; without one it is the test camera's. Needs Chromium and a current build.
 */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openBrowser } from '../test/support/browser.ts';
import { cameraFlows, freePorts, Host } from '../test/support/host.ts';

const images = path.resolve(import.meta.dirname, '../docs/images');
const { values } = parseArgs({ options: { camera: { type: 'string' } } });

/** The panel on a desk and on a phone, with a viewer, and with a daemon that was killed a moment ago. */
async function takePanel(): Promise<void> {
  const names = ['Front door', 'Yard', 'Garage'];
  const ports = await freePorts(names.length);
  const cameras = names.map((name, index) => ({
    channel: name.toLowerCase().replace(' ', '-'),
    port: ports[index]!,
    camera: { name, source: 'test' },
  }));
  await host.deploy(cameraFlows(cameras));
  const live = await host.live(...cameras.map(({ channel }) => channel));
  const viewer = await browser.newPage();
  await viewer.goto(`http://127.0.0.1:${ports[0]}/`);
  // Long enough for figures and for a daemon that is respawned at once.
  await sleep(12_000);
  const victim = live[1]?.daemons.find(({ kind }) => kind === 'stream')?.pid;
  if (victim !== undefined && victim !== null) process.kill(victim, 'SIGKILL');
  await sleep(6000);
  for (const [name, options] of [
    ['panel.png', { viewport: { width: 1360, height: 900 } }],
    [
      'panel-phone.png',
      { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
    ],
  ] as const) {
    const context = await browser.newContext({ ...options, locale: 'en-GB', colorScheme: 'light' });
    const page = await context.newPage();
    await page.goto(`${host.url}/bulkhead/`);
    await page.fill('#user', host.login.username);
    await page.fill('#password', host.login.password);
    await page.click('form button');
    await page.locator('.channel').first().waitFor();
    await sleep(3000);
    await page.screenshot({ path: path.join(images, name) });
    await context.close();
  }
}

const browser = await openBrowser();
const host = await Host.start({ defaultFlow: true });
try {
  if (values.camera === undefined) {
    await host.live('test-camera');
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 }, locale: 'en-GB' });
    await page.goto(host.url);
    await page.fill('#node-dialog-login-username', host.login.username);
    await page.fill('#node-dialog-login-password', host.login.password);
    await page.click('#node-dialog-login-submit');
    await page.waitForSelector('.red-ui-palette-node[data-palette-type="bulkhead-camera"]', { state: 'attached' });
    await sleep(3000);
    await page.screenshot({ path: path.join(images, 'editor.png') });
  }
  const [port] = await freePorts(1);
  const source = values.camera === undefined ? { source: 'test' } : { source: 'rtsp', url: values.camera };
  await host.deploy(
    cameraFlows([{ channel: 'front-door', port: port!, camera: source, stream: { name: 'Front door' } }]),
  );
  await host.live('front-door');
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  await page.goto(`http://127.0.0.1:${port}/`);
  await sleep(2500);
  await page.mouse.move(400, 300);
  const name = values.camera === undefined ? 'player.png' : 'player-street.png';
  await page.screenshot({ path: path.join(images, name) });
  if (values.camera === undefined) await takePanel();
} finally {
  await browser.close();
  await host.remove();
}
