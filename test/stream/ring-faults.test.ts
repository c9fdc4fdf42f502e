/**
 * What happens to a channel when its ring is late, foreign, replaced, silent or different from before, and when the daemon itself dies.
 */
import { createServer } from 'node:net';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EXIT } from '../../runtime/exit-code.ts';
import { ffprobe } from '../support/ffprobe.ts';
import { type Feeder, feedRing } from '../support/feed-ring.ts';
import {
  type Message,
  type StreamDaemon,
  freePort,
  health,
  healthUntil,
  request,
  ringFolder,
  spawnStream,
  startStreamDaemon,
  watch,
} from './stream-daemon.ts';

let ring: ReturnType<typeof ringFolder>;
const running: (Feeder | StreamDaemon)[] = [];

beforeEach(() => (ring = ringFolder()));
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => child.stop()));
  ring.remove();
});

async function feed(clip = 'sub.mp4', more: Partial<Parameters<typeof feedRing>[0]> = {}): Promise<Feeder> {
  const feeder = await feedRing({ path: ring.path, clip, ...more });
  running.push(feeder);
  return feeder;
}

async function stream(more: Partial<Parameters<typeof startStreamDaemon>[0]> = {}): Promise<StreamDaemon> {
  const daemon = await startStreamDaemon({ ring: ring.path, port: await freePort(), ...more });
  running.push(daemon);
  return daemon;
}

const texts = (messages: readonly Message[]): string[] => messages.flatMap((m) => ('text' in m ? [m.text] : []));
/** The binary messages that follow the n-th description. */
function after(messages: readonly Message[], n: number): Buffer[] {
  const starts = messages.flatMap((m, i) => ('text' in m ? [i] : []));
  return messages
    .slice((starts[n] ?? messages.length) + 1, starts[n + 1])
    .flatMap((m) => ('bytes' in m ? [m.bytes] : []));
}

describe('the ring', () => {
  test('that is not there yet is waited for: the port answers, and viewers begin when it comes', async () => {
    const daemon = await stream();
    expect(await health(daemon.url)).toMatchObject({
      state: 'starting',
      lastPacketAgeMs: null,
      media: null,
      trouble: null,
    });
    expect((await request(daemon.port)).status).toBe(200);
    const viewer = watch(daemon.url);
    await feed();
    const messages = await viewer.until((all) => all.length > 5);
    expect(texts(messages)).toHaveLength(1);
    viewer.socket.close();
  });

  test('is counted by what it gets and by what was done with that, apart, and not at all while nothing comes', async () => {
    const feeder = await feed();
    const daemon = await stream();
    await daemon.until((event) => event.type === 'counted' && event.input > 10 && event.output > 10);
    await feeder.stop();
    let last = { input: -1, output: -1 };
    let still = 0;
    await daemon.until((event) => {
      if (event.type !== 'counted') return false;
      still = event.input === last.input && event.output === last.output ? still + 1 : 0;
      last = event;
      return still >= 3;
    });
    // What the ring held when it was opened is output without having been input: it was there before.
    expect(last.output).toBeGreaterThanOrEqual(last.input);
  });

  test('that is another kind of file is named as the trouble, and the channel recovers when it is right again', async () => {
    mkdirSync(path.dirname(ring.path), { recursive: true });
    writeFileSync(ring.path, Buffer.alloc(100_000, 7));
    const daemon = await stream();
    const { trouble } = await healthUntil(daemon.url, (now) => now.trouble !== null);
    expect(trouble).toContain(ring.path);
    await daemon.until(
      (event) => event.type === 'message' && event.message.type === 'degraded' && event.message.reason !== null,
    );
    rmSync(ring.path);
    await feed();
    await healthUntil(daemon.url, (now) => now.state === 'live' && now.trouble === null);
    await daemon.until(
      (event) => event.type === 'message' && event.message.type === 'degraded' && event.message.reason === null,
    );
  });

  test('that is replaced by another is opened again, and viewers begin anew without losing their connection', async () => {
    const first = await feed();
    const daemon = await stream();
    const viewer = watch(daemon.url);
    await viewer.until((all) => all.length > 5);
    await first.stop();
    renameSync(ring.path, `${ring.path}.old`);
    await feed('bframes.mp4');
    const messages = await viewer.until((all) => texts(all).length === 2 && after(all, 1).length > 30);
    const probe = ffprobe(Buffer.concat(after(messages, 1)));
    expect(probe.streams[0]).toMatchObject({ codec_name: 'h264', width: 320, height: 180 });
    expect(probe.complaints).toBe('');
    viewer.socket.close();
  });

  test('whose writer has died holds old pictures: a new viewer does not get them as live', async () => {
    const feeder = await feed('sub.mp4', { prefillSeconds: 3 });
    await feeder.stop();
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const daemon = await stream();
    const viewer = watch(daemon.url);
    await healthUntil(daemon.url, ({ viewers }) => viewers === 1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await health(daemon.url)).state).toBe('starting');
    expect(viewer.messages).toEqual([]);
    // The next writer re-attaches; what comes then is fresh.
    const next = await feed();
    const messages = await viewer.until((all) => all.length > 4);
    expect(texts(messages)).toHaveLength(1);
    expect((await health(daemon.url)).state).toBe('live');
    expect(next.events[0]).toMatchObject({ type: 'playing' });
    expect((next.events[0] as { head: number }).head).toBeGreaterThan(30);
    viewer.socket.close();
  });
});

