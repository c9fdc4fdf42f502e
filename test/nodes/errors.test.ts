/** What goes wrong, as the flow is told: on Catch nodes, once each, and on Status nodes in a few words. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { startCamera, type Camera } from '../support/camera.ts';
import { eventually, freePorts, type FlowNode } from '../support/host.ts';
import { PlainNodeRed } from '../support/node-red.ts';

let nodeRed: PlainNodeRed;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-errors-'));
  nodeRed = await PlainNodeRed.start({ release: '5' });
});
afterAll(async () => {
  await nodeRed?.remove();
  rmSync(folder, { recursive: true, force: true });
});

const TAB = { id: 'tab', type: 'tab', label: 'tab' };
const at = { z: 'tab', x: 100, y: 100 };

/** A flow whose Catch and Status nodes print what they get, each line with its mark. */
function watched(nodes: readonly FlowNode[], mark: string): FlowNode[] {
  const print = (id: string, property: string): FlowNode => ({
    ...at,
    id,
    type: 'debug',
    name: `${mark}-${id}`,
    active: true,
    console: true,
    tosidebar: false,
    complete: property,
    targetType: 'msg',
    wires: [],
  });
  return [
    TAB,
    ...nodes,
    { ...at, id: 'catch', type: 'catch', scope: null, uncaught: false, wires: [['caught']] },
    { ...at, id: 'status', type: 'status', scope: null, wires: [['shown']] },
    print('caught', 'error.message'),
    print('shown', 'status.text'),
  ];
}

function camera(change: object): FlowNode {
  return {
    ...at,
    id: 'cam',
    type: 'bulkhead-camera',
    name: '',
    channel: 'front',
    source: 'rtsp',
    url: '',
    wires: [[]],
    ...change,
  };
}

/** What a Catch or Status node of the flow with this mark has printed so far. */
function printed(mark: string, what: 'caught' | 'shown'): string[] {
  const lines = nodeRed.output.matchAll(new RegExp(`\\[debug:${mark}-${what}\\]\\s+(.*)`, 'g'));
  return [...lines].map((match) => stripVTControlCharacters(match[1]!).replaceAll("'", ''));
}

test.each([
  ['a source that is not available yet', { source: 'usb' }, /not available yet/, 'not supported'],
  ['no address', { url: '' }, /enter its URL, or choose a device/, 'wrong settings'],
  ['no channel', { channel: '', source: 'test' }, /"channel" is missing/, 'wrong settings'],
  ['a device that is gone', { device: 'nowhere', url: '/x' }, /device of this camera is gone/, 'not found'],
])('a camera with %s says so to Catch and Status', async (what, change, message, status) => {
  const mark = what.replaceAll(' ', '-');
  await nodeRed.deploy(watched([camera(change)], mark));
  await eventually('it is caught', () => printed(mark, 'caught').length > 0);
  expect(printed(mark, 'caught')).toEqual([expect.stringMatching(message)]);
  expect(printed(mark, 'shown').at(-1)).toBe(status);
});

