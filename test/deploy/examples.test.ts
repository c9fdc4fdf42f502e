/** Every example runs in a real Node-RED as it was shipped; only addresses that lead out of this machine are replaced. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { eventually, freePorts, type FlowNode } from '../support/host.ts';
import { PlainNodeRed } from '../support/node-red.ts';

const folder = path.resolve(__dirname, '../../flows/examples');
const files = globSync('*.json', { cwd: folder });

let nodeRed: PlainNodeRed;
beforeAll(async () => {
  nodeRed = await PlainNodeRed.start({ release: '5' });
});
afterAll(async () => {
  await nodeRed?.remove();
});

async function example(file: string): Promise<FlowNode[]> {
  const nodes = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as FlowNode[];
  const ports = await freePorts(nodes.length);
  return nodes.map((node, index) => {
    if (node.type === 'bulkhead-device') return { ...node, address: '127.0.0.1:1' };
    return node.type === 'bulkhead-stream' ? { ...node, port: ports[index] } : node;
  });
}

test.each(files)('"%s" starts, and its cameras have channels', async (file) => {
  const flow = await example(file);
  await nodeRed.deploy(flow);
  const cameras = flow.filter(({ type }) => type === 'bulkhead-camera').map((node) => String(node['channel']));
  await eventually('its channels', async () => {
    const now = (await nodeRed.channels()).map(({ id }) => id).toSorted();
    return JSON.stringify(now) === JSON.stringify(cameras.toSorted());
  });
  expect(nodeRed.output).not.toMatch(/missing node types|Waiting for missing/i);
});

test('in "One screen, two cameras" a button changes the camera, and a deploy keeps the choice', async () => {
  const file = files.find((name) => name.includes('One screen, two cameras')) ?? '';
  const flow = await example(file);
  await nodeRed.deploy(flow);
  const onScreen = (channel: string): Promise<unknown> =>
    eventually(`${channel} on the screen`, async () => {
      const shown = (await nodeRed.channels()).filter(({ number, state }) => number !== null && state === 'live');
      return shown.length === 1 && shown[0]?.id === channel;
    });
  const press = async (button: string): Promise<void> => {
    const answer = await fetch(`${nodeRed.url}/inject/${button}`, { method: 'POST' });
    expect(answer.status).toBe(200);
  };
  await onScreen('yard');
  await press('bulkhead-ex-choose-inject-b');
  await onScreen('gate');
  await nodeRed.deploy(flow);
  await onScreen('gate');
  await press('bulkhead-ex-choose-inject-a');
  await onScreen('yard');
});
