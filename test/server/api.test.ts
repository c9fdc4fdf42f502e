/** The HTTP API of a running host: what it shows, what it does, and what it never gives away. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import type { AddressInfo } from 'node:net';
import type { BulkheadEvent } from '../../runtime/supervisor/view.ts';
import { cameraFlows, eventually, freePorts, Host, type FlowNode } from '../support/host.ts';

let host: Host;
let ports: number[];

beforeAll(async () => {
  host = await Host.start();
  ports = await freePorts(2);
  await host.deploy(flows());
  await host.live('front', 'yard');
});
afterAll(async () => {
  await host?.remove();
});

function flows(): FlowNode[] {
  return cameraFlows([
    { channel: 'front', port: ports[0]!, camera: { name: 'Front door', source: 'test' } },
    { channel: 'yard', port: ports[1]!, camera: { source: 'test' } },
  ]);
}

const post = (route: string, body: unknown): Promise<Response> =>
  host.request(route, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

describe('GET /bulkhead/api/channels', () => {
  test('shows every channel with its daemons, in the order of their numbers', async () => {
    const channels = await host.channels();
    expect(channels.map(({ id, number }) => [id, number])).toEqual([
      ['front', 1],
      ['yard', 2],
    ]);
    expect(channels[0]).toEqual({
      id: 'front',
      number: 1,
      name: 'Front door',
      state: 'live',
      problem: null,
      port: ports[0],
      url: `http://127.0.0.1:${ports[0]}/`,
      streams: [{ number: 1, port: ports[0], url: `http://127.0.0.1:${ports[0]}/`, daemon: 'stream:1' }],
      media: expect.objectContaining({ codec: 'h264', width: expect.any(Number), height: expect.any(Number) }),
      viewers: 0,
      recording: null,
      daemons: ['capture', 'stream'].map((kind) =>
        expect.objectContaining({
          kind,
          id: expect.any(String),
          pid: expect.any(Number),
          generation: expect.any(Number),
          state: 'ready',
          restarts: expect.any(Number),
          uptimeMs: expect.any(Number),
          beatAgeMs: expect.any(Number),
          privateBytes: expect.any(Number),
          loopLagMs: expect.any(Number),
          laps: 0,
          viewers: 0,
          stopped: false,
          degraded: null,
          lastError: null,
        }),
      ),
    });
  });

  test('has a page for people, which holds no data itself', async () => {
    const answer = await fetch(`${host.url}/bulkhead`);
    expect(answer.url).toBe(`${host.url}/bulkhead/`);
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
    expect(await answer.text()).not.toContain('Front door');
    expect(answer.headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'self';/);
  });

  test.each(['page.js', 'panel.css', 'icon.svg'])('serves the page its file %s', async (file) => {
    const answer = await fetch(`${host.url}/bulkhead/panel/${file}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test.each(['..%2f..%2fruntime%2fbulkhead.js', '%2e%2e/page.js', 'nothing.js'])(
    'serves nothing else under the page: %s',
    async (file) => {
      expect((await fetch(`${host.url}/bulkhead/panel/${file}`)).status).toBe(404);
    },
  );

  test('says who may not read, and who may write', async () => {
    for (const route of ['/bulkhead/api/channels', '/bulkhead/api/events', '/bulkhead/api/may-write']) {
      expect((await fetch(host.url + route)).status).toBe(401);
    }
    expect((await host.request('/bulkhead/api/may-write')).status).toBe(204);
  });

  test('health counts what is live, without names', async () => {
    const answer = await fetch(`${host.url}/bulkhead/health`);
    expect(await answer.json()).toEqual({ status: 'ok', channels: 2, live: 2 });
  });
});

/** By id: what a process is told by. */
async function processes(): Promise<Map<string, string>> {
  const daemons = (await host.channels()).flatMap((channel) => channel.daemons);
  return new Map(daemons.map(({ id, pid, generation }) => [id, `${pid} ${generation}`]));
}

