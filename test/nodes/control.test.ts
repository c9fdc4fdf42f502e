/** The control node in a real Node-RED: what it restarts, stops and starts, what it sends on, and what Catch nodes get. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { eventually, freePorts, type FlowNode } from '../support/host.ts';
import { PlainNodeRed } from '../support/node-red.ts';

const EXAMPLE = path.join(__dirname, '../../flows/examples/4 - Restart by a button and by itself.json');
const ID = 'bulkhead-ex-control';
const at = { z: ID, x: 800, y: 600 };

let nodeRed: PlainNodeRed;

beforeAll(async () => {
  nodeRed = await PlainNodeRed.start({ release: '5' });
  const [port = 0] = await freePorts(1);
  const example = JSON.parse(readFileSync(EXAMPLE, 'utf8')) as FlowNode[];
  const button = (id: string, payload: unknown, to = 'do'): FlowNode => ({
    ...at,
    id,
    type: 'inject',
    props: [
      { p: 'payload', v: JSON.stringify(payload), vt: 'json' },
      { p: 'topic', vt: 'str' },
    ],
    topic: 'kept',
    repeat: '',
    wires: [[`${ID}-${to}`]],
  });
  await nodeRed.deploy(
    [
      ...example.map((node) => {
        if (node.type === 'bulkhead-stream') return { ...node, port };
        if (node.type !== 'debug') return node;
        // The whole message as one line of the log, so that a test can read it.
        return { ...node, console: true, complete: node.id.endsWith('said') ? 'said' : 'error.message' };
      }),
      {
        ...at,
        id: 'line',
        type: 'function',
        func: 'msg.said = JSON.stringify({ payload: msg.payload, topic: msg.topic }); return msg;',
        outputs: 1,
        wires: [[`${ID}-said`]],
      },
      { ...at, id: 'status', type: 'status', scope: [`${ID}-do`], wires: [['shown']] },
      {
        ...at,
        id: 'shown',
        type: 'debug',
        name: 'shown',
        active: true,
        console: true,
        complete: 'status.text',
        targetType: 'msg',
        wires: [],
      },
      button('record', { command: 'record', channel: 'back-door' }),
      button('nobody', { command: 'restart', channel: 'nobody' }),
      button('nothing', {}),
      button(
        'event',
        { id: 1, type: 'daemon.held', channel: 'back-door', daemon: { kind: 'stream', id: 'stream:31' } },
        'again',
      ),
    ].map((node) => (node.type === 'bulkhead-control' ? { ...node, wires: [['line']] } : node)),
  );
  await live();
});
afterAll(async () => {
  await nodeRed?.remove();
});

async function daemons() {
  return (await nodeRed.channels()).flatMap((channel) => channel.daemons);
}

function live(): Promise<unknown> {
  return eventually('the camera is live', async () => (await nodeRed.channels())[0]?.state === 'live');
}

async function press(button: string): Promise<void> {
  expect((await fetch(`${nodeRed.url}/inject/${button}`, { method: 'POST' })).status).toBe(200);
}

/** What a debug node has printed, oldest first. */
function printed(name: string): string[] {
  const lines = nodeRed.output.matchAll(new RegExp(`\\[debug:${name}\\]\\s+(.*)`, 'g'));
  return [...lines].map((match) => stripVTControlCharacters(match[1]!).replace(/^'|'$/g, ''));
}

type Said = {
  topic: string;
  payload: { command: string; channel: string; daemons: { id: string; kind: string; generation: number }[] };
};

/** Presses a button and gives what the control node sends on. */
async function command(button: string): Promise<Said> {
  const before = printed('done').length;
  await press(button);
  const line = await eventually('the node sends what it has done', () => printed('done')[before]);
  return JSON.parse(line) as Said;
}

test.each([
  ['soft', ['capture:back-door', 'stream:31']],
  ['hard', ['stream:31']],
  ['event', ['stream:31']],
])(
  'the button "%s" restarts what it says, and the message goes on with the generations that serve',
  async (button, ids) => {
    const before = new Map((await daemons()).map(({ id, generation }) => [id, generation]));
    const { payload, topic } = await command(button === 'event' ? 'event' : `${ID}-${button}`);
    expect(payload).toMatchObject({ command: 'restart', channel: 'back-door' });
    expect(payload.daemons.map(({ id }) => id).toSorted()).toEqual(ids);
    expect(topic === 'kept').toBe(button === 'event');
    await live();
    // A soft restart of a stream is over when the next generation has taken over; until then the channel is live as well.
    const after = await eventually('the generations that were announced serve', async () => {
      const now = new Map((await daemons()).map(({ id, generation }) => [id, generation]));
      return payload.daemons.every(({ id, generation }) => now.get(id) === generation) && now;
    });
    const others = [...before.keys()].filter((id) => !ids.includes(id));
    expect(others.map((id) => after.get(id))).toEqual(others.map((id) => before.get(id)));
  },
);

test('stop takes the camera off and start brings it back', async () => {
  expect((await command(`${ID}-stop`)).payload.command).toBe('stop');
  await eventually('it is stopped', async () => (await nodeRed.channels())[0]?.state === 'stopped');
  expect(printed('shown').at(-1)).toBe('stop: 2 daemons');
  expect((await command(`${ID}-start`)).payload.command).toBe('start');
  await live();
});

test.each([
  ['record', /"record" needs a recorder/, 'not supported'],
  ['nobody', /no channel "nobody"/, 'not found'],
  ['nothing', /no command/, 'wrong settings'],
])('what cannot be done ("%s") is an error for Catch nodes, and disturbs nobody', async (button, message, status) => {
  const [before, pids] = [printed('not done').length, (await daemons()).map(({ pid }) => pid)];
  await press(button);
  expect(await eventually('it is caught', () => printed('not done')[before])).toMatch(message);
  await eventually('it is shown', () => printed('shown').at(-1) === status);
  expect((await daemons()).map(({ pid }) => pid)).toEqual(pids);
});
