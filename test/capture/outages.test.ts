/**
 * What happens to a channel when its camera, or its capture daemon, is frozen, killed, unplugged and comes back.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCamera, type Camera } from '../support/camera.ts';
import {
  cameraChanges,
  RingTape,
  captureConfig,
  ringFolder,
  startRunner,
  type KeptRecord,
  type RunningCapture,
} from '../support/capture.ts';
import { spawnJson } from '../support/json-process.ts';
import { tapRtsp, type RtspTap } from '../support/rtsp-tap.ts';

/** Runs a command in a mount namespace of its own, as far as this machine allows it. */
const UNSHARE = ['unshare', '--mount', '--map-root-user', 'sh', '-c'];

const CLOSE_INPUT = path.resolve(import.meta.dirname, '../support/close-input.ts');

const folder = ringFolder();
const cameras: Camera[] = [];
const captures: RunningCapture[] = [];
const taps: RtspTap[] = [];
let rings = 0;

async function camera(options: Parameters<typeof startCamera>[0] = {}): Promise<Camera> {
  const one = await startCamera({ only: ['sub'], ...options });
  cameras.push(one);
  return one;
}

function capture(url: string, ringPath = path.join(folder.path, `${rings++}.ring`), generation = 1): RunningCapture {
  const config = captureConfig({ type: 'rtsp', url }, ringPath, { connectTimeoutMs: 2000, stallTimeoutMs: 1000 });
  const one = startRunner(config, ringPath, generation);
  captures.push(one);
  return one;
}

const cameraStates = (one: RunningCapture): unknown[] =>
  one.messages.filter((m) => m.type === 'camera').map((m) => m['state']);

/** One endless stream to a reader: numbers without a hole, time that only rises, and a flag where it was interrupted. */
function expectOneStream(tape: RingTape, breaks: number): void {
  expect(tape.gaps).toEqual([]);
  expect(tape.records.map(({ seq }) => seq)).toEqual(tape.records.map((_, i) => i + 1));
  tape.records.forEach((record, i) => {
    if (i > 0) expect(record.dts).toBeGreaterThan(tape.records[i - 1]!.dts);
    expect(record.pts).toBeGreaterThanOrEqual(record.dts);
  });
  const flagged = tape.records.filter(({ discontinuity }) => discontinuity);
  expect(flagged).toHaveLength(breaks + 1);
  expect(flagged.every(({ key }) => key)).toBe(true);
}

const more = (tape: RingTape, count: number) => {
  const before = tape.now().length;
  return (records: readonly KeptRecord[]): boolean => records.length >= before + count;
};

afterAll(async () => {
  await Promise.all(captures.map((one) => one.kill('SIGKILL')));
  await Promise.all(cameras.map((one) => one.unplug()));
  await Promise.all(taps.map((tap) => tap.close()));
  folder.remove();
});

