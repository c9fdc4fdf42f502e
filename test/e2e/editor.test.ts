/** A person in the editor: logs in, opens every dialog, tests a camera, deploys, and is told what is wrong. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { startCamera, type Camera } from '../support/camera.ts';
import { eventually, freePorts, Host, type FlowNode } from '../support/host.ts';

const CAMERA = 'bulkhead-test-camera';
const STREAM = 'bulkhead-test-stream';
const EVENTS = 'bulkhead-all-events';

let camera: Camera;
let host: Host;
let browser: Browser;
/** One person's editor; what a test leaves undeployed is thrown away after it. */
let page: Page;
let port: number;
let flow: FlowNode[];
const errors: string[] = [];

beforeAll(async () => {
  [camera, host, browser, [port = 0]] = await Promise.all([
    startCamera({ only: ['main'] }),
    Host.start(),
    openBrowser(),
    freePorts(1),
  ]);
  const shipped = JSON.parse(readFileSync(path.join(__dirname, '../../flows/default.json'), 'utf8')) as FlowNode[];
  flow = shipped.map((node) => (node.id === STREAM ? { ...node, port } : node));
  await host.deploy(flow);
  await host.live('test-camera');
  page = await openEditor();
});
afterEach(async () => {
  if (await page.evaluate('RED.nodes.dirty()')) await reload();
});
afterAll(async () => {
  await browser?.close();
  await host?.remove();
  await camera?.stop();
});

async function logIn(page: Page, password = host.login.password): Promise<void> {
  await page.fill('#node-dialog-login-username', host.login.username);
  await page.fill('#node-dialog-login-password', password);
  await page.click('#node-dialog-login-submit');
}

async function openEditor(language = 'en-US'): Promise<Page> {
  const context = await browser.newContext({ locale: language, viewport: { width: 1280, height: 860 } });
  const page = await context.newPage();
  page.on('pageerror', (error) => errors.push(error.message));
  // "You have undeployed changes": throw them away.
  page.on('dialog', (dialog) => void dialog.accept());
  await page.goto(host.url);
  await logIn(page);
  await flowIsShown(page);
  return page;
}

async function flowIsShown(page: Page): Promise<void> {
  await page.waitForSelector(`[id="${EVENTS}"]`, { state: 'attached' });
}

async function reload(): Promise<void> {
  await page.reload();
  await flowIsShown(page);
}

async function edit(page: Page, id: string): Promise<void> {
  await page.evaluate(`RED.editor.edit(RED.nodes.node(${JSON.stringify(id)}))`);
  await page.waitForSelector('#node-input-name', { state: 'visible' });
}

/** Presses a button of the dialog and waits until the dialog is gone. */
async function press(page: Page, button: '#node-dialog-ok' | '#node-dialog-cancel'): Promise<void> {
  await page.click(button);
  await page.waitForSelector('.red-ui-tray', { state: 'detached' });
}

async function pressTest(page: Page): Promise<{ good: boolean; text: string }> {
  await page.click('#bulkhead-test');
  await page.waitForSelector('.bulkhead-ok, .bulkhead-failed');
  const good = (await page.locator('.bulkhead-ok').count()) === 1;
  return { good, text: (await page.locator('#bulkhead-probe').textContent()) ?? '' };
}

const statusOf = (page: Page, id: string): Promise<string> =>
  page.evaluate(`RED.nodes.node(${JSON.stringify(id)}).status?.text ?? ''`);

test('a wrong password is refused, the right one opens a flow in which the camera and its stream say that they are live', async () => {
  const stranger = await (await browser.newContext()).newPage();
  await stranger.goto(host.url);
  await logIn(stranger, 'wrong password');
  await stranger.waitForSelector('#node-dialog-login-failed', { state: 'visible' });
  await stranger.context().close();

  await expect(page.title()).resolves.toMatch(/^Bulkhead/);
  await eventually('the camera shows size and rate', async () =>
    /^\d+x\d+ \d+ fps$/.test(await statusOf(page, CAMERA)),
  );
  await eventually('the stream shows its viewers', async () =>
    /^\d+ fps - 0 viewers$/.test(await statusOf(page, STREAM)),
  );
});

