/**
 * The deploy matrix: every way of deploying through every way of passing a handle on, with real daemons, asserting who is restarted and that nobody else
 * misses a packet. Node-RED behaves alike in both releases; the test of each runs these steps.
 *
 *   tab A   yard ---------------------> stream 1
 *           gate -> switch -> change -> link out --+
 *   tab B                              link in <---+---> stream 2
 *   tab A   hall -> subflow instance [ in -> stream 3 ]
 *           subflow instance [ camera (attic) -> out ] -> stream 4
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, freePorts, type FlowNode } from '../support/host.ts';
import { PlainNodeRed, type Release } from '../support/node-red.ts';
import { watchRing, type RingWatch } from '../support/ring-watch.ts';

/** After a start of flows: longer than sinks wait for a confirmation. */
const SETTLED_MS = 1900;
const DEPLOYS = ['full', 'flows', 'nodes'] as const;
type Deploy = (typeof DEPLOYS)[number];

/** A node that takes longer to close than a ring or a daemon is kept without its node. */
const SLOW_CLOSE = {
  'slow-close.js': `module.exports = (RED) => RED.nodes.registerType('slow-close', function (config) {
    RED.nodes.createNode(this, config);
    this.on('close', (removed, done) => setTimeout(done, 5500));
  });`,
  'slow-close.html': `<script type="text/javascript">RED.nodes.registerType('slow-close', { category: 'x', defaults: {} });</script>`,
};

function flow(ports: readonly number[]): FlowNode[] {
  const camera = (id: string, z: string, channel: string, wires: string[], more: object = {}): FlowNode => ({
    id,
    z,
    type: 'bulkhead-camera',
    name: '',
    channel,
    source: 'test',
    x: 100,
    y: 100,
    wires: [wires],
    ...more,
  });
  const stream = (id: string, z: string, number: number, more: object = {}): FlowNode => ({
    id,
    z,
    type: 'bulkhead-stream',
    name: '',
    number,
    port: ports[number - 1],
    x: 400,
    y: 100,
    wires: [],
    ...more,
  });
  return [
    { id: 'A', type: 'tab', label: 'A' },
    { id: 'B', type: 'tab', label: 'B' },
    { id: 'SI', type: 'subflow', name: 'in', in: [{ x: 50, y: 50, wires: [{ id: 's3' }] }], out: [] },
    { id: 'SO', type: 'subflow', name: 'out', in: [], out: [{ x: 300, y: 50, wires: [{ id: 'cam-attic', port: 0 }] }] },
    camera('yard', 'A', 'yard', ['s1']),
    stream('s1', 'A', 1),
    camera('gate', 'A', 'gate', ['switch']),
    {
      id: 'switch',
      z: 'A',
      type: 'switch',
      property: 'topic',
      propertyType: 'msg',
      rules: [{ t: 'eq', v: 'gate', vt: 'str' }],
      checkall: 'true',
      outputs: 1,
      x: 200,
      y: 200,
      wires: [['change']],
    },
    {
      id: 'change',
      z: 'A',
      type: 'change',
      rules: [{ t: 'set', p: 'note', pt: 'msg', to: 'by change', tot: 'str' }],
      x: 300,
      y: 200,
      wires: [['out']],
    },
    { id: 'out', z: 'A', type: 'link out', mode: 'link', links: ['in'], x: 400, y: 200, wires: [] },
    { id: 'in', z: 'B', type: 'link in', links: ['out'], x: 100, y: 100, wires: [['s2']] },
    stream('s2', 'B', 2),
    camera('hall', 'A', 'hall', ['inst-in']),
    { id: 'inst-in', z: 'A', type: 'subflow:SI', x: 300, y: 300, wires: [] },
    stream('s3', 'SI', 3),
    // Its id must not be its channel: Node-RED gives ids inside a subflow another name, wherever they stand.
    camera('cam-attic', 'SO', 'attic', []),
    { id: 'inst-out', z: 'A', type: 'subflow:SO', x: 100, y: 400, wires: [['s4']] },
    stream('s4', 'A', 4),
  ];
}

/** Not part of the flow: every full deploy would wait for it. */
const slowNode: FlowNode = { id: 'slow', z: 'B', type: 'slow-close', x: 100, y: 300, wires: [] };

const RINGS = { yard: 'A/yard', gate: 'A/gate', hall: 'A/hall', attic: 'A/inst-out/cam-attic' } as const;
type Channel = keyof typeof RINGS;
const CHANNELS = Object.keys(RINGS) as Channel[];
const DAEMONS = [
  ...CHANNELS.map((channel) => `capture:${channel}`),
  ...[1, 2, 3, 4].map((number) => `stream:${number}`),
].toSorted();

type Edit = (node: FlowNode) => FlowNode | undefined;