describe('a real RTSP camera', () => {
  test('that is unplugged and plugged in again is back by itself, on the same stream', async () => {
    const first = await camera();
    const one = capture(first.url('sub'));
    const tape = new RingTape(one.ringPath);
    await tape.until(more(tape, 10));
    await first.unplug();
    await one.message((m) => m.type === 'camera' && m['state'] === 'offline');
    await camera({ port: first.port });
    await tape.until((records) => records.filter(({ discontinuity }) => discontinuity).length === 2);
    await tape.until(more(tape, 10));
    await one.stop();
    expectOneStream(tape, 1);
    expect(cameraChanges(one)).toEqual(['online', 'offline', 'online']);
    expect(cameraStates(one).at(-1)).toBe('online');
    const offline = one.messages.find((m) => m.type === 'camera' && m['state'] === 'offline');
    expect(offline).toMatchObject({
      errorKind: 'unavailable',
      message: expect.stringMatching(/has closed the connection/),
    });
    // The timestamps tell how long it was away: as much time as has passed between the two captures.
    const at = tape.records.findIndex(({ discontinuity }, i) => discontinuity && i > 0);
    const [before, after] = [tape.records[at - 1]!, tape.records[at]!];
    const awayUs = ((after.dts - before.dts) / 90_000) * 1e6;
    expect(Math.abs(awayUs - (after.captureUs - before.captureUs))).toBeLessThan(500_000);
    tape.close();
  });

  test('that freezes in the middle is noticed, named as stalled, and dialled again when it thaws', async () => {
    const one = await camera();
    const daemon = capture(one.url('sub'));
    const tape = new RingTape(daemon.ringPath);
    await tape.until(more(tape, 10));
    one.freeze();
    const stalled = await daemon.message((m) => m.type === 'camera' && m['state'] === 'offline');
    expect(stalled).toMatchObject({
      errorKind: 'timeout',
      message: expect.stringMatching(/has sent nothing for 1(\.\d)? s/),
    });
    one.thaw();
    await tape.until((records) => records.filter(({ discontinuity }) => discontinuity).length === 2);
    await daemon.stop();
    tape.now();
    expectOneStream(tape, 1);
    tape.close();
  });

  test('that is away at the start is no failure of the daemon, and is found when it comes', async () => {
    const away = await camera();
    await away.unplug();
    const daemon = capture(away.url('sub'));
    await daemon.message((m) => m.type === 'ready');
    await daemon.message((m) => m.type === 'camera' && m['state'] === 'offline');
    await camera({ port: away.port });
    await daemon.message((m) => m.type === 'camera' && m['state'] === 'online');
    expect(cameraChanges(daemon)).toEqual(['offline', 'online']);
    await daemon.stop();
    expect((await daemon.exited).code).toBe(0);
  });

  test('is told goodbye: TEARDOWN is the last request when the daemon stops', async () => {
    const one = await camera();
    const tap = await tapRtsp(one.port);
    taps.push(tap);
    const daemon = capture(`rtsp://127.0.0.1:${tap.port}/sub`);
    const tape = new RingTape(daemon.ringPath);
    await tape.until(more(tape, 5));
    await daemon.stop();
    expect(tap.methods).toContain('PLAY');
    expect(tap.methods.at(-1)).toBe('TEARDOWN');
    tape.close();
  });

  test('has been told goodbye when its input is closed, not some time later', async () => {
    const one = await camera();
    const tap = await tapRtsp(one.port);
    taps.push(tap);
    const reader = spawnJson(CLOSE_INPUT, [`rtsp://127.0.0.1:${tap.port}/sub`]);
    expect(await reader.ended).toBe('SIGKILL');
    // What has left the process may still be on its way through the tap.
    for (let i = 0; i < 100 && tap.methods.at(-1) !== 'TEARDOWN'; i++) await sleep(50);
    expect(tap.methods.at(-1)).toBe('TEARDOWN');
  });

  test('is left although it is frozen and cannot hear a goodbye', async () => {
    const one = await camera();
    const daemon = capture(one.url('sub'));
    const tape = new RingTape(daemon.ringPath);
    await tape.until(more(tape, 5));
    one.freeze();
    const startedMs = performance.now();
    await daemon.stop();
    // Not a measure of speed: without a limit on the goodbye this waits for a camera that never answers, and is killed after 8 s.
    expect(performance.now() - startedMs).toBeLessThan(8000);
    expect((await daemon.exited).signal).toBeNull();
    tape.close();
  });

  test('keeps one stream when its daemon is killed and another takes over the ring', async () => {
    const one = await camera();
    const first = capture(one.url('sub'));
    const tape = new RingTape(first.ringPath);
    await tape.until(more(tape, 10));
    await first.kill('SIGKILL');
    tape.now();
    const second = capture(one.url('sub'), first.ringPath, 2);
    await tape.until((records) => records.filter(({ discontinuity }) => discontinuity).length === 2);
    await tape.until(more(tape, 5));
    await second.stop();
    tape.now();
    expectOneStream(tape, 1);
    expect([...new Set(tape.records.map(({ epoch }) => epoch))]).toEqual([1, 2]);
    // The same camera with the same parameters: readers see no new stream table.
    expect(tape.tables.size).toBe(1);
    tape.close();
  });

  test('is not taken from a daemon that still writes: the second one gives up with a reason', async () => {
    const one = await camera();
    const first = capture(one.url('sub'));
    await first.message((m) => m.type === 'ready');
    const second = capture(one.url('sub'), first.ringPath);
    expect(await second.message((m) => m.type === 'failed')).toMatchObject({ errorKind: 'conflict' });
    await first.stop();
  });
});

test('a shared memory too small for the ring ends the daemon with what is needed, before anything is dialled', async () => {
  const ringPath = path.join(folder.path, 'small', 'a.ring');
  mkdirSync(path.dirname(ringPath));
  const mount = `mount -t tmpfs -o size=1m none "${path.dirname(ringPath)}" || exit 77; exec "$0" "$@"`;
  const daemon = startRunner(captureConfig({ type: 'test' }, ringPath), ringPath, 1, UNSHARE.concat(mount));
  captures.push(daemon);
  const { code } = await daemon.exited;
  // Where a mount of one's own is forbidden, the ring's tests stand for this one.
  if (code !== 0) return;
  expect(daemon.messages).toEqual([
    { type: 'failed', errorKind: 'exhausted', message: expect.stringMatching(/needs .* MiB.* free/) },
  ]);
});
