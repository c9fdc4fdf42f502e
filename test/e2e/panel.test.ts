/** An operator at the panel, in a real browser: logs in, restarts, stops and starts, sees what dies, and is never told that something is live which is not. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { ChannelDaemon } from '../../runtime/server/api/channel-view.ts';
import { openBrowser } from '../support/browser.ts';
import { cameraFlows, eventually, freePorts, Host } from '../support/host.ts';
import { watchRing } from '../support/ring-watch.ts';

let host: Host;
let browser: Browser;
let ports: number[];
let page: Page;
const errors: string[] = [];

beforeAll(async () => {
  [host, browser, ports] = await Promise.all([Host.start(), openBrowser(), freePorts(2)]);
  await host.deploy(
    cameraFlows([
      { channel: 'front', port: ports[0]!, camera: { name: 'Front door', source: 'test' } },
      { channel: 'yard', port: ports[1]!, camera: { name: 'Yard', source: 'test' } },
    ]),
  );
  await host.live('front', 'yard');
  page = await openPanel({ locale: 'en-GB' });
  await logIn(page);
});
afterAll(async () => {
  await browser?.close();
  await host?.remove();
});

async function openPanel(options: BrowserContextOptions): Promise<Page> {
  const opened = await (await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })).newPage();
  opened.on('pageerror', (error) => errors.push(error.message));
  opened.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) errors.push(message.text());
  });
  await opened.goto(`${host.url}/bulkhead/`);
  return opened;
}

async function logIn(on: Page, password = host.login.password): Promise<void> {
  await on.fill('#user', host.login.username);
  await on.fill('#password', password);
  await on.click('form button');
  if (password === host.login.password) await on.waitForSelector('[data-channel="yard"]');
}

const card = (channel: string): string => `[data-channel="${channel}"]`;
const row = (daemon: string): string => `[data-daemon="${daemon}"]`;
/** The buttons of a card are those of its bar; those of its daemons are in their rows. */
const buttonsOf = (what: string): string =>
  what.startsWith('[data-channel') ? `${what} > .bar .actions` : `${what} .actions`;

async function press(what: string, action: 'Restart' | 'Stop' | 'Start'): Promise<void> {
  await page.locator(buttonsOf(what)).getByText(action, { exact: true }).click();
}

/** Confirms the open question; gives what it said. */
async function confirm(mode?: 'Soft' | 'Hard'): Promise<string> {
  const dialog = page.locator('dialog[open]');
  await dialog.waitFor();
  if (mode !== undefined) await dialog.getByLabel(mode).check();
  const said = (await dialog.textContent()) ?? '';
  await dialog.locator('.actions .primary').click();
  await dialog.waitFor({ state: 'hidden' });
  return said;
}

async function shows(what: string, text: string): Promise<void> {
  await eventually(`${what} shows "${text}"`, async () => (await page.locator(what).first().textContent()) === text);
}

async function daemon(id: string): Promise<ChannelDaemon> {
  const found = (await host.channels()).flatMap(({ daemons }) => daemons).find((view) => view.id === id);
  if (!found) throw new Error(`no daemon ${id}`);
  return found;
}

/** What tells the processes that a test must leave alone. */
async function others(...except: readonly string[]): Promise<object[]> {
  const daemons = (await host.channels()).flatMap((channel) => channel.daemons);
  return daemons.filter(({ id }) => !except.includes(id)).map(({ id, pid, generation }) => ({ id, pid, generation }));
}

type Player = { readonly state: string; readonly framesPresented: number };
const playerOf = (on: Page): Promise<Player> =>
  on.evaluate(() => {
    const { state, framesPresented } = (globalThis as unknown as { bulkheadPlayer: Player }).bulkheadPlayer;
    return { state, framesPresented };
  });

async function seesNewPictures(on: Page): Promise<void> {
  const before = (await playerOf(on)).framesPresented;
  await eventually('the player shows new pictures', async () => {
    const { state, framesPresented } = await playerOf(on);
    return state === 'live' && framesPresented > before + 10;
  });
}

test('nobody sees anything without logging in, and a wrong password does not do', async () => {
  const stranger = await openPanel({ locale: 'en-GB' });
  await stranger.waitForSelector('#password');
  expect(await stranger.content()).not.toContain('Front door');
  await logIn(stranger, 'wrong password');
  await eventually(
    'it is refused',
    async () => (await stranger.textContent('.problem')) === 'User or password is wrong.',
  );
  await logIn(stranger);
  expect(stranger.url()).toBe(`${host.url}/bulkhead/`);
  expect(await stranger.evaluate('JSON.stringify(localStorage)')).toBe('{}');

  await stranger.reload();
  await stranger.waitForSelector(card('front'));
  await stranger.click('#log-out');
  await stranger.waitForSelector('#password');
  await stranger.reload();
  await stranger.waitForSelector('#password');
  await stranger.context().close();
});

