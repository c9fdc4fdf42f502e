/**
 * Everything that goes wrong at a camera in the field: each gives one clear message where people look (status, event, Catch), nothing hangs, and
 * recovery needs no person.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startCamera, type Camera } from '../support/camera.ts';
import { cameraFlows, eventually, freePorts, Host, type FlowNode } from '../support/host.ts';

let guarded: Camera;
let host: Host;
let silent: Server;
let garbage: Server;
let taken: Server;
const sockets = new Set<Socket>();

async function listen(onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  return (server.address() as { port: number }).port;
}

/** Writes what Catch and Status nodes of the tab see into files in the home folder, one JSON line each. */
function witnesses(home: string): FlowNode[] {
  return ['catch', 'status'].flatMap((type, index): FlowNode[] => [
    { id: type, type, z: 'tab', x: 900, y: 60 + 120 * index, scope: null, uncaught: false, wires: [[`to-${type}`]] },
    {
      id: `to-${type}`,
      type: 'change',
      z: 'tab',
      x: 1100,
      y: 60 + 120 * index,
      rules: [
        {
          t: 'set',
          p: 'payload',
          pt: 'msg',
          tot: 'jsonata',
          to:
            type === 'catch'
              ? '{"node": error.source.id, "text": error.message}'
              : '{"node": status.source.id, "text": status.text}',
        },
      ],
      wires: [[`json-${type}`]],
    },
    {
      id: `json-${type}`,
      type: 'json',
      z: 'tab',
      x: 1250,
      y: 60 + 120 * index,
      action: 'str',
      wires: [[`file-${type}`]],
    },
    {
      id: `file-${type}`,
      type: 'file',
      z: 'tab',
      x: 1400,
      y: 60 + 120 * index,
      filename: path.join(home, `${type}.jsonl`),
      filenameType: 'str',
      appendNewline: true,
      overwriteFile: 'false',
      encoding: 'utf8',
      wires: [[]],
    },
  ]);
}

function seen(file: 'catch' | 'status', node: string): string[] {
  return host
    .readLines(`${file}.jsonl`)
    .map((line) => JSON.parse(line) as { node: string; text: string })
    .filter((entry) => entry.node === node)
    .map(({ text }) => text);
}

/** channel -> what the sentence about it must say, and the status under the camera. */
const CASES = {
  'unknown-host': [/is not known/i, /no answer/],
  refused: [/refuses the connection/i, /refused/],
  'wrong-password': [/password|user name|login/i, /login refused/],
  'not-there': [/no stream|not found|404|does not have/i, /not found/],
  silent: [/did not answer/i, /timeout|no answer/],
  garbage: [/RTSP/i, /bad data|not supported|no answer|wrong settings/],
} as const;
type Case = keyof typeof CASES;
const names = Object.keys(CASES) as Case[];

