/**
 * The contract of a channel's port, over real sockets, from a ring that a feeder fills in real time.
 */
import { connect } from 'node:net';
import { ffprobe } from '../support/ffprobe.ts';
import { type Feeder, feedRing } from '../support/feed-ring.ts';
import { readFragment, readTracks } from '../../ui/player/mp4-times.ts';
import {
  type Message,
  type StreamDaemon,
  download,
  freePort,
  healthUntil,
  media,
  request,
  ringFolder,
  startStreamDaemon,
  watch,
} from './stream-daemon.ts';

const ring = ringFolder();
let feeder: Feeder;
let daemon: StreamDaemon;

beforeAll(async () => {
  feeder = await feedRing({ path: ring.path, clip: 'main.mp4', prefillSeconds: 5 });
  daemon = await startStreamDaemon({ ring: ring.path, port: await freePort() });
  await healthUntil(daemon.url, ({ state }) => state === 'live');
});
afterAll(async () => {
  await daemon?.stop();
  await feeder?.stop();
  ring.remove();
});

const binaries = (messages: readonly Message[]): Buffer[] => messages.flatMap((m) => ('bytes' in m ? [m.bytes] : []));

describe('/live.ws', () => {
  test('begins with a description, the init segment, and a keyframe at once', async () => {
    const viewer = watch(daemon.url);
    const messages = await viewer.until((all) => all.length >= 30);
    viewer.socket.close();
    expect(messages[0]).toEqual({
      text: JSON.stringify({ type: 'init', mime: 'video/mp4; codecs="avc1.4d401e, mp4a.40.2"' }),
    });
    const [init, ...fragments] = binaries(messages);
    expect(init?.toString('latin1', 4, 8)).toBe('ftyp');
    const tracks = readTracks(init ?? Buffer.alloc(0));
    const [first] = fragments.map((fragment) => readFragment(fragment, tracks));
    expect(first).toMatchObject({ track: 1, key: true });
    for (const fragment of fragments) expect(fragment.toString('latin1', 4, 8)).toBe('moof');
  });

  test('what a viewer gets is a sound MP4, from the keyframe on without a hole', async () => {
    const viewer = watch(daemon.url);
    const messages = await viewer.until((all) => all.length >= 150);
    viewer.socket.close();
    const probe = ffprobe(Buffer.concat(binaries(messages)));
    expect(probe.complaints).toBe('');
    expect(probe.streams[0]).toMatchObject({ codec_name: 'h264', width: 640, height: 360 });
    expect(probe.streams[1]).toMatchObject({ codec_name: 'aac' });
    const pictures = probe.packets.filter((packet) => packet.stream_index === 0);
    expect(Number(probe.streams[0]?.nb_read_frames)).toBe(pictures.length);
    expect(pictures[0]?.flags).toContain('K');
  });

  test('a viewer is caught up: what it gets at once spans next to no time, and goes on at the camera’s pace', async () => {
    const viewer = watch(daemon.url);
    const messages = await viewer.until((all) => all.length >= 120);
    viewer.socket.close();
    const [init, ...fragments] = binaries(messages);
    const tracks = readTracks(init ?? Buffer.alloc(0));
    const times = fragments
      .map((fragment) => readFragment(fragment, tracks))
      .filter((time) => time?.track === 1)
      .map((time) => time?.seconds ?? 0);
    const steps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    const firstTrue = steps.findIndex((step) => step > 0.03);
    // All pictures before the live edge together take less time than one of those after it.
    expect((times[firstTrue] ?? 0) - (times[0] ?? 0)).toBeLessThan(0.03);
    for (const step of steps.slice(firstTrue)) expect(step).toBeCloseTo(0.04, 3);
  });

  test('two viewers who came at different times get the same bytes from there on', async () => {
    const early = watch(daemon.url);
    await early.until((all) => all.length >= 40);
    const late = watch(daemon.url);
    await late.until((all) => all.length >= 60);
    const last = binaries(late.messages).at(-1);
    await early.until((all) => binaries(all).some((bytes) => last !== undefined && bytes.equals(last)));
    early.socket.close();
    late.socket.close();
    const common = binaries(late.messages).filter((bytes) =>
      binaries(early.messages).some((other) => other.equals(bytes)),
    );
    expect(common.length).toBeGreaterThan(20);
  });

  test('a plain request for it is told what it is', async () => {
    const answer = await request(daemon.port, { path: '/live.ws' });
    expect(answer).toMatchObject({ status: 426, headers: { upgrade: 'websocket' } });
  });
});

describe('/stream.mp4', () => {
  test('is a live MP4 that begins at zero with a keyframe', async () => {
    const bytes = await download(`${daemon.url}/stream.mp4`, 2500);
    const probe = ffprobe(bytes);
    expect(probe.streams.map(({ codec_name }) => codec_name)).toEqual(['h264', 'aac']);
    expect(Math.abs(Number(probe.format.start_time))).toBeLessThan(0.1);
    expect(probe.packets.find((packet) => packet.stream_index === 0)?.flags).toContain('K');
    expect(Number(probe.streams[0]?.nb_read_frames)).toBeGreaterThan(30);
  });

  test('HEAD says what it is and ends', async () => {
    const answer = await request(daemon.port, { path: '/stream.mp4', method: 'HEAD' });
    expect(answer).toMatchObject({ status: 200, body: '', headers: { 'content-type': 'video/mp4' } });
  });
});