test('a dialog that was opened and closed with Done has changed nothing', async () => {
  for (const id of [CAMERA, STREAM, EVENTS]) {
    await edit(page, id);
    await press(page, '#node-dialog-ok');
  }
  expect(await page.evaluate('RED.nodes.dirty()')).toBe(false);
});

test('Test says what a camera is, or why it does not answer; Done and Deploy make it live', async () => {
  await edit(page, CAMERA);
  expect(await pressTest(page)).toEqual({ good: true, text: expect.stringMatching(/^H\.264, \d+ × \d+, \d+ fps, /) });

  await page.selectOption('#node-input-source', 'rtsp');
  await page.fill('#node-input-url', 'rtsp://admin:not%20for%20flows@127.0.0.1:1/main');
  await page.locator('#node-input-url').blur();
  expect(await page.inputValue('#node-input-url')).toBe('rtsp://127.0.0.1:1/main');
  expect(await page.inputValue('#node-input-username')).toBe('admin');
  expect(await page.inputValue('#node-input-password')).toBe('not for flows');
  const refused = await pressTest(page);
  expect(refused).toEqual({ good: false, text: expect.stringMatching(/refuse/i) });
  expect(refused.text).not.toContain('not for flows');

  await page.fill('#node-input-url', camera.url('main'));
  expect(await pressTest(page)).toEqual({ good: true, text: expect.stringContaining('H.264, 640 × 360, 25 fps') });
  await press(page, '#node-dialog-ok');
  await page.click('#red-ui-header-button-deploy');
  await eventually('the real camera is live', async () => (await host.channel('test-camera'))?.media?.fps === 25);
  await eventually('its node says so', async () => (await statusOf(page, CAMERA)) === '640x360 25 fps');
  const stored = readFileSync(path.join(host.home, 'flows.json'), 'utf8');
  expect(stored).toContain(camera.url('main'));
  expect(stored).not.toContain('not for flows');

  // Undeployed changes apart, the stored password is used without being shown.
  await edit(page, CAMERA);
  expect(await page.inputValue('#node-input-password')).toBe('__PWRD__');
  expect(await pressTest(page)).toMatchObject({ good: true });
  await press(page, '#node-dialog-cancel');
  await host.deploy(flow);
  await host.live('test-camera');
  await reload();
});

test('the fields are those that the source needs', async () => {
  await edit(page, CAMERA);
  const shown = async (): Promise<string[]> => {
    const fields = ['url', 'transport', 'device', 'username', 'password'];
    const visible = await Promise.all(fields.map((field) => page.locator(`#node-input-${field}`).isVisible()));
    return fields.filter((_field, index) => visible[index]);
  };
  expect(await shown()).toEqual([]);
  await page.selectOption('#node-input-source', 'file');
  expect(await shown()).toEqual(['url']);
  await page.selectOption('#node-input-source', 'http');
  expect(await shown()).toEqual(['url', 'device', 'username', 'password']);
  await page.selectOption('#node-input-source', 'rtsp');
  expect(await shown()).toEqual(['url', 'transport', 'device', 'username', 'password']);
  await press(page, '#node-dialog-cancel');
});

test('a device brings the address; its dialog takes a pasted URL apart', async () => {
  await edit(page, CAMERA);
  await page.selectOption('#node-input-source', 'rtsp');
  await page.click('#node-input-btn-device-add');
  const { host: address, pathname } = new URL(camera.url('main'));
  await page.fill('#node-config-input-address', `rtsp://u:p@${address}${pathname}`);
  await page.locator('#node-config-input-address').blur();
  expect(await page.inputValue('#node-config-input-address')).toBe(address);
  expect(await page.inputValue('#node-config-input-username')).toBe('u');
  await page.click('#node-config-dialog-ok');
  await page.waitForSelector('#node-config-input-address', { state: 'detached' });
  await page.fill('#node-input-url', pathname);
  expect(await page.textContent('#bulkhead-url-label')).toBe('Path');
  expect(await pressTest(page)).toMatchObject({ good: true });
  await press(page, '#node-dialog-cancel');
});

