/**
 * The capture daemon's work, put together: ring, source, loop, reports.
 *
 * Belongs here: what is made of what, in which order, and how it ends. Does not belong here: the process around it (daemon/harness/), and any
 * work of its own.
 */
import { systemClock, type Cancel } from '../../runtime/clock.ts';
import { BulkheadError } from '../../runtime/errors.ts';
import { decodeStreamTable } from '../../runtime/media/track.ts';
import type { CaptureConfig } from '../../runtime/message/config.ts';
import { openBell } from '../../runtime/ring/bell.ts';
import { RingReader } from '../../runtime/ring/reader.ts';
import { RingWriter } from '../../runtime/ring/writer.ts';
import type { DaemonContext, Running } from '../harness/run-daemon.ts';
import { listenToFFmpeg } from './av/ffmpeg-log.ts';
import { CameraReport } from './camera-report.ts';
import { CaptureLoop } from './capture-loop.ts';
import { Losses } from './losses.ts';
import { sourceFactory } from './open-source.ts';
import { PacketWriter } from './packet-writer.ts';

const HEARTBEAT_MS = 250;
/** How often the ring is looked for where readers look for it. */
const RING_CHECK_MS = 1000;
const DIAGNOSIS_MS = 1500;
/** A daemon that loses pictures for their size counts as well again after this long without. */
const TOO_LARGE_FORGOTTEN_MS = 30_000;

export type CaptureContext = Pick<DaemonContext, 'log' | 'generation' | 'send' | 'ready' | 'status' | 'exit'>;

/** Rejects when there can be no ring (`exhausted`, `conflict`) or the source makes no sense (`invalid`); a camera that is away is neither. */
export async function startCapture(config: CaptureConfig, context: CaptureContext): Promise<Running> {
  const { log, send, status } = context;
  const clock = systemClock;
  const losses = new Losses(clock, (counts) => {
    log.warn({ losses: counts }, 'packets were lost');
    if (counts.tooLarge !== undefined) warnOfSize();
  });
  const source = sourceFactory(config.source, {
    ...config,
    diagnosisMs: DIAGNOSIS_MS,
    clock,
    onSoundLost: () => losses.add('sound'),
  });
  const stopListening = listenToFFmpeg({
    log,
    clock,
    secrets: source.secrets,
    onMissed: (count) => losses.add('network', count),
  });

  let cancelWarning: Cancel | undefined;
  const warnOfSize = (): void => {
    cancelWarning?.();
    send({
      type: 'degraded',
      reason: 'Some pictures are larger than the ring takes and are lost: give the channel a larger ring.',
    });
    cancelWarning = clock.after(TOO_LARGE_FORGOTTEN_MS, () => send({ type: 'degraded', reason: null }));
  };

  const ring = RingWriter.open(config.ring);
  const bell = openBell(config.ring.path);
  const report = new CameraReport({ log, send, setError: status.error, place: source.place });
  const writer = new PacketWriter({
    ring,
    afterUs: ring.reattached ? endOfRing(config.ring.path) : 0,
    losses,
    // Progress is records: packets before the first keyframe are not work that is stuck.
    onRecord: () => {
      status.input();
      status.output();
      bell.ring();
    },
    onTable: (table) => report.table(table),
    onFps: (fps) => report.fps(fps),
  });
  const loop = new CaptureLoop({
    makeSource: source.make,
    place: source.place,
    writer,
    report,
    clock,
    generation: context.generation,
    pictureLimitMs: config.stallTimeoutMs,
    random: Math.random,
  });
  const stopHeartbeat = clock.every(HEARTBEAT_MS, () => ring.heartbeat());
  const stopChecking = clock.every(RING_CHECK_MS, () => {
    if (ring.isInPlace()) return;
    stopChecking();
    // The next generation makes a new ring, and readers look for one.
    context.exit(
      'temporary',
      new BulkheadError('corrupt', 'The ring of this camera was removed or damaged; a new one is made.', {
        context: { path: config.ring.path },
      }),
    );
  });

  log.info(
    { place: source.place, ring: config.ring.path, epoch: ring.epoch, reattached: ring.reattached },
    'capture begins',
  );
  context.ready();
  loop.start();

  return {
    stop: async () => {
      stopListening();
      await loop.stop();
      stopHeartbeat();
      stopChecking();
      cancelWarning?.();
      losses.flush();
      bell.close();
      ring.close();
    },
  };
}

/** The time of the last record that an earlier process has written, so that timestamps go on from there. Monotonic microseconds. */
function endOfRing(path: string): number {
  let reader: RingReader | undefined;
  try {
    reader = RingReader.open(path);
    reader.seek(reader.head);
    const result = reader.read();
    if (result.type !== 'record') return 0;
    const { record } = result;
    const table = reader.table(record.tableVersion);
    const track = table && decodeStreamTable(table.bytes).tracks.find(({ id }) => id === record.track);
    return track ? (Math.max(record.pts, record.dts + record.duration) / track.timescale) * 1e6 : 0;
  } catch (error) {
    // The ring was good enough to re-attach to; without its last record the clock alone keeps the order, which it nearly always does.
    if (error instanceof BulkheadError) return 0;
    throw error;
  } finally {
    reader?.close();
  }
}