test('each camera is there with its state, its address and its daemons as they are', async () => {
  await shows(`${card('front')} .pill`, 'live');
  await shows(`${card('front')} h3`, 'Front door');
  expect(await page.locator(`${card('front')} .links a`).getAttribute('href')).toBe(`http://127.0.0.1:${ports[0]}/`);
  for (const id of ['capture:front', 'stream:1', 'capture:yard', 'stream:2']) {
    const { pid, generation, restarts } = await daemon(id);
    await shows(`${row(id)} .daemon-state`, 'ready');
    await shows(`${row(id)} [data-fact="pid"]`, String(pid));
    await shows(`${row(id)} [data-fact="generation"]`, String(generation));
    await shows(`${row(id)} [data-fact="restarts"]`, String(restarts));
    await eventually('memory and CPU', async () => {
      const figures = await page.locator(`${row(id)} dd`).allTextContents();
      return figures.some((text) => text.endsWith(' MiB')) && figures.some((text) => text.endsWith(' %'));
    });
  }
  await shows('.summary', '2 of 2 live');
});

test('a soft restart of a stream says what it touches, and its viewer watches on', async () => {
  const viewer = await browser.newPage();
  await viewer.goto(`http://127.0.0.1:${ports[0]}/`);
  await seesNewPictures(viewer);
  await shows(`${row('stream:1')} [data-fact="viewers"]`, '1');
  const [before, untouched] = [await daemon('stream:1'), await others('stream:1')];
  const rings = ['front', 'yard'].map((channel) => watchRing(host.ringOf('tab', `camera-${channel}`)));

  await press(row('stream:1'), 'Restart');
  const said = await confirm('Soft');
  expect(said).toContain('Restart Front door, Stream?');
  expect(said).toMatch(/takes the port over before this one leaves.*same picture within a second/);
  expect(said).toContain('1 viewer is watching now.');
  expect(said).toMatch(/not touched.*The rest of this channel: Capture\..*Every other channel/);

  await shows(`${row('stream:1')} [data-fact="generation"]`, String(before.generation + 1));
  await shows('.note', `Front door, Stream: generation ${before.generation + 1} works`);
  await shows(`${row('stream:1')} [data-fact="viewers"]`, '1');
  await seesNewPictures(viewer);
  await viewer.close();
  expect(await others('stream:1')).toEqual(untouched);
  for (const ring of rings) {
    await eventually('packets', () => ring.count > 20);
    expect(ring.gaps).toEqual([]);
    expect(ring.epochs.size).toBe(1);
    ring.close();
  }
});

test('a hard restart of one daemon leaves the rest alone, and the panel tells why the last one ended', async () => {
  const [before, untouched] = [await daemon('capture:yard'), await others('capture:yard')];
  await press(row('capture:yard'), 'Restart');
  expect(await confirm('Hard')).toMatch(/killed at once and the camera is dialled again/);
  await shows(`${row('capture:yard')} [data-fact="generation"]`, String(before.generation + 1));
  await eventually('the reason', async () =>
    /by an operator \(SIGKILL\)/.test((await page.textContent(`${row('capture:yard')} [data-fact="exit"]`)) ?? ''),
  );
  expect(await others('capture:yard')).toEqual(untouched);
  await host.live('front', 'yard');
});

test('a whole channel is restarted from its card, and a question that is called off does nothing', async () => {
  const before = await others();
  await press(card('front'), 'Restart');
  await page.locator('dialog[open]').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('dialog[open]').waitFor({ state: 'hidden' });
  // The focus is where it was.
  expect(await page.evaluate(`document.querySelector('bulkhead-panel').shadowRoot.activeElement.textContent`)).toBe(
    'Restart',
  );
  expect(await others()).toEqual(before);

  const [capture, stream] = [await daemon('capture:front'), await daemon('stream:1')];
  await press(card('front'), 'Restart');
  await confirm();
  await shows(`${row('capture:front')} [data-fact="generation"]`, String(capture.generation + 1));
  await shows(`${row('stream:1')} [data-fact="generation"]`, String(stream.generation + 1));
  expect(await others('capture:front', 'stream:1')).toEqual(
    before.filter((view) => !['capture:front', 'stream:1'].includes((view as { id: string }).id)),
  );
  await host.live('front', 'yard');
});

test('a channel that is stopped is said to be stopped, by whom, and starts again', async () => {
  const untouched = await others('capture:yard', 'stream:2');
  await press(card('yard'), 'Stop');
  expect(await confirm()).toMatch(new RegExp(`Port ${ports[1]} is closed.*It stays off`));
  await shows(`${card('yard')} .pill`, 'stopped');
  await shows(`${card('yard')} .reason`, 'An operator has stopped it. It stays off until somebody starts it.');
  await shows('.summary', '1 of 2 live');
  await expect(fetch(`http://127.0.0.1:${ports[1]}/`)).rejects.toThrow();

  await press(card('yard'), 'Start');
  await shows(`${card('yard')} .pill`, 'live');
  expect((await fetch(`http://127.0.0.1:${ports[1]}/health`)).status).toBe(200);
  expect(await others('capture:yard', 'stream:2')).toEqual(untouched);
});