test('a camera that is away is caught once, however often it is tried, and once more when it is lost again', async () => {
  let tries = 0;
  const nobody = createServer((socket) => {
    tries += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
  const { port } = nobody.address() as AddressInfo;
  await nodeRed.deploy(watched([camera({ url: `rtsp://127.0.0.1:${port}/main` })], 'away'));
  await eventually('it is tried again and again', () => tries >= 3);
  nobody.close();
  await eventually('it is refused', () => printed('away', 'shown').at(-1) === 'offline: refused');
  const before = printed('away', 'caught');
  // It hung up, then it refused: two reasons at most, however often it was tried.
  expect(before.length).toBeGreaterThan(0);
  expect(new Set(before).size).toBe(before.length);

  let real: Camera | undefined;
  try {
    real = await startCamera({ port, only: ['main'] });
    await eventually('it is online', () => printed('away', 'shown').at(-1) === '640x360 25 fps');
    expect(printed('away', 'caught')).toHaveLength(before.length);
    await real.unplug();
    await eventually('its loss is caught', () => printed('away', 'caught').length > before.length);
    expect(printed('away', 'shown').at(-1)).toMatch(/^offline/);
  } finally {
    await real?.stop();
  }
});

test('a message that is no handle is an error of that message', async () => {
  const [port = 0] = await freePorts(1);
  const inject = (id: string, props: object[]): FlowNode => ({
    ...at,
    id,
    type: 'inject',
    once: true,
    onceDelay: 0.1,
    props,
    repeat: '',
    wires: [['stream']],
  });
  const foreign = JSON.stringify({
    v: 1,
    id: 'elsewhere:0',
    epoch: 'e',
    kind: 'video',
    form: 'packets',
    codec: null,
    width: null,
    height: null,
    fps: null,
    audio: null,
  });
  await nodeRed.deploy(
    watched(
      [
        inject('plain', [{ p: 'payload', v: 'hello', vt: 'str' }]),
        inject('foreign', [{ p: 'media', v: foreign, vt: 'json' }]),
        { ...at, id: 'stream', type: 'bulkhead-stream', number: 1, port, wires: [] },
      ],
      'message',
    ),
  );
  await eventually('both are caught', () => printed('message', 'caught').length === 2);
  expect(printed('message', 'caught').toSorted()).toEqual([
    expect.stringMatching(/names no camera of this Node-RED/),
    expect.stringMatching(/has no msg\.media/),
  ]);
  expect(printed('message', 'shown').at(-1)).toBe('waiting for camera');
});

test('a port that is taken is caught, shown, and taken as soon as it is free', async () => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
  const { port } = blocker.address() as AddressInfo;
  await nodeRed.deploy(
    watched(
      [
        camera({ source: 'test', wires: [['stream']] }),
        { ...at, id: 'stream', type: 'bulkhead-stream', number: 1, port, wires: [] },
      ],
      'port',
    ),
  );
  await eventually('it is caught', () => printed('port', 'caught').some((text) => text.includes(String(port))));
  await eventually('it is shown', () => printed('port', 'shown').includes('port taken'));
  blocker.close();
  await eventually('the stream serves', () => printed('port', 'shown').some((text) => text.endsWith(' viewers')));
  expect(printed('port', 'caught')).toHaveLength(1);
});

test('two cameras wired to one stream are a warning, and the last is served', async () => {
  const [port = 0] = await freePorts(1);
  await nodeRed.deploy(
    watched(
      [
        camera({ source: 'test', wires: [['stream']] }),
        camera({ id: 'cam2', source: 'test', channel: 'back', wires: [['stream']] }),
        { ...at, id: 'stream', type: 'bulkhead-stream', number: 1, port, wires: [] },
      ],
      'two',
    ),
  );
  await eventually('the warning', () =>
    nodeRed.output.includes('Several cameras reach this stream: it serves "back" and leaves out "front"'),
  );
  expect((await nodeRed.channels()).map(({ id, number }) => [id, number])).toEqual([
    ['back', 1],
    ['front', null],
  ]);
});

test('two Node-REDs with one home: the second says so, and takes over with a deploy when the first has ended', async () => {
  const first = await PlainNodeRed.start({ release: '5', home: `${folder}/shared` });
  const second = await PlainNodeRed.start({ release: '5', home: `${folder}/shared` });
  try {
    await first.deploy(watched([camera({ source: 'test' })], 'first'));
    await eventually('the first one has a camera', async () => (await first.channels())[0]?.state === 'live');

    const flows = watched([camera({ source: 'test' })], 'second');
    await second.deploy(flows);
    await eventually('the second one is told', () => second.output.includes('Another Bulkhead works in'));
    expect((await first.channels())[0]?.state).toBe('live');

    await first.remove();
    await second.deploy(flows);
    await eventually('the second one has a camera', async () => (await second.channels())[0]?.state === 'live');
  } finally {
    await first.remove();
    await second.remove();
  }
});
