/**
 * A ring that is too small for the camera's GOPs: the keyframe is overwritten before the next one comes.
 */
import { rmSync } from 'node:fs';
import { Channel } from '../../daemon/stream/channel.ts';
import { planCatchUp } from '../../daemon/stream/catch-up.ts';
import { formatOf } from '../../daemon/stream/format.ts';
import { Scratch } from '../../daemon/stream/scratch.ts';
import type { Sink } from '../../daemon/stream/sink.ts';
import { Viewer } from '../../daemon/stream/viewer.ts';
import { monotonicUs } from '../../runtime/clock.ts';
import { encodeStreamTable, type VideoTrack } from '../../runtime/media/track.ts';
import { RingReader } from '../../runtime/ring/reader.ts';
import { RingWriter } from '../../runtime/ring/writer.ts';
import { ringFolder } from './stream-daemon.ts';

const SLOTS = 64;
const picture: VideoTrack = {
  kind: 'video',
  id: 1,
  codec: 'h264',
  codecString: 'avc1.42c01e',
  width: 640,
  height: 360,
  fps: 25,
  timescale: 90_000,
  config: Buffer.from('0142c01effe100046742c01e01000468ce3c80', 'hex'),
};
const table = { tracks: [picture], leftOut: [] };

let ring: ReturnType<typeof ringFolder>;
let writer: RingWriter;
beforeEach(() => {
  ring = ringFolder();
  writer = RingWriter.open({ path: ring.path, dataBytes: 1 << 20, slots: SLOTS });
  writer.setTable(encodeStreamTable(table));
});
afterEach(() => {
  writer.close();
  ring.remove();
  rmSync(ring.path, { force: true });
});

function write(key: boolean): void {
  const captureUs = monotonicUs();
  const pts = Math.round(captureUs * 0.09);
  const meta = { track: 1, key, discontinuity: false, pts, dts: pts, duration: 3600, captureUs };
  writer.write(meta, [Buffer.alloc(1000, 1)]);
}

/** Keeps what it is given. */
function keepingSink(): { sink: Sink; begun: Uint8Array[]; sent: Uint8Array[] } {
  const begun: Uint8Array[] = [];
  const sent: Uint8Array[] = [];
  const sink: Sink = {
    begin: (_mime, init) => void begun.push(init),
    send: (fragment) => void sent.push(fragment),
    queuedBytes: () => 0,
    whenRoom: (then) => void setImmediate(then),
    canRestart: true,
    fromZero: false,
    close: () => {},
  };
  return { sink, begun, sent };
}

async function until(fits: () => boolean): Promise<void> {
  while (!fits()) await new Promise((resolve) => setTimeout(resolve, 10));
}

test('a viewer whose keyframe is gone waits for the next one at the live edge instead of trying again', () => {
  write(true);
  for (let i = 0; i < 2 * SLOTS; i++) write(false);
  const reader = RingReader.open(ring.path);
  const format = formatOf(table, 1, true);
  const plan = planCatchUp([{ seq: 1, track: 1, pts: 90_000, dts: 90_000, duration: 3600 }], format);
  let begins = 0;
  const { sink, sent } = keepingSink();
  const viewer = new Viewer(sink, {
    begin: () => {
      begins++;
      // Where trying again has no end, this test has one.
      return plan && begins < 1000 ? { format, plan } : undefined;
    },
    cursor: () => reader,
    scratch: new Scratch(),
    lastSeq: () => reader.head,
    keySeq: () => 1,
  });
  viewer.start();
  expect(begins).toBeLessThan(1000);
  const [other, key] = [Buffer.from('other'), Buffer.from('key')];
  viewer.offer({ bytes: other, key: false }, 1 << 20);
  viewer.offer({ bytes: key, key: true }, 1 << 20);
  expect(sent).toEqual([key]);
  reader.close();
});

test('a new viewer is begun for at the next keyframe, not at one that the ring has overwritten', async () => {
  const channel = new Channel({
    ringPath: ring.path,
    starvationMs: 60_000,
    maxViewers: 5,
    onWaiting: () => {},
    onRecord: () => {},
    onViewers: () => {},
    onLaps: () => {},
    onTrouble: () => {},
    onStarved: () => {},
  });
  try {
    write(true);
    for (let written = 1; written <= 2 * SLOTS; written++) {
      // Nobody rings the bell: the channel looks by itself now and then.
      if (written % (SLOTS / 2) === 1) await until(() => channel.view().packets >= written);
      write(false);
    }
    await until(() => channel.view().packets > 2 * SLOTS);
    expect(channel.view()).toMatchObject({ state: 'live', laps: 0 });
    const { sink, begun, sent } = keepingSink();
    channel.audience.enter(sink);
    expect(begun).toEqual([]);
    write(true);
    await until(() => sent.length > 0);
    expect(begun).toHaveLength(1);
  } finally {
    channel.close();
  }
});

test('each time that the writer laps a channel is told once', async () => {
  const told: number[] = [];
  write(true);
  const channel = new Channel({
    ringPath: ring.path,
    starvationMs: 60_000,
    maxViewers: 5,
    onWaiting: () => {},
    onRecord: () => {},
    onViewers: () => {},
    onLaps: (count) => told.push(count),
    onTrouble: () => {},
    onStarved: () => {},
  });
  try {
    for (let lap = 1; lap <= 3; lap++) {
      for (let i = 0; i < 2 * SLOTS; i++) write(false);
      await until(() => channel.view().laps === lap);
    }
    expect(told).toEqual([1, 1, 1]);
  } finally {
    channel.close();
  }
});
