/**
 * Random faults on random daemons for so long, then the verdict: `npm run chaos` runs it for minutes, the fault suite for seconds.
 *
 * Belongs here: setting up, the order of things, clearing up. Does not belong here: what is done (strike.ts), what must hold (verdict.ts).
 */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cameraFlows, freePorts, Host } from '../../test/support/host.ts';
import { evaluate } from '../../test/support/inspector.ts';
import { descriptorsOf, leftoversOf } from '../../test/support/leftovers.ts';
import { LiveViewer } from '../../test/support/live-viewer.ts';
import { watchRing } from '../../test/support/ring-watch.ts';
import { seeded } from './random.ts';
import { strike, type Strike } from './strike.ts';
import { allEnded, brokenEvents, brokenHouse, brokenStreams, calm, type ChaosChannel } from './verdict.ts';

export type ChaosOptions = {
  readonly channels: number;
  readonly durationMs: number;
  readonly seed: number;
  /** Between two faults, at random from half of it to one and a half. */
  readonly apartMs: number;
  /** Called for every fault. */
  readonly say?: (strike: Strike) => void;
};

export type Chaos = {
  readonly strikes: readonly Strike[];
  /** Ends of daemons, by reason. */
  readonly exits: ReadonlyMap<string, number>;
  readonly packets: number;
  /** Promises that were broken, in words; none if all is well. */
  readonly broken: readonly string[];
};

const CLIP = path.resolve(import.meta.dirname, '../../test/clips/main.mp4');
const REDIAL_MS = 20;
const PICTURES_PER_SECOND = 25;

export async function runChaos(options: ChaosOptions): Promise<Chaos> {
  const random = seeded(options.seed);
  const names = Array.from({ length: options.channels }, (_, index) => `camera-${index + 1}`);
  const ports = await freePorts(names.length);
  // So that a heap can be exhausted within a second.
  const host = await Host.start({ nodeArguments: ['--max-old-space-size=256'] });
  const channels: ChaosChannel[] = [];
  try {
    const camera = { source: 'file', url: CLIP };
    await host.deploy(cameraFlows(names.map((channel, index) => ({ channel, port: ports[index]!, camera }))));
    await host.live(...names);
    const mostPictures = Math.ceil((options.durationMs / 1000 + 300) * PICTURES_PER_SECOND);
    for (const [index, id] of names.entries()) {
      const viewer = new LiveViewer(`ws://127.0.0.1:${ports[index]}/live.ws`, { redialMs: REDIAL_MS });
      channels.push({ id, viewer, ring: watchRing(host.ringOf('tab', `camera-${id}`), mostPictures) });
    }
    await calm(host, channels);
    // The inspector, through which some faults are caused, has descriptors of its own.
    await evaluate(host.pid, '0');
    const descriptors = descriptorsOf(host.pid);

    const strikes: Strike[] = [];
    for (const endMs = Date.now() + options.durationMs; Date.now() < endMs;) {
      const one = await strike(host, names, random);
      strikes.push(one);
      options.say?.(one);
      await sleep(options.apartMs * (0.5 + random.next()));
    }

    const broken: string[] = [];
    await allEnded(host, strikes);
    await calm(host, channels).catch((error: Error) => broken.push(error.message));
    const events = await host.events();
    broken.push(...brokenStreams(channels, strikes, events));
    broken.push(...brokenEvents(events, strikes));
    broken.push(...(await brokenHouse(host, descriptors)));
    const packets = channels.reduce((sum, { ring }) => sum + ring.count, 0);
    for (const { viewer, ring } of channels) {
      viewer.close();
      ring.close();
    }
    if ((await host.stop()) !== 0) broken.push('Bulkhead did not end with 0');
    broken.push(...leftoversOf(host.home).map((what) => `left after the stop: ${what}`));
    const exits = new Map<string, number>();
    for (const { type, reason } of events) {
      if (type === 'daemon.exited') exits.set(reason ?? 'unknown', (exits.get(reason ?? 'unknown') ?? 0) + 1);
    }
    return { strikes, exits, packets, broken };
  } finally {
    for (const { viewer, ring } of channels) {
      viewer.close();
      ring.close();
    }
    await host.remove();
  }
}
