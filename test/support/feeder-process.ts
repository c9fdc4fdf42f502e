/**
 * A camera without a camera: a process that writes a clip into a ring, looped, in real time, just as a capture daemon does.
 *
 * Its one argument is a `FeederOptions` in JSON; commands come as JSON lines on standard input (feed-ring.ts). Each line of output is an
 * event. Belongs here: exact, repeatable packets, and the faults a test asks for. Does not belong here: expectations.
 */
import { createInterface } from 'node:readline';
import { monotonicUs } from '../../runtime/clock.ts';
import { type StreamTable, encodeStreamTable } from '../../runtime/media/track.ts';
import { openBell } from '../../runtime/ring/bell.ts';
import { RingWriter } from '../../runtime/ring/writer.ts';
import { type Packet, readClip } from './clip-stream.ts';
import type { FeederCommand, FeederEvent, FeederOptions } from './feed-ring.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as FeederOptions;
const writer = RingWriter.open({
  path: options.path,
  dataBytes: options.dataBytes ?? 8 << 20,
  slots: options.slots ?? 4096,
});
const bell = openBell(options.path);

/** What is played, and since when. Times of packets are seconds from the beginning of the first loop. */
type Play = {
  packets: Packet[];
  lengthSeconds: number;
  startUs: number;
  loop: number;
  index: number;
  fresh: Set<number>;
};

let faults: Required<Pick<FeederCommand, 'sound' | 'paused' | 'dropPictures'>> = {
  sound: options.sound ?? true,
  paused: false,
  dropPictures: options.dropPictures ?? 0,
};
let play = skipTo(begin(options.clip, monotonicUs() - (options.prefillSeconds ?? 0) * 1e6), options.from ?? 0);

function begin(clip: string, startUs: number): Play {
  const { tracks, packets } = readClip(clip);
  const table: StreamTable = { tracks, leftOut: [] };
  writer.setTable(encodeStreamTable(table));
  const picture = packets.filter(({ track }) => track.kind === 'video');
  const [first] = picture;
  if (!first) throw new Error(`${clip} has no picture`);
  const lengthSeconds = picture.reduce((sum, packet) => sum + packet.duration, 0) / first.track.timescale;
  // One loop holds what begins within its length, so that loops join without overlap.
  const origin = first.dts / first.track.timescale;
  const within = packets.filter((packet) => {
    const seconds = packet.dts / packet.track.timescale - origin;
    return seconds >= 0 && seconds < lengthSeconds - 1e-6;
  });
  tell({ type: 'playing', clip, head: writer.head });
  return { packets: within, lengthSeconds, startUs, loop: 0, index: 0, fresh: new Set(tracks.map(({ id }) => id)) };
}

/** Begins in the middle: the packet `index` is due now. */
function skipTo(from: Play, index: number): Play {
  const packet = from.packets[index];
  const first = from.packets[0];
  if (!packet || !first) return from;
  const seconds = packet.dts / packet.track.timescale - first.dts / first.track.timescale;
  return { ...from, index, startUs: from.startUs - seconds * 1e6 };
}

/** Writes what is due. */
function feed(): void {
  const nowUs = monotonicUs();
  for (;;) {
    const packet = play.packets[play.index];
    const first = play.packets[0];
    if (!packet || !first) {
      play.index = 0;
      play.loop++;
      continue;
    }
    const { timescale, id } = packet.track;
    const seconds = packet.dts / timescale - first.dts / first.track.timescale + play.loop * play.lengthSeconds;
    const dueUs = play.startUs + seconds * 1e6;
    if (dueUs > nowUs) break;
    play.index++;
    if (isLeftOut(packet)) continue;
    const dts = Math.round((dueUs / 1e6) * timescale);
    const discontinuity = play.fresh.delete(id);
    writer.write(
      {
        track: id,
        key: packet.track.kind === 'video' && packet.key,
        discontinuity,
        pts: dts + packet.pts - packet.dts,
        dts,
        duration: packet.duration,
        captureUs: Math.round(dueUs),
      },
      packet.data,
    );
  }
  bell.ring();
}

let picturesSinceKey = 0;
function isLeftOut(packet: Packet): boolean {
  if (packet.track.kind === 'audio') return !faults.sound || faults.paused;
  picturesSinceKey = packet.key ? 0 : picturesSinceKey + 1;
  if (faults.paused) return true;
  // Of every nine pictures the last `dropPictures` are lost on the way.
  return !packet.key && picturesSinceKey % 9 >= 9 - faults.dropPictures;
}

function obey(command: FeederCommand): void {
  faults = { ...faults, ...command };
  if (command.clip !== undefined) play = skipTo(begin(command.clip, monotonicUs()), command.from ?? 0);
  // A camera that comes back begins with a keyframe, after a break.
  if (command.paused === false) play = { ...begin(command.clip ?? options.clip, monotonicUs()) };
}

function tell(event: FeederEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

createInterface({ input: process.stdin })
  .on('line', (line) => obey(JSON.parse(line) as FeederCommand))
  .on('close', () => {
    bell.close();
    writer.close();
    process.exit(0);
  });
feed();
tell({ type: 'ready', head: writer.head });
setInterval(feed, 5);