test('/health says what there is to say, and nothing secret', async () => {
  const answer = await request(daemon.port, { path: '/health' });
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  expect(JSON.parse(answer.body)).toMatchObject({
    channel: 'front-door',
    name: 'Front door',
    state: 'live',
    pid: daemon.pid,
    generation: 1,
    lastPacketAgeMs: expect.any(Number),
    viewers: expect.any(Number),
    skipped: 0,
    laps: 0,
    trouble: null,
    media: { codec: 'h264', width: 640, height: 360, fps: 25, audio: { codec: 'aac', sampleRate: 48000, channels: 1 } },
  });
  expect(answer.body).not.toContain(ring.path);
});

describe('the player', () => {
  test('is served with what it needs, and nothing else of the disk is', async () => {
    const page = await request(daemon.port);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    const files = [...page.body.matchAll(/(?:src|href)="(player\/[^"]+)"/g)].map((match) => match[1]);
    expect(files.length).toBeGreaterThanOrEqual(3);
    for (const file of files) expect((await request(daemon.port, { path: `/${file}` })).status).toBe(200);
    for (const path of [
      '/player/../../package.json',
      '/player/..%2f..%2fpackage.json',
      '/../package.json',
      '/player/',
      '/player/nothing.js',
      '/player//etc/passwd',
      '/index.html',
      '/player/index.html/..',
    ]) {
      expect((await request(daemon.port, { path })).status).toBe(404);
    }
  });

  test('its scripts are JavaScript, whether built or not', async () => {
    const script = await request(daemon.port, { path: '/player/player.js' });
    expect(script.headers['content-type']).toMatch(/^text\/javascript/);
    expect(script.body).not.toMatch(/^export type/m);
  });

  test('is not sent again while it has not changed', async () => {
    const first = await request(daemon.port, { path: '/player/player.css' });
    const etag = first.headers.etag ?? '';
    const again = await request(daemon.port, { path: '/player/player.css', headers: { 'if-none-match': etag } });
    expect(again).toMatchObject({ status: 304, body: '' });
  });

  test('HEAD gives the same headers and no body', async () => {
    const get = await request(daemon.port);
    const head = await request(daemon.port, { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, body: '' });
    expect(head.headers['content-length']).toBe(get.headers['content-length']);
  });
});

describe('bad requests', () => {
  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('%s is refused', async (method) => {
    const body = 'x'.repeat(100_000);
    const headers = { 'content-length': String(body.length) };
    const answer = await request(daemon.port, { method, headers, body });
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  });

  test('what is not there is 404', async () => {
    expect((await request(daemon.port, { path: '/snapshot.jpg' })).status).toBe(404);
  });

  test.each([
    ['no HTTP at all', 'GARBAGE\r\n\r\n', '400'],
    [
      'a target that is no path',
      'GET http://evil.example/ HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n',
      '400',
    ],
    ['two hosts in one', 'GET //evil.example/ HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n', '400'],
    ['headers without end', `GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, '431'],
    ['a request without Host', 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n', '400'],
  ])('%s is answered and closed', async (_name, text, status) => {
    const answer = await new Promise<string>((resolve, reject) => {
      let got = '';
      const socket = connect(daemon.port, '127.0.0.1', () => socket.write(text));
      socket.on('data', (chunk) => (got += chunk.toString()));
      socket.on('close', () => resolve(got));
      socket.on('error', reject);
    });
    expect(answer.split(' ')[1]).toBe(status);
  });
});

describe('pages of other sites', () => {
  test('a foreign name that resolves to us is refused everywhere', async () => {
    for (const path of ['/', '/health', '/stream.mp4', '/player/player.js']) {
      expect((await request(daemon.port, { path, headers: { host: 'evil.example' } })).status).toBe(403);
    }
    const viewer = watch(daemon.url, { host: 'evil.example' });
    expect((await viewer.closed).reason).toContain('403');
  });

  test('a foreign page cannot open the WebSocket; our own can', async () => {
    const foreign = watch(daemon.url, { origin: 'http://evil.example' });
    expect((await foreign.closed).reason).toContain('403');
    const own = watch(daemon.url, { origin: daemon.url });
    await own.until((all) => all.length > 2);
    own.socket.close();
  });

  test('every answer tells the browser to stay within bounds', async () => {
    for (const path of ['/', '/health', '/nothing']) {
      const { headers } = await request(daemon.port, { path });
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
      expect(headers['referrer-policy']).toBe('no-referrer');
    }
  });

  test('a WebSocket to another path is refused', async () => {
    const viewer = watch(`${daemon.url}/elsewhere`);
    expect((await viewer.closed).reason).toContain('404');
  });
});

test('what comes from B-frames and from H.265 is as sound', async () => {
  for (const [clip, codec] of [
    ['bframes.mp4', 'h264'],
    ['h265.mp4', 'hevc'],
  ] as const) {
    const other = await media(clip);
    try {
      const viewer = watch(other.daemon.url);
      const messages = await viewer.until((all) => all.length >= 80);
      viewer.socket.close();
      const probe = ffprobe(Buffer.concat(binaries(messages)));
      expect(probe.complaints).toBe('');
      expect(probe.streams[0]).toMatchObject({ codec_name: codec, width: 320, height: 180 });
      expect(Number(probe.streams[0]?.nb_read_frames)).toBeGreaterThanOrEqual(probe.packets.length - 4);
      const times = probe.packets.map((packet) => Number(packet.pts_time));
      expect(new Set(times).size).toBe(times.length);
    } finally {
      await other.stop();
    }
  }
});
