/**
 * What must hold after any number of faults on any daemons: the product's promises, checked from outside.
 *
 * Belongs here: the checks, each of which gives sentences about what was broken. Does not belong here: breaking things (strike.ts).
 */
import { monotonicUs } from '../../runtime/clock.ts';
import type { BulkheadEvent } from '../../runtime/supervisor/view.ts';
import { eventually, type Host } from '../../test/support/host.ts';
import { descriptorsOf, strayFiles, zombiesOf } from '../../test/support/leftovers.ts';
import type { LiveViewer } from '../../test/support/live-viewer.ts';
import type { RingWatch } from '../../test/support/ring-watch.ts';
import type { Strike } from './strike.ts';

export type ChaosChannel = { readonly id: string; readonly ring: RingWatch; readonly viewer: LiveViewer };

/** Our own requests, a log that is being rotated, a standby that is being started: not a leak. */
const DESCRIPTORS_MORE = 8;
/** Of the cameras. */
const FRAME_SECONDS = 0.04;
const CALM_LIMIT_MS = 120_000;

/** Waits until everything that was hit has ended: a leak takes its time, the longer the less it was when it was last looked at. */
export async function allEnded(host: Host, strikes: readonly Strike[]): Promise<void> {
  const look = async (): Promise<boolean> => silentStrikes(await host.events(), strikes).length === 0;
  await eventually('everything that was hit has ended', look, CALM_LIMIT_MS).catch(() => {});
}

/** Those that should have ended a process, of whose end there is no event with a cause. */
function silentStrikes(events: readonly BulkheadEvent[], strikes: readonly Strike[]): Strike[] {
  const told = new Set(
    events.filter(({ type, reason }) => type === 'daemon.exited' && reason !== null).map(({ daemon }) => daemon.pid),
  );
  return strikes.filter(({ verb, pid }) => pid !== null && verb !== 'blink' && !told.has(pid));
}

/** Waits until every channel is live and its viewer has pictures again. Throws what is not. */
export async function calm(host: Host, channels: readonly ChaosChannel[]): Promise<void> {
  await host.live(...channels.map(({ id }) => id));
  const before = channels.map(({ viewer }) => viewer.newestSeq);
  await eventually(
    `every viewer has new pictures; without: ${channels.map(({ id }) => id).join(' ')}`,
    () => channels.every(({ viewer }, index) => viewer.newestSeq > before[index]!),
    CALM_LIMIT_MS,
  );
}

/** Wall-clock milliseconds in which a channel may suffer, and from which of its daemons. */
type Wound = { readonly target: Strike['target']; readonly fromMs: number; readonly toMs: number };

/** Before a fault: the clock that stamps it is read after the frames that it costs were made. After it: the viewer dials, and catches up. */
const MARGIN_MS = { before: 500, after: 2_000 };

/** From each fault until the daemon that took the place of the hurt one was ready. */
function woundsOf(id: string, strikes: readonly Strike[], events: readonly BulkheadEvent[]): Wound[] {
  return strikes
    .filter(({ channel, pid, verb }) => channel === id && pid !== null && verb !== 'blink')
    .map(({ target, pid, atMs }) => {
      const end = events.find(({ type, daemon }) => type === 'daemon.exited' && daemon.pid === pid);
      const next = events.find(
        ({ type, daemon, time }) =>
          type === 'daemon.ready' && daemon.id === end?.daemon.id && time >= atMs && daemon.pid !== pid,
      );
      const healedMs = Math.max(end?.time ?? atMs, next?.time ?? Number.POSITIVE_INFINITY);
      return { target, fromMs: atMs - MARGIN_MS.before, toMs: healedMs + MARGIN_MS.after };
    });
}

function endsSupervisor({ target, verb }: Strike): boolean {
  return target === 'supervisor' && (verb === 'kill' || verb === 'heap');
}

/** A time of the machine's monotonic clock on the wall. */
function wallMs(us: number): number {
  return Date.now() - (monotonicUs() - us) / 1000;
}