/** Registers the tests for a release. */
export function testDeploys(release: Release): void {
  let nodeRed: PlainNodeRed;
  let base: FlowNode[];
  let spare = 0;

  /** The flow with some of its nodes changed, replaced or (undefined) removed. */
  const edited = (edits: Readonly<Record<string, Edit>>): FlowNode[] =>
    base.flatMap((node) => {
      const edit = edits[node.id];
      const result = edit ? edit(node) : node;
      return result ? [result] : [];
    });

  /** pid and generation of every daemon that there is. */
  const daemons = async (): Promise<Map<string, string>> => {
    const views = (await nodeRed.channels()).flatMap((channel) => channel.daemons);
    return new Map(views.map(({ id, pid, generation, state }) => [id, `${pid} ${generation} ${state}`]));
  };

  const allLive = async (ids: readonly string[] = DAEMONS): Promise<void> => {
    let now = await daemons();
    await eventually('these daemons and no others work', async () => {
      now = await daemons();
      return ids.every((id) => now.get(id)?.endsWith(' ready')) && now.size === ids.length;
    }).catch((error: Error) => {
      const is = JSON.stringify(Object.fromEntries(now), null, 1);
      throw new Error(`${error.message}: ${ids.join(', ')}\nbut it is ${is}\n${nodeRed.output.slice(-2000)}`);
    });
  };

  /** Node-RED answers a deploy before it has started the flows. */
  const deployAndStart = async (flows: readonly FlowNode[], type: Deploy): Promise<void> => {
    const starts = (): number => nodeRed.output.split('] Started ').length;
    const before = starts();
    await nodeRed.deploy(flows, type);
    await eventually('flows are started', () => starts() > before);
  };

  /** Deploys, waits, and says which daemons are not what they were; the channels in `calm` must not have missed a packet meanwhile. */
  const deploy = async (
    flows: readonly FlowNode[],
    type: Deploy,
    calm: readonly Channel[] = CHANNELS,
  ): Promise<string[]> => {
    const before = await daemons();
    const watches = new Map<Channel, RingWatch>(
      calm.map((channel) => [channel, watchRing(nodeRed.ringOf(RINGS[channel]))]),
    );
    try {
      await deployAndStart(flows, type);
      await sleep(SETTLED_MS);
      for (const [channel, watch] of watches) {
        await eventually(`packets of ${channel}`, () => watch.count > 20);
        expect({ channel, gaps: watch.gaps, writers: watch.epochs.size }).toEqual({ channel, gaps: [], writers: 1 });
      }
    } finally {
      for (const watch of watches.values()) watch.close();
    }
    const after = await daemons();
    return [...new Set([...before.keys(), ...after.keys()])]
      .filter((id) => before.get(id) !== after.get(id))
      .toSorted();
  };

  const without = (...gone: readonly string[]): string[] => DAEMONS.filter((id) => !gone.includes(id));

  /** Deploys the flow as it was, and waits until the daemons that this must replace or bring back are there. */
  const restore = async (...ids: readonly string[]): Promise<void> => {
    const before = await daemons();
    await deployAndStart(base, 'nodes');
    await eventually(`${ids.join(', ')} as before`, async () => {
      const now = await daemons();
      return ids.every((id) => now.get(id)?.endsWith(' ready') && now.get(id) !== before.get(id));
    });
    await allLive();
  };

  beforeAll(async () => {
    nodeRed = await PlainNodeRed.start({ release, nodes: SLOW_CLOSE });
    const ports = await freePorts(5);
    spare = ports[4] ?? 0;
    base = flow(ports);
    await nodeRed.deploy(base);
    await allLive();
  });
  afterAll(async () => {
    await nodeRed?.remove();
  });

  test.each(DEPLOYS)('a deploy of the kind "%s" with nothing changed restarts nothing', async (type) => {
    expect(await deploy(base, type)).toEqual([]);
  });

  test.each(DEPLOYS)('a label and a place on the canvas restart nothing (%s)', async (type) => {
    const flows = edited({
      yard: (node) => ({ ...node, name: `Yard by ${type}`, x: 120 }),
      switch: (node) => ({ ...node, name: 'by topic' }),
      change: (node) => ({ ...node, y: 220 }),
    });
    expect(await deploy(flows, type)).toEqual([]);
    expect(await nodeRed.channels()).toContainEqual(expect.objectContaining({ id: 'yard', name: `Yard by ${type}` }));
    await restore();
  });

  test.each(DEPLOYS)('an edited stream is replaced, and nobody else (%s)', async (type) => {
    const flows = edited({ s1: (node) => ({ ...node, maxViewers: 7 }) });
    expect(await deploy(flows, type)).toEqual(['stream:1']);
    await allLive();
    await restore('stream:1');
  });

  test('a stream inside a subflow that is edited is replaced, and nobody else', async () => {
    expect(await deploy(edited({ s3: (node) => ({ ...node, maxViewers: 7 }) }), 'nodes')).toEqual(['stream:3']);
    await allLive();
    await restore('stream:3');
  });

  test('a camera with another source is captured anew; its stream stays', async () => {
    const clip = `${process.cwd()}/test/clips/sub.mp4`;
    const flows = edited({ yard: (node) => ({ ...node, source: 'file', url: clip }) });
    expect(await deploy(flows, 'nodes', ['gate', 'hall', 'attic'])).toEqual(['capture:yard']);
    await allLive();
    await restore('capture:yard');
  });

  test('a stream that is added to a running camera does not disturb it', async () => {
    const flows = [
      ...edited({ yard: (node) => ({ ...node, wires: [['s1', 's5']] }) }),
      { id: 's5', z: 'A', type: 'bulkhead-stream', number: 5, port: spare, x: 400, y: 150, wires: [] },
    ];
    expect(await deploy(flows, 'nodes')).toEqual(['stream:5']);
    await allLive([...DAEMONS, 'stream:5']);
    await restore();
  });

  test.each<[string, Record<string, Edit>, string]>([
    ['a wire to the stream', { yard: (node) => ({ ...node, wires: [[]] }) }, 'stream:1'],
    ['a wire between a switch and a change', { switch: (node) => ({ ...node, wires: [[]] }) }, 'stream:2'],
    [
      'a link between two tabs',
      { out: (node) => ({ ...node, links: [] }), in: (node) => ({ ...node, links: [] }) },
      'stream:2',
    ],
    ['a wire into a subflow', { hall: (node) => ({ ...node, wires: [[]] }) }, 'stream:3'],
    ['a wire out of a subflow', { 'inst-out': (node) => ({ ...node, wires: [[]] }) }, 'stream:4'],
    [
      'a rule of a switch that let it pass',
      { switch: (node) => ({ ...node, rules: [{ t: 'eq', v: 'nobody', vt: 'str' }] }) },
      'stream:2',
    ],
    ['the tab of the stream', { B: (node) => ({ ...node, disabled: true }) }, 'stream:2'],
  ])('%s that is taken away takes the stream away, and nothing else', async (_what, edits, stream) => {
    const changed = await deploy(edited(edits), 'nodes');
    expect(changed.filter((id) => id !== stream)).toEqual([]);
    await allLive(without(stream));
    await restore(stream);
  });

  test('a camera that is deleted takes its daemons and its ring along', async () => {
    const flows = edited({ yard: () => undefined });
    const changed = await deploy(flows, 'nodes', ['gate', 'hall', 'attic']);
    expect(changed).toEqual(['capture:yard', 'stream:1']);
    await allLive(without('capture:yard', 'stream:1'));
    await restore('capture:yard', 'stream:1');
  });

  test('two cameras that swap channels end with their own', async () => {
    const flows = edited({
      yard: (node) => ({ ...node, channel: 'gate' }),
      gate: (node) => ({ ...node, channel: 'yard' }),
      switch: (node) => ({ ...node, rules: [{ t: 'eq', v: 'yard', vt: 'str' }] }),
    });
    await deploy(flows, 'full', ['hall', 'attic']);
    await allLive();
    const ports = new Map((await nodeRed.channels()).map(({ id, number }) => [id, number]));
    expect([ports.get('gate'), ports.get('yard')]).toEqual([1, 2]);
    await restore('capture:yard', 'capture:gate', 'stream:1', 'stream:2');
  });

  test('a channel and a number that two nodes claim is an error of the second, until the first gives it up', async () => {
    const flows = edited({ gate: (node) => ({ ...node, channel: 'yard' }), s2: (node) => ({ ...node, number: 1 }) });
    await deploy(flows, 'nodes', ['yard', 'hall', 'attic']);
    await eventually('both are told', () =>
      ['"yard" belongs to the camera "yard"', 'Channel number 1 belongs to the stream "1"'].every((text) =>
        nodeRed.output.includes(text),
      ),
    );
    await allLive(without('capture:gate', 'stream:2'));
    // Only the first ones change: nobody touches those that were refused.
    const given = flows.map((node) => {
      if (node.id === 'yard') return { ...node, channel: 'court' };
      return node.id === 's1' ? { ...node, number: 9 } : node;
    });
    const letThrough = given.map((node) =>
      node.id === 'switch' ? { ...node, rules: [{ t: 'eq', v: 'yard', vt: 'str' }] } : node,
    );
    await deployAndStart(letThrough, 'nodes');
    await allLive([...without('capture:gate', 'stream:2'), 'capture:court', 'stream:9']);
    await restore('capture:yard', 'capture:gate', 'stream:1', 'stream:2');
  });

  test('no event is lost and none comes twice over any deploy', async () => {
    const ids = (await nodeRed.events()).map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(0);
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b));
  });

  test('another node that takes longer to close than a daemon is kept does not end a channel', async () => {
    await deployAndStart([...base, slowNode], 'nodes');
    expect(await deploy([...base, slowNode], 'full')).toEqual([]);
  });
}
