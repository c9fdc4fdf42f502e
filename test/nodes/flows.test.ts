/** The flows that we ship: the default one and the examples. That they run is tested in test/deploy. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cameraSource, type Device } from '../../runtime/channel/camera-source.ts';
import {
  cameraSettings,
  controlSettings,
  deviceSettings,
  eventsSettings,
  readSettings,
  streamSettings,
} from '../../runtime/config.ts';
import { definition, NODES } from './editor-file.ts';

type FlowNode = Record<string, unknown> & { readonly id: string; readonly type: string; readonly wires?: string[][] };

const flowsFolder = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../flows');
const files = ['default.json', ...globSync('examples/*.json', { cwd: flowsFolder })];
const read = (file: string) => JSON.parse(readFileSync(path.join(flowsFolder, file), 'utf8')) as FlowNode[];

describe.each(files)('%s', (file) => {
  const flow = read(file);

  test('has settings that every node of ours accepts', () => {
    const device = flow.find((node) => node.type === 'bulkhead-device');
    for (const node of flow) {
      if (node.type === 'bulkhead-device') readSettings(deviceSettings, node);
      if (node.type === 'bulkhead-stream') readSettings(streamSettings, node);
      if (node.type === 'bulkhead-events') readSettings(eventsSettings, node);
      if (node.type === 'bulkhead-control') readSettings(controlSettings, node);
      if (node.type !== 'bulkhead-camera') continue;
      const settings = readSettings(cameraSettings, node);
      const on: Device | undefined =
        settings.device === '' || !device
          ? undefined
          : { settings: readSettings(deviceSettings, device), credentials: {} };
      cameraSource(settings, {}, on, '/home');
    }
  });

  test('has every property of its nodes, and no credentials', () => {
    for (const node of flow) {
      expect(node).not.toHaveProperty('credentials');
      const ours = NODES.find((name) => `bulkhead-${name}` === node.type);
      if (!ours) continue;
      expect(Object.keys(node)).toEqual(expect.arrayContaining(Object.keys(definition(ours).definition.defaults)));
    }
  });

  test('has wires that end somewhere and nodes that do not lie on each other', () => {
    const ids = new Set(flow.map((node) => node.id));
    expect(ids.size).toBe(flow.length);
    for (const target of flow.flatMap((node) => node.wires?.flat() ?? [])) expect(ids).toContain(target);
    const places = flow.filter((node) => 'x' in node).map((node) => `${String(node['x'])},${String(node['y'])}`);
    expect(new Set(places).size).toBe(places.length);
  });
});

test('every node type that is not a config node has an example', () => {
  const used = new Set(
    files.filter((file) => file !== 'default.json').flatMap((file) => read(file).map(({ type }) => type)),
  );
  for (const name of NODES) {
    const { type, definition: node } = definition(name);
    if (node.category !== 'config') expect(used).toContain(type);
  }
});

test('two flows can be imported side by side: no channel, number or id is used twice', () => {
  const all = files.flatMap(read);
  const of = (type: string, property: string) => all.filter((node) => node.type === type).map((node) => node[property]);
  for (const values of [of('bulkhead-camera', 'channel'), of('bulkhead-stream', 'number'), all.map(({ id }) => id)]) {
    expect(new Set(values).size).toBe(values.length);
  }
});

test('the default flow is a test camera, live on channel 1', () => {
  const flow = read('default.json');
  const camera = flow.find((node) => node.type === 'bulkhead-camera');
  const stream = flow.find((node) => node.type === 'bulkhead-stream');
  expect(camera).toMatchObject({ channel: 'test-camera', source: 'test', wires: [[stream?.id]] });
  expect(stream).toMatchObject({ number: 1, port: 0, host: '127.0.0.1' });
});