describe('the stream', () => {
  test('changes its parameters in the middle: viewers get a new description and go on, files end', async () => {
    const feeder = await feed('sub.mp4');
    const daemon = await stream();
    const viewer = watch(daemon.url);
    await viewer.until((all) => all.length > 10);
    const file = fetch(`${daemon.url}/stream.mp4`).then((response) => response.arrayBuffer());
    await healthUntil(daemon.url, ({ viewers }) => viewers === 2);
    // In the middle of a GOP: nothing can begin before the keyframe two seconds later.
    feeder.command({ clip: 'h265.mp4', from: 10 });

    const messages = await viewer.until((all) => texts(all).length === 2 && after(all, 1).length > 40);
    expect(texts(messages).map((text) => (JSON.parse(text) as { mime: string }).mime)).toEqual([
      expect.stringContaining('avc1'),
      expect.stringContaining('hvc1'),
    ]);
    const probe = ffprobe(Buffer.concat(after(messages, 1)));
    expect(probe.streams[0]).toMatchObject({ codec_name: 'hevc', nb_read_frames: String(probe.packets.length) });
    expect(probe.packets[0]?.flags).toContain('K');
    expect(probe.complaints).toBe('');
    // The file ends as it began: one codec, whole to the end.
    const ended = ffprobe(Buffer.from(await file));
    expect(ended.streams).toHaveLength(1);
    expect(ended.streams[0]?.codec_name).toBe('h264');
    viewer.socket.close();
  });

  test('loses its sound: it is offered without, and with it again when it comes back', async () => {
    const feeder = await feed('main.mp4', { prefillSeconds: 3 });
    const daemon = await stream();
    const viewer = watch(daemon.url);
    await viewer.until((all) => all.length > 10);
    feeder.command({ sound: false });
    await viewer.until((all) => texts(all).length === 2);
    feeder.command({ sound: true });
    const messages = await viewer.until((all) => texts(all).length === 3 && after(all, 2).length > 60);
    expect(texts(messages).map((text) => text.includes('mp4a'))).toEqual([true, false, true]);
    for (const [n, streams] of [
      [1, 1],
      [2, 2],
    ] as const) {
      const probe = ffprobe(Buffer.concat(after(messages, n)));
      expect(probe.streams).toHaveLength(streams);
      expect(probe.packets.find((packet) => packet.stream_index === 0)?.flags).toContain('K');
      expect(probe.complaints).toBe('');
    }
    viewer.socket.close();
  });

  test('pauses and comes back: the same connection goes on from the keyframe after the break', async () => {
    const feeder = await feed('sub.mp4');
    const daemon = await stream();
    const viewer = watch(daemon.url);
    await viewer.until((all) => all.length > 10);
    feeder.command({ paused: true });
    await healthUntil(daemon.url, ({ state }) => state === 'stalled');
    const before = viewer.messages.length;
    feeder.command({ paused: false });
    const messages = await viewer.until((all) => all.length > before + 20);
    expect(texts(messages)).toHaveLength(1);
    const probe = ffprobe(Buffer.concat(after(messages, 0)));
    const times = probe.packets.map((packet) => Number(packet.pts_time));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(Math.max(...times.slice(1).map((time, i) => time - (times[i] ?? 0)))).toBeGreaterThan(1.5);
    viewer.socket.close();
  });
});