/** Packets: a sequence never breaks, and what a viewer misses it misses around a fault of its own channel. */
export function brokenStreams(
  channels: readonly ChaosChannel[],
  strikes: readonly Strike[],
  events: readonly BulkheadEvent[],
): string[] {
  const ends = strikes.filter(endsSupervisor).map(({ atMs }) => atMs);
  return channels.flatMap(({ id, ring, viewer }) => {
    ring.look();
    const wounds = woundsOf(id, strikes, events);
    const excused = (atMs: number, target?: Strike['target']): boolean =>
      wounds.some((wound) => atMs >= wound.fromMs && atMs <= wound.toMs && (target ?? wound.target) === wound.target);
    const broken = ring.gaps.map((gap) => `${id}: the ring's sequence broke: ${gap}`);
    // Whoever holds the port is gone when the supervisor and the stream daemon are: the one case in which nobody can hold it.
    const unheld = wounds.filter(({ target, fromMs, toMs }) => {
      return target === 'stream' && ends.some((atMs) => atMs >= fromMs && atMs <= toMs);
    });
    const refused = viewer.refusedAtMs.filter(
      (atMs) => !unheld.some(({ fromMs, toMs }) => atMs >= fromMs && atMs <= toMs),
    );
    if (refused.length > 0) broken.push(`${id}: its port refused ${refused.length} dials`);

    const pictures = [...ring.pictures.values()];
    const [first = 0] = viewer.pictures;
    const missed = pictures.filter(
      ({ seq, captureUs }) =>
        seq > first && seq <= viewer.newestSeq && !viewer.pictures.has(seq) && !excused(wallMs(captureUs)),
    );
    if (missed.length > 0)
      broken.push(`${id}: its viewer missed ${missed.length} pictures at a time when nobody had hit it`);
    const holes = pictures.filter(({ captureUs, dtsSeconds }, index) => {
      const before = pictures[index - 1];
      return before && dtsSeconds - before.dtsSeconds > 1.5 * FRAME_SECONDS && !excused(wallMs(captureUs), 'capture');
    });
    if (holes.length > 0)
      broken.push(`${id}: its camera lost pictures ${holes.length} times when nobody had hit its capture daemon`);
    const dropped = viewer.lostAtMs.filter((atMs) => !excused(atMs, 'stream'));
    if (dropped.length > 0)
      broken.push(`${id}: its viewer was disconnected ${dropped.length} times when nobody had hit its stream daemon`);
    return broken;
  });
}

/** Events: what was killed has an end with a cause, and nothing else has one. */
export function brokenEvents(events: readonly BulkheadEvent[], strikes: readonly Strike[]): string[] {
  const hitPids = new Set(strikes.filter(({ verb }) => verb !== 'blink').map(({ pid }) => pid));
  const unexplained = events.filter(
    ({ type, daemon, reason }) => type === 'daemon.exited' && !hitPids.has(daemon.pid) && reason !== 'deploy',
  );
  const ids = events.map(({ id }) => id);
  return [
    ...silentStrikes(events, strikes).map(
      ({ verb, target, channel, pid }) => `${verb} of the ${target} of ${channel} (${pid}) has no event`,
    ),
    ...unexplained.map(({ daemon, reason, time }) => {
      return `${daemon.id} (${daemon.pid}) ended for "${reason}" at ${new Date(time).toISOString()}, and nobody had hit it`;
    }),
    ...(new Set(ids).size === ids.length ? [] : ['an event came twice']),
    ...(ids.every((id, index) => index === 0 || id > ids[index - 1]!) ? [] : ['ids of events do not rise']),
  ];
}

/** Things: no zombie, no descriptor, no file of a generation that is gone. What is on its way out gets a moment. */
export async function brokenHouse(host: Host, descriptorsBefore: readonly string[]): Promise<string[]> {
  const look = async (): Promise<string[]> => {
    const daemons = (await host.channels()).flatMap((channel) => channel.daemons);
    const zombies = zombiesOf(host.pid);
    const descriptors = descriptorsOf(host.pid);
    const more = descriptors.length - descriptorsBefore.length;
    return [
      ...(zombies.length > 0 ? [`zombies: ${zombies.join(' ')}`] : []),
      ...(more > DESCRIPTORS_MORE ? [`${more} descriptors more than at the start: ${newKinds(descriptors)}`] : []),
      ...strayFiles(host.home, daemons).map((name) => `stray file ${name}`),
    ];
  };
  return eventually('the house is in order', async () => (await look()).length === 0 && [], 10_000).catch(look);
}

/** Descriptors by kind, the most frequent first. */
function newKinds(descriptors: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const target of descriptors) {
    const kind = target.replace(/[\d[\]]+/g, '');
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ');
}
