/** A real Node-RED of each release loads our package as its palette would, and a camera is live. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathsOf } from '../../runtime/paths.ts';
import { eventually, freePorts, type FlowNode } from '../support/host.ts';
import { PlainNodeRed, RELEASES, type Release } from '../support/node-red.ts';

const TYPES = ['bulkhead-camera', 'bulkhead-control', 'bulkhead-device', 'bulkhead-events', 'bulkhead-stream'];

const cases = (Object.keys(RELEASES) as Release[]).flatMap((release) =>
  (['folder', 'tarball'] as const).map((install) => ({ release, install })),
);

describe.each(cases)('Node-RED $release with our $install', ({ release, install }) => {
  let nodeRed: PlainNodeRed;
  beforeAll(async () => {
    nodeRed = await PlainNodeRed.start({ release, install });
  });
  afterAll(async () => {
    await nodeRed?.remove();
  });

  test('loads every node without an error', async () => {
    const sets = await nodeRed.nodeSets();
    expect(sets.flatMap(({ types }) => types).toSorted()).toEqual(TYPES);
    expect(sets.filter(({ enabled, err }) => !enabled || err !== undefined)).toEqual([]);
  });

  test('loads the plugin of the sidebar, with its texts', async () => {
    const plugins = await nodeRed.get<{ id: string; enabled: boolean; err?: string }[]>('/plugins');
    const ours = plugins.filter(({ id }) => id.startsWith('@bulkhead/bulkhead/'));
    expect(ours).toEqual([expect.objectContaining({ id: '@bulkhead/bulkhead/bulkhead-panel', enabled: true })]);
    expect(ours[0]).not.toHaveProperty('err');
    const texts = await nodeRed.get<Record<string, object>>('/plugins/messages?lng=de');
    expect(texts['@bulkhead/bulkhead/bulkhead-panel']).toHaveProperty('panel.label', 'Kameras');
  });

  test('gives the editor each node with its dialog, help, texts and icon', async () => {
    const answer = await fetch(`${nodeRed.url}/nodes`, { headers: { Accept: 'text/html' } });
    const page = await answer.text();
    for (const type of TYPES) {
      for (const attribute of ['data-template-name', 'data-help-name'])
        expect(page).toContain(`${attribute}="${type}"`);
    }
    const texts = await nodeRed.get<Record<string, object>>('/nodes/messages?lng=de');
    for (const type of TYPES) expect(texts[`@bulkhead/bulkhead/${type}`]).toHaveProperty(type.replace('bulkhead-', ''));
    const icons = await nodeRed.get<Record<string, string[]>>('/icons');
    expect(icons['@bulkhead/bulkhead']?.toSorted()).toEqual(TYPES.map((type) => `${type}.svg`));
  });

  test('offers the examples for import', async () => {
    const offered = await nodeRed.get<{ fn: string }[]>('/library/examples/flows/@bulkhead/bulkhead/');
    const names = globSync('flows/examples/*.json').map((file) => path.basename(file, '.json'));
    expect(names.length).toBeGreaterThan(0);
    expect(offered.map(({ fn }) => fn).toSorted()).toEqual(names.toSorted());
  });

  test('runs a camera and a stream, and ends them with itself', async () => {
    const [port = 0] = await freePorts(1);
    const flow = JSON.parse(readFileSync('flows/default.json', 'utf8')) as FlowNode[];
    await nodeRed.deploy(flow.map((node) => (node.type === 'bulkhead-stream' ? { ...node, port } : node)));
    const [channel] = await eventually('the test camera is live', async () => {
      const channels = await nodeRed.channels();
      return channels[0]?.state === 'live' && channels;
    });
    expect(channel).toMatchObject({ id: 'test-camera', number: 1, port, media: { codec: 'h264' } });
    const health = await fetch(`http://127.0.0.1:${port}/health`);
    expect(health.status).toBe(200);

    expect(existsSync(pathsOf(nodeRed.home).rings)).toBe(true);
    const pids = channel?.daemons.map(({ pid }) => pid ?? 0) ?? [];
    expect(pids).toHaveLength(2);
    await nodeRed.remove();
    await eventually('the daemons are gone', () => pids.every((pid) => !isAlive(pid)));
    expect(existsSync(pathsOf(nodeRed.home).rings)).toBe(false);
  });
});

function isAlive(pid: number): boolean {
  try {
    // A process that nobody has waited for yet is a zombie: it is not alive.
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