describe('starvation', () => {
  test('no packets for the starvation time: viewers are sent away, the port closes, the exit says why', async () => {
    const feeder = await feed();
    const daemon = await stream({ starvationMs: 1500 });
    const viewer = watch(daemon.url);
    await viewer.until((all) => all.length > 5);
    feeder.command({ paused: true });
    expect(await viewer.closed).toEqual({ code: 1013, reason: 'The camera sends nothing.' });
    expect(await daemon.ended).toBe(EXIT.starved);
    expect(daemon.events.at(-1)).toMatchObject({ type: 'failed', kind: 'unavailable' });
    await expect(fetch(daemon.url)).rejects.toThrow();
  });

  test('a camera that never comes is waited for, but not for ever', async () => {
    const daemon = await stream({ starvationMs: 1500 });
    expect((await request(daemon.port)).status).toBe(200);
    expect(await daemon.ended).toBe(EXIT.starved);
  });

  test('a long GOP is no starvation: packets count, not keyframes', async () => {
    // Nine seconds to the next keyframe: there is nothing to show yet, and the camera is well.
    await feed('longgop.mp4', { from: 25 });
    const daemon = await stream({ starvationMs: 1000 });
    await healthUntil(daemon.url, ({ packets }) => packets > 60);
    expect((await health(daemon.url)).state).toBe('live');
    expect(daemon.child.exitCode).toBeNull();
  });

  test('a daemon that was stopped itself does not blame the camera when it wakes', async () => {
    await feed();
    const daemon = await stream({ starvationMs: 1000 });
    await healthUntil(daemon.url, ({ state }) => state === 'live');
    daemon.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 2500));
    daemon.kill('SIGCONT');
    await healthUntil(daemon.url, ({ state }) => state === 'live');
    expect(daemon.child.exitCode).toBeNull();
  });
});

describe('the daemon', () => {
  test('is killed: its successor has the port and the picture at once', async () => {
    await feed('longgop.mp4', { prefillSeconds: 8 });
    const daemon = await stream();
    await healthUntil(daemon.url, ({ state }) => state === 'live');
    daemon.kill('SIGKILL');
    await daemon.ended;
    const successor = await stream({ port: daemon.port });
    const viewer = watch(successor.url);
    const messages = await viewer.until((all) => all.length > 210);
    // Eight seconds of GOP were in the ring, and came in one go.
    expect(ffprobe(Buffer.concat(after(messages, 0))).packets[0]?.flags).toContain('K');
    viewer.socket.close();
  });

  test('stops in order: viewers are told, the port is free, the code is "done"', async () => {
    await feed();
    const daemon = await stream();
    const viewer = watch(daemon.url);
    await viewer.until((all) => all.length > 3);
    daemon.kill('SIGTERM');
    expect(await viewer.closed).toMatchObject({ code: 1001 });
    expect(await daemon.ended).toBe(EXIT.done);
    await expect(fetch(daemon.url)).rejects.toThrow();
  });

  test('drains: the port is given up at once, and viewers are asked to connect again', async () => {
    await feed();
    const daemon = await stream();
    const viewer = watch(daemon.url);
    await viewer.until((all) => all.length > 3);
    daemon.write('drain\n');
    expect(await viewer.closed).toMatchObject({ code: 1012 });
    await daemon.until((event) => event.type === 'drained');
    await stream({ port: daemon.port });
  });

  test('finds its port taken: one error that says which port and what to do', async () => {
    const port = await freePort();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    try {
      const daemon = spawnStream({ ring: ring.path, port });
      running.push(daemon);
      expect(await daemon.ended).toBe(EXIT.temporary);
      expect(daemon.events.at(-1)).toMatchObject({ type: 'failed', kind: 'conflict' });
      expect((daemon.events.at(-1) as { text: string }).text).toMatch(
        new RegExp(`Port ${port} on 127.0.0.1 is taken.*another number or port`),
      );
    } finally {
      other.close();
    }
  });
});