type Answer = { generation: number; daemons: { id: string; kind: string; generation: number }[] };

/** Waits until these daemons are what the answer said they would be, and gives the ids of all that are others than before. */
async function settled(before: Map<string, string>, { daemons }: Answer): Promise<string[]> {
  await eventually('the generations that were announced work', async () => {
    const now = (await host.channels()).flatMap((channel) => channel.daemons);
    return daemons.every(({ id, generation }) =>
      now.some((daemon) => daemon.id === id && daemon.generation === generation && daemon.state === 'ready'),
    );
  });
  await host.live('front', 'yard');
  const after = await processes();
  return [...before.keys()].filter((id) => after.get(id) !== before.get(id)).toSorted();
}

describe('POST /bulkhead/api/channels/:id/restart', () => {
  test.each([
    ['one kind of daemon softly', { mode: 'soft', daemon: 'stream' }, ['stream:1']],
    ['one kind of daemon hard', { mode: 'hard', daemon: 'stream' }, ['stream:1']],
    ['one daemon by its id', { mode: 'soft', daemon: 'capture:front' }, ['capture:front']],
    ['a whole channel softly, which is what a bare request means', {}, ['capture:front', 'stream:1']],
    ['a whole channel hard', { mode: 'hard' }, ['capture:front', 'stream:1']],
  ])('restarts %s, and nothing else', async (_what, body, restarted) => {
    const before = await processes();
    const answer = await post('/bulkhead/api/channels/front/restart', body);
    expect(answer.status).toBe(202);
    const result = (await answer.json()) as Answer;
    expect(result.daemons.map(({ id }) => id).toSorted()).toEqual(restarted);
    expect(result.generation).toBe(result.daemons[0]?.generation);
    for (const { id, generation } of result.daemons) {
      expect(generation).toBeGreaterThan(Number(before.get(id)?.split(' ')[1]));
    }
    expect(await settled(before, result)).toEqual(restarted);
  });

  test.each([
    ['a channel that is not there', 'nobody', { mode: 'soft' }, 404],
    ['a daemon that is not there', 'front', { mode: 'soft', daemon: 'record' }, 404],
    ["another channel's daemon", 'front', { mode: 'soft', daemon: 'stream:2' }, 404],
    ['a mode that is none', 'front', { mode: 'gently' }, 400],
    ['another key', 'front', { mode: 'soft', all: true }, 400],
    ['what is no object', 'front', ['soft'], 400],
  ])('refuses %s', async (_what, channel, body, status) => {
    const before = await processes();
    const answer = await post(`/bulkhead/api/channels/${channel}/restart`, body);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({ error: { kind: expect.any(String), message: expect.any(String) } });
    expect(await processes()).toEqual(before);
  });
});

