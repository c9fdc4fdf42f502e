/** The HTTP API of a running host: what it shows, what it does, and what it never gives away. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import type { AddressInfo } from 'node:net';
import type { BulkheadEvent } from '../../runtime/supervisor/view.ts';
import { cameraFlows, eventually, freePorts, Host } from '../support/host.ts';

let host: Host;
let ports: number[];

beforeAll(async () => {
  host = await Host.start();
  ports = await freePorts(2);
  await host.deploy(
    cameraFlows([
      { channel: 'front', port: ports[0]!, camera: { name: 'Front door', source: 'test' } },
      { channel: 'yard', port: ports[1]!, camera: { source: 'test' } },
    ]),
  );
  await host.live('front', 'yard');
});
afterAll(async () => {
  await host?.remove();
});

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
        }),
      ),
    });
  });

  test('has a page for people, which holds no data itself', async () => {
    const answer = await fetch(`${host.url}/bulkhead`);
    expect(answer.url).toBe(`${host.url}/bulkhead/`);
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
    expect(await answer.text()).not.toContain('Front door');
  });

  test('health counts what is live, without names', async () => {
    const answer = await fetch(`${host.url}/bulkhead/health`);
    expect(await answer.json()).toEqual({ status: 'ok', channels: 2, live: 2 });
  });
});

describe('POST /bulkhead/api/channels/:id/restart', () => {
  test.each(['soft', 'hard'])('restarts one daemon of one channel (%s) and leaves the rest alone', async (mode) => {
    const before = (await host.channels()).flatMap(({ daemons }) => daemons);
    const answer = await post('/bulkhead/api/channels/front/restart', { mode, daemon: 'stream' });
    expect(answer.status).toBe(202);
    const { generation } = (await answer.json()) as { generation: number };
    expect(generation).toBeGreaterThan(before.find(({ id }) => id === 'stream:1')!.generation);
    await eventually('the new generation works', async () => {
      const stream = (await host.channel('front'))?.daemons.find(({ kind }) => kind === 'stream');
      return stream?.generation === generation && stream.state === 'ready';
    });
    const after = (await host.channels()).flatMap(({ daemons }) => daemons);
    const rest = (daemons: typeof before) =>
      daemons.filter(({ id }) => id !== 'stream:1').map(({ id, pid, generation }) => ({ id, pid, generation }));
    expect(rest(after)).toEqual(rest(before));
    await host.live('front', 'yard');
  });

  test.each([
    ['a channel that is not there', 'nobody', { mode: 'soft' }, 404],
    ['a daemon that is not there', 'front', { mode: 'soft', daemon: 'record' }, 404],
    ['a mode that is none', 'front', { mode: 'gently' }, 400],
    ['another key', 'front', { mode: 'soft', all: true }, 400],
  ])('refuses %s', async (_what, channel, body, status) => {
    const answer = await post(`/bulkhead/api/channels/${channel}/restart`, body);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({ error: { kind: expect.any(String), message: expect.any(String) } });
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