test('a stream shows where to watch, and that an address is for this machine only', async () => {
  await edit(page, STREAM);
  const link = page.locator('#bulkhead-stream-link a');
  expect(await link.getAttribute('href')).toBe(`http://127.0.0.1:${port}/`);
  // On a busy machine the editor may still be filling in the form: a person would not be that fast.
  await eventually('the address follows what was typed', async () => {
    await page.fill('#node-input-port', '');
    await page.fill('#node-input-number', '7');
    return (await link.getAttribute('href')) === 'http://127.0.0.1:8107/';
  });
  expect(await page.getAttribute('#node-input-port', 'placeholder')).toBe('8107');
  await page.selectOption('#node-input-host', '0.0.0.0');
  await expect(page.locator('#bulkhead-stream-link small').textContent()).resolves.toMatch(/without a password/);
  await press(page, '#node-dialog-cancel');
});

test('events are chosen by check marks', async () => {
  await edit(page, EVENTS);
  await page.check('#bulkhead-event-types input[value="camera.offline"]');
  await page.check('#bulkhead-event-channels input[value="test-camera"]');
  await press(page, '#node-dialog-ok');
  expect(await page.evaluate(`(({ types, channels }) => ({ types, channels }))(RED.nodes.node('${EVENTS}'))`)).toEqual({
    types: ['camera.offline'],
    channels: ['test-camera'],
  });
  expect(await page.evaluate('RED.nodes.dirty()')).toBe(true);
});

test('a new camera and a new stream get names of their own, and the camera says what it lacks', async () => {
  for (const type of ['camera', 'stream']) {
    const from = await page.locator(`.red-ui-palette-node[data-palette-type="bulkhead-${type}"]`).boundingBox();
    if (!from) throw new Error(`no ${type} in the palette`);
    await page.mouse.move(from.x + 20, from.y + 10);
    await page.mouse.down();
    await page.mouse.move(500, 400, { steps: 8 });
    await page.mouse.move(600, type === 'camera' ? 420 : 520, { steps: 4 });
    await page.mouse.up();
  }
  const added = await eventually('both are there', async () => {
    const nodes = await page.evaluate<object[]>(`
      ['bulkhead-camera', 'bulkhead-stream']
        .flatMap((type) => RED.nodes.filterNodes({ type }))
        .filter((node) => !node.id.startsWith('bulkhead-'))
        .map(({ type, channel, number, valid, validationErrors }) => ({ type, channel, number, valid, validationErrors }))
    `);
    return nodes.length === 2 && nodes;
  });
  expect(added).toEqual([
    {
      type: 'bulkhead-camera',
      channel: 'camera-1',
      valid: false,
      validationErrors: [expect.stringContaining('Enter the URL of the camera, or choose a device')],
    },
    { type: 'bulkhead-stream', number: 2, valid: true, validationErrors: [] },
  ]);
});

test('the name of a camera suggests its channel until somebody sets another', async () => {
  await edit(page, CAMERA);
  await page.fill('#node-input-name', 'Haustür Süd');
  expect(await page.inputValue('#node-input-channel')).toBe('haustuer-sued');
  await page.fill('#node-input-channel', 'front');
  await page.fill('#node-input-name', 'Another');
  expect(await page.inputValue('#node-input-channel')).toBe('front');
  await press(page, '#node-dialog-cancel');
});

test('in German the dialogs and the help are German', async () => {
  const german = await openEditor('de');
  await edit(german, CAMERA);
  await expect(german.locator('label[for="node-input-source"]').textContent()).resolves.toContain('Quelle');
  await press(german, '#node-dialog-cancel');
  expect(await german.evaluate(`RED.nodes.getNodeHelp('bulkhead-camera')`)).toContain('Ausgänge');
});

test('no page of the editor has thrown an error', () => {
  expect(errors).toEqual([]);
});