describe('POST /bulkhead/api/channels/:id/stop and start', () => {
  const daemonsOf = async (channel: string) => (await host.channel(channel))?.daemons ?? [];

  test('stops a channel, keeps it off over a deploy that does not change it, and starts it on the same port', async () => {
    const before = await processes();
    const answer = await post('/bulkhead/api/channels/yard/stop', {});
    expect(answer.status).toBe(202);
    expect(((await answer.json()) as Answer).daemons.map(({ id }) => id).toSorted()).toEqual([
      'capture:yard',
      'stream:2',
    ]);
    await eventually('it is stopped', async () =>
      (await daemonsOf('yard')).every(({ stopped, pid }) => stopped && pid === null),
    );
    expect((await host.channel('yard'))?.state).toBe('stopped');
    await expect(fetch(`http://127.0.0.1:${ports[1]}/`)).rejects.toThrow();

    await host.deploy(flows());
    // The camera announces itself to the stream a moment after a deploy.
    await eventually('the deploy is through', async () => (await host.channel('yard'))?.port === ports[1]);
    expect((await host.channel('yard'))?.state).toBe('stopped');

    const started = await post('/bulkhead/api/channels/yard/start', {});
    expect(started.status).toBe(202);
    const changed = await settled(before, (await started.json()) as Answer);
    expect(changed).toEqual(['capture:yard', 'stream:2']);
    expect((await fetch(`http://127.0.0.1:${ports[1]}/health`)).status).toBe(200);
  });

  test('stops one daemon; a restart starts it as well', async () => {
    await post('/bulkhead/api/channels/front/stop', { daemon: 'stream' });
    await eventually('the stream is stopped', async () =>
      (await daemonsOf('front')).some(
        ({ kind, stopped, state }) => kind === 'stream' && stopped && state === 'stopped',
      ),
    );
    expect((await daemonsOf('front')).find(({ kind }) => kind === 'capture')).toMatchObject({
      state: 'ready',
      stopped: false,
    });
    expect((await post('/bulkhead/api/channels/front/restart', { daemon: 'stream' })).status).toBe(202);
    await host.live('front');
    expect((await daemonsOf('front')).every(({ stopped }) => !stopped)).toBe(true);
  });

  test.each([
    ['a channel that is not there', 'nobody', {}, 404],
    ['a daemon that is not there', 'front', { daemon: 'record' }, 404],
    ['a mode, which only a restart has', 'front', { mode: 'hard' }, 400],
  ])('refuses %s', async (_what, channel, body, status) => {
    for (const command of ['stop', 'start']) {
      expect((await post(`/bulkhead/api/channels/${channel}/${command}`, body)).status).toBe(status);
    }
    await host.live('front', 'yard');
  });
});

describe('GET /bulkhead/api/events', () => {
  const history = async (query: string): Promise<BulkheadEvent[]> =>
    (await (await host.request(`/bulkhead/api/events?${query}`)).json()) as BulkheadEvent[];

  test('gives the history as JSON: the newest, after an event, or from a time on', async () => {
    const all = await history('limit=2000');
    expect(all.length).toBeGreaterThan(3);
    expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).toSorted((a, b) => a - b));
    expect(await history('limit=2')).toEqual(all.slice(-2));
    expect(await history(`since=${all[0]!.id}&limit=2`)).toEqual(all.slice(1, 3));
    expect(await history(`since=${new Date(all[1]!.time).toISOString()}&limit=2000`)).toEqual(
      all.filter(({ time }) => time >= all[1]!.time),
    );
    expect(await history(`since=${all.at(-1)!.id}`)).toEqual([]);
    for (const query of ['limit=0', 'limit=x', 'since=yesterday']) {
      expect((await host.request(`/bulkhead/api/events?${query}`)).status).toBe(400);
    }
  });

  test('streams what happens, and goes on after the event that the client has', async () => {
    const all = await history('limit=2000');
    const answer = await host.request('/bulkhead/api/events', {
      headers: { Accept: 'text/event-stream', 'Last-Event-ID': String(all.at(-3)!.id) },
    });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const received = (): BulkheadEvent[] =>
      [...text.matchAll(/^id: (\d+)\ndata: (.*)\n\n/gm)].map(([, id, data]) => {
        const event = JSON.parse(data!) as BulkheadEvent;
        expect(String(event.id)).toBe(id);
        return event;
      });
    const readUntil = async (enough: () => boolean): Promise<void> => {
      while (!enough()) {
        const { value, done } = await reader.read();
        if (done) throw new Error('the stream of events ended');
        text += value;
      }
    };
    await readUntil(() => received().length >= 2);
    expect(received()).toEqual(all.slice(-2));

    await post('/bulkhead/api/channels/yard/restart', { mode: 'hard', daemon: 'stream' });
    await readUntil(() => received().some(({ type, channel }) => type === 'daemon.recycled' && channel === 'yard'));
    await reader.cancel();
    expect(received()).toEqual(await history(`since=${all.at(-3)!.id}&limit=${received().length}`));
    await host.live('yard');
  });
});