beforeAll(async () => {
  silent = await listen(() => {});
  garbage = await listen((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\nthis is no camera\r\n'));
  taken = await listen(() => {});
  [guarded, host] = await Promise.all([
    startCamera({ only: ['sub'], user: 'operator', password: 'p@ss/w:rd' }),
    Host.start(),
  ]);
  const [refusing, ...ports] = await freePorts(names.length + 4);
  const urls: Readonly<Record<Case, string>> = {
    'unknown-host': 'rtsp://no-such-camera.invalid/stream',
    refused: `rtsp://127.0.0.1:${refusing}/stream`,
    'wrong-password': guarded.url('sub'),
    'not-there': guarded.url('nothing-here'),
    silent: `rtsp://127.0.0.1:${portOf(silent)}/stream`,
    garbage: `rtsp://127.0.0.1:${portOf(garbage)}/stream`,
  };
  const login = { username: 'operator', password: 'p@ss/w:rd' };
  const damaged = host.ringOf('tab', 'camera-damaged');
  mkdirSync(path.dirname(damaged), { recursive: true, mode: 0o700 });
  writeFileSync(damaged, 'this is no ring'.repeat(1000));
  await host.deploy(
    [
      ...cameraFlows([
        ...names.map((channel, index) => ({
          channel,
          port: ports[index]!,
          camera: { source: 'rtsp', url: urls[channel] },
        })),
        { channel: 'well', port: ports[names.length]!, camera: { source: 'rtsp', url: guarded.url('sub') } },
        { channel: 'taken', port: portOf(taken), camera: { source: 'test' } },
        { channel: 'damaged', port: ports[names.length + 1]!, camera: { source: 'test' } },
      ]),
      ...witnesses(host.home),
    ],
    {
      credentials: {
        'camera-wrong-password': { username: 'operator', password: 'wrong' },
        'camera-not-there': login,
        'camera-well': login,
      },
    },
  );
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of [silent, garbage, taken]) server?.close();
  await host?.remove();
  await guarded?.stop();
});

test.each(names)('%s: one clear sentence for Catch, a status, an event', async (name) => {
  const [sentence, status] = CASES[name];
  const event = await eventually(`camera.offline for ${name}`, async () =>
    (await host.events()).find(({ type, channel }) => type === 'camera.offline' && channel === name),
  );
  expect(JSON.stringify(event.detail)).toMatch(sentence);
  const caught = await eventually('a sentence at the Catch node', () => {
    const texts = seen('catch', `camera-${name}`);
    return texts.length > 0 && texts;
  });
  expect(caught[0]).toMatch(sentence);
  await eventually('a status', () => seen('status', `camera-${name}`).some((text) => status.test(text)));
});

test('each failure is told once, not once a retry', async () => {
  await eventually('several retries have passed', async () => {
    const refused = await host.channel('refused');
    return (refused?.daemons.find(({ kind }) => kind === 'capture')?.uptimeMs ?? 0) > 8000;
  });
  const events = await host.events();
  for (const name of names) {
    expect({ name, told: seen('catch', `camera-${name}`).length }).toEqual({ name, told: 1 });
    const offline = events.filter(({ type, channel }) => type === 'camera.offline' && channel === name);
    expect({ name, events: offline.length }).toEqual({ name, events: 1 });
  }
});

test('a camera that is well is live beside all of them, and no daemon of theirs was restarted', async () => {
  await host.live('well');
  for (const name of names) {
    const capture = (await host.channel(name))!.daemons.find(({ kind }) => kind === 'capture');
    expect(capture).toMatchObject({ generation: 1, restarts: 0 });
  }
});

test('a taken port is named, and served as soon as it is free', async () => {
  const port = portOf(taken);
  const caught = await eventually('a sentence about the port', () => {
    const texts = seen('catch', 'stream-taken');
    return texts.length > 0 && texts;
  });
  expect(caught[0]).toContain(String(port));
  expect(caught).toHaveLength(1);
  await eventually('a status', () => seen('status', 'stream-taken').includes('port taken'));
  for (const socket of sockets) if (socket.localPort === port) socket.destroy();
  taken.close();
  await host.live('taken');
  await eventually('the port serves the channel', async () => {
    const health = (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as {
      channel: string;
      state: string;
    };
    return health.channel === 'taken' && health.state === 'live';
  });
});

test('a file that is no ring is replaced and the channel becomes live', async () => {
  await host.live('damaged');
});

test('a refused camera becomes live when it answers, without a person', async () => {
  const flows = (await (await host.request('/flows')).json()) as (FlowNode & { url?: string })[];
  const { url } = flows.find(({ id }) => id === 'camera-refused')!;
  const camera = await startCamera({
    port: Number(new URL(url!).port),
    mounts: { stream: path.resolve(__dirname, '../clips/sub.mp4') },
    only: ['stream'],
  });
  try {
    await host.live('refused');
  } finally {
    await camera.stop();
  }
});

test('a malformed request is refused and learns nothing of the installation', async () => {
  const answer = await fetch(`${host.url}/bulkhead/api/channels/well/restart`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{bad',
  });
  expect([400, 401]).toContain(answer.status);
  expect(await answer.text()).not.toMatch(/node_modules|\.js|SyntaxError/);
});

test('no password is in the API, the flows, the logs, or any process', async () => {
  const secrets = ['p@ss/w:rd', encodeURIComponent('p@ss/w:rd')];
  const texts = [
    await (await host.request('/bulkhead/api/channels')).text(),
    await (await host.request('/bulkhead/api/events?limit=1000')).text(),
    await (await host.request('/flows')).text(),
    host.output,
    ...['catch.jsonl', 'status.jsonl', 'flows.json'].map((file) => host.readLines(file).join('\n')),
  ];
  for (const folder of ['logs', 'run']) {
    for (const file of readdirSync(path.join(host.home, folder))) {
      try {
        texts.push(readFileSync(path.join(host.home, folder, file), 'utf8'));
      } catch {
        // A socket.
      }
    }
  }
  for (const { pid } of (await host.channels()).flatMap(({ daemons }) => daemons)) {
    if (pid === null) continue;
    for (const file of ['cmdline', 'environ']) texts.push(readFileSync(`/proc/${pid}/${file}`, 'utf8'));
  }
  for (const secret of secrets) expect(texts.filter((text) => text.includes(secret))).toEqual([]);
});