test('a daemon that is killed is told with its reason and the time until it was back', async () => {
  const { pid, restarts } = await daemon('stream:1');
  process.kill(pid!, 'SIGKILL');
  await shows(`${row('stream:1')} [data-fact="restarts"]`, String(restarts + 1));
  await eventually('the crash', async () =>
    /crash \(SIGKILL\)/.test((await page.textContent(`${row('stream:1')} [data-fact="exit"]`)) ?? ''),
  );
  const back = page.locator('.events li[data-type="daemon.respawned"]').first();
  await back.waitFor();
  await expect(back.textContent()).resolves.toMatch(/Front door Stream is back.*back after [\d.]+ m?s/);

  await page.selectOption('.history select', { label: 'Yard' });
  await back.waitFor({ state: 'detached' });
  expect(await page.locator('.events li strong').allTextContents()).not.toContain('Front door');
  await page.selectOption('.history select', { label: 'All cameras' });
  await host.live('front', 'yard');
});

test('the live picture of a camera is shown when asked for, and only then', async () => {
  expect(await page.locator('iframe').count()).toBe(0);
  await page
    .locator(`${card('yard')} .bar`)
    .getByText('Preview')
    .click();
  const frame = page.frameLocator(`${card('yard')} iframe`);
  await eventually('the picture', async () => (await frame.locator('#badge-text').textContent()) === 'LIVE');
  await page
    .locator(`${card('yard')} .bar`)
    .getByText('Close preview')
    .click();
  expect(await page.locator('iframe').count()).toBe(0);
});

test.each(['light', 'dark'] as const)(
  'on a phone everything fits and can be touched (%s, German)',
  async (colorScheme) => {
    const phone = await openPanel({
      viewport: { width: 360, height: 740 },
      isMobile: true,
      hasTouch: true,
      locale: 'de-DE',
      colorScheme,
    });
    await logIn(phone);
    await expect(phone.locator('.summary').textContent()).resolves.toBe('2 von 2 live');
    for (const folded of await phone.locator('summary').all()) await folded.click();
    await phone
      .locator(`${row('stream:1')} .actions`)
      .getByText('Neu starten')
      .click();
    await phone.locator('dialog[open]').waitFor();
    const { wide, small } = await phone.evaluate<{ wide: number; small: string[] }>(`({
    wide: document.documentElement.scrollWidth,
    small: [document, document.querySelector('bulkhead-panel').shadowRoot]
      .flatMap((root) => [...root.querySelectorAll('a, button, select, summary, .modes label')])
      .filter((target) => target.checkVisibility() && target.getBoundingClientRect().height < 44)
      .map((target) => target.textContent),
  })`);
    expect(wide).toBeLessThanOrEqual(360);
    expect(small).toEqual([]);
    await expect(phone.locator('dialog[open]').textContent()).resolves.toContain('Front door, Stream neu starten?');
    await phone.context().close();
  },
);

test('when the connection is lost the panel says so and from when its data is; it goes on by itself', async () => {
  const stopped = host.pid;
  process.kill(stopped, 'SIGSTOP');
  try {
    await eventually('the panel says that it is not connected', async () =>
      /^Not connected\. What you see here is of \d\d:\d\d:\d\d, not of now\.$/.test(
        (await page.textContent('.warning')) ?? '',
      ),
    );
    await shows('.connection', 'Not connected');
    expect(await page.locator(buttonsOf(card('front'))).isVisible()).toBe(false);
    expect(await page.title()).toContain('Not connected');
  } finally {
    process.kill(stopped, 'SIGCONT');
  }
  await shows('.connection', 'Connected');
  await eventually('no warning', () => page.locator('.warning').isHidden());
  expect(await page.locator(buttonsOf(card('front'))).isVisible()).toBe(true);
});

test('in the editor a tab of the sidebar is the same panel, with the login of the editor', async () => {
  const editor = await (
    await browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 900 } })
  ).newPage();
  editor.on('pageerror', (error) => errors.push(error.message));
  await editor.goto(host.url);
  await editor.fill('#node-dialog-login-username', host.login.username);
  await editor.fill('#node-dialog-login-password', host.login.password);
  await editor.click('#node-dialog-login-submit');
  await editor.waitForSelector('.red-ui-palette-node[data-palette-type="bulkhead-camera"]', { state: 'attached' });
  await editor.evaluate(`RED.actions.invoke('bulkhead:show-cameras-tab')`);
  await editor.locator(`bulkhead-panel ${card('front')} .pill`).waitFor();
  const { generation } = await daemon('stream:1');
  await editor.locator(`${card('front')} summary`).click();
  await editor
    .locator(`${row('stream:1')} .actions`)
    .getByText('Restart')
    .click();
  await editor.locator('dialog[open] .actions .primary').click();
  await eventually(
    'the next generation',
    async () => (await editor.textContent(`${row('stream:1')} [data-fact="generation"]`)) === String(generation + 1),
  );
  await editor.context().close();
});

test('no page has thrown an error, and the content security policy was in nobody’s way', () => {
  expect(errors).toEqual([]);
});