describe('POST /bulkhead/api/probe', () => {
  let silent: Server;
  beforeAll(async () => {
    silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => void silent.close());

  test('says what the camera is', async () => {
    const answer = await post('/bulkhead/api/probe', { source: 'test' });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      ok: true,
      media: expect.objectContaining({ codec: 'h264', leftOut: [] }),
    });
  });

  test.each([
    ['nobody listens', () => ({ source: 'rtsp', url: 'rtsp://127.0.0.1:1/x' }), 'unavailable'],
    ['there is no such file', () => ({ source: 'file', url: '/nowhere.mp4' }), 'notFound'],
    ['the settings are wrong', () => ({ source: 'rtsp', url: '' }), 'invalid'],
    ['the source is not available yet', () => ({ source: 'onvif' }), 'unsupported'],
    ['a variable is not set', () => ({ source: 'rtsp', url: '${NO_SUCH_VARIABLE}' }), 'invalid'],
  ])('says why not when %s', async (_what, body, kind) => {
    const answer = await post('/bulkhead/api/probe', body());
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ ok: false, kind, message: expect.any(String) });
  });

  test('gives up on a camera that accepts and never answers, and leaves no process', async () => {
    const { port } = silent.address() as AddressInfo;
    const answer = await post('/bulkhead/api/probe', { source: 'rtsp', url: `rtsp://127.0.0.1:${port}/x` });
    expect(await answer.json()).toMatchObject({ ok: false, kind: 'timeout' });
    await eventually('no probe is left', () =>
      readdirSync(path.join(host.home, 'run')).every((file) => !file.startsWith('probe')),
    );
  });
});

test('a password that was entered is found nowhere: not in flows, answers, logs, arguments or environments', async () => {
  const secret = 'correct-horse-4711';
  const camera = { source: 'rtsp', url: 'rtsp://127.0.0.1:1/x' };
  const flows = cameraFlows([
    { channel: 'front', port: ports[0]!, camera },
    { channel: 'yard', port: ports[1]!, camera: { ...camera, url: `rtsp://admin:${secret}-in-url@127.0.0.1:1/x` } },
  ]);
  await host.deploy(flows, { credentials: { 'camera-front': { username: 'admin', password: secret } } });
  await eventually('both cameras have been tried', async () => {
    const views = await host.channels();
    return views.length === 2 && views.every(({ problem }) => problem !== null);
  });
  await post('/bulkhead/api/probe', { node: 'camera-front', ...camera, username: 'admin', password: '__PWRD__' });

  const stored = (await (await host.request('/flows')).json()) as { id: string; url?: string }[];
  const shown = JSON.stringify([
    stored.filter(({ id }) => id !== 'camera-yard'),
    await host.channels(),
    await host.events(),
  ]);
  expect(shown).not.toContain(secret);
  expect(host.output).not.toContain(secret);
  expect(host.output).toMatch(/URL of this camera holds a password/);

  const found = filesBelow(host.home).filter((file) => readFileSync(file, 'latin1').includes(secret));
  // What a person wrote into a URL stays where that person wrote it, until the dialog moves it.
  expect(found.map((file) => path.basename(file)).filter((file) => !/^\.?flows\.json/.test(file))).toEqual([]);
  const flowFile = JSON.parse(readFileSync(path.join(host.home, 'flows.json'), 'utf8')) as { id: string }[];
  expect(JSON.stringify(flowFile.filter(({ id }) => id !== 'camera-yard'))).not.toContain(secret);

  for (const { pid } of (await host.channels()).flatMap(({ daemons }) => daemons)) {
    if (pid === null) continue;
    for (const file of ['cmdline', 'environ'])
      expect(readFileSync(`/proc/${pid}/${file}`, 'latin1')).not.toContain(secret);
  }
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map((file) => path.join(folder, String(file)))
    .filter((file) => statSync(file).isFile());
}
