/** The tab "Cameras" in a palette's Node-RED of either release: below a path of its own, in the editor's language, and with buttons for those only who may press them. */
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { cameraFlows, eventually, freePorts } from '../support/host.ts';
import { PlainNodeRed, RELEASES, type Release } from '../support/node-red.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
});

/** Somebody may look without logging in, and do nothing. */
const GUESTS_LOOK = { adminAuth: { type: 'credentials', users: [], default: { permissions: 'read' } } };

const card = '[data-channel="front"]';

async function openTab(nodeRed: PlainNodeRed, locale: string): Promise<{ page: Page; errors: string[] }> {
  const page = await (await browser.newContext({ locale, viewport: { width: 1280, height: 860 } })).newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(`${nodeRed.url}/`);
  await page.waitForSelector('.red-ui-palette-node[data-palette-type="bulkhead-camera"]', { state: 'attached' });
  await page.evaluate(`RED.actions.invoke('bulkhead:show-cameras-tab')`);
  await page.locator(`bulkhead-panel ${card} .pill`).waitFor();
  return { page, errors };
}

describe.each(Object.keys(RELEASES) as Release[])('in Node-RED %s', (release) => {
  let nodeRed: PlainNodeRed;
  afterEach(async () => {
    await nodeRed?.remove();
  });

  async function start(settings: Readonly<Record<string, unknown>>): Promise<void> {
    const [port = 0] = await freePorts(1);
    const flows = cameraFlows([{ channel: 'front', port, camera: { name: 'Front door', source: 'test' } }]);
    nodeRed = await PlainNodeRed.start({ release, settings, flows });
    await eventually('the camera is live', async () => (await nodeRed.channels())[0]?.state === 'live');
  }

  test('the tab shows the cameras below an administration path, in German, and restarts one', async () => {
    await start({ httpAdminRoot: '/admin/cameras' });
    const { page, errors } = await openTab(nodeRed, 'de');
    await eventually('it is live', async () => (await page.textContent(`${card} .pill`)) === 'live');
    const stream = '[data-daemon="stream:1"]';
    const generation = Number(await page.textContent(`${stream} [data-fact="generation"]`));
    await page.locator(`${card} summary`).click();
    await page.locator(`${stream} .actions`).getByText('Neu starten').click();
    await page.locator('dialog[open] .actions .primary').click();
    await eventually(
      'the next generation',
      async () => (await page.textContent(`${stream} [data-fact="generation"]`)) === String(generation + 1),
    );
    expect(errors).toEqual([]);
    // A tab that nobody sees asks for nothing.
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.evaluate(`RED.sidebar.show('info')`);
    await page.locator(`bulkhead-panel`).waitFor({ state: 'hidden' });
    asked.length = 0;
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(asked.filter((path) => path.includes('/bulkhead/'))).toEqual([]);
    await page.context().close();
  });

  test('who may only look sees everything and has no buttons', async () => {
    await start(GUESTS_LOOK);
    const { page, errors } = await openTab(nodeRed, 'en-US');
    await eventually('it is live', async () => (await page.textContent(`${card} .pill`)) === 'live');
    await page.locator(`${card} summary`).click();
    await page.locator('[data-daemon="stream:1"] [data-fact="pid"]').waitFor();
    for (const button of await page.locator('.channels .actions button').all()) {
      expect(await button.isVisible()).toBe(false);
    }
    expect(await page.locator('bulkhead-panel .panel').textContent()).toContain(
      'You may look, but not restart or stop.',
    );
    expect(errors).toEqual([]);
    const refused = await fetch(`${nodeRed.url}/bulkhead/api/channels/front/stop`, { method: 'POST' });
    expect(refused.status).toBe(401);
    await page.context().close();
  });
});
