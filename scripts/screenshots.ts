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
} finally {
  await browser.close();
  await host.remove();
}
