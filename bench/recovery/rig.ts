/**
 * What the recovery matrix is measured on: the product, with so many channels, a viewer and a reader of the ring on each.
 *
 * Belongs here: setting that up and taking it down, and asking it who is well. Does not belong here: faults and figures (trial.ts).
 */
import path from 'node:path';
import type { ChannelDaemon } from '../../runtime/server/api/channel-view.ts';
import { startCamera, type Camera } from '../../test/support/camera.ts';
import { cameraFlows, eventually, freePorts, Host } from '../../test/support/host.ts';
import { LiveViewer } from '../../test/support/live-viewer.ts';
import { watchRing, type RingWatch } from '../../test/support/ring-watch.ts';

export type CameraKind = 'file' | 'rtsp';
export type VictimKind = 'stream' | 'capture';

/** 640x360, 25 fps, a keyframe every 2 s, with sound. */
const CLIP = 'main';
export const FRAME_MS = 40;
/** A daemon restarts at once only after 10 s of health; sampled by us, so a little more. */
const HEALTHY_MS = 11_000;
const REDIAL_MS = 5;
/** So that Node-RED can run out of heap within a second. */
export const SUPERVISOR_HEAP_MIB = 256;

/** One channel. */
export type Lane = {
  readonly host: Host;
  readonly channel: string;
  readonly port: number;
  readonly viewer: LiveViewer;
  readonly ring: RingWatch;
  /** How often one of its daemons has been hit. */
  strikes: number;
};

export type Rig = {
  readonly hosts: readonly Host[];
  readonly lanes: readonly Lane[];
  close(): Promise<void>;
};

/** `hosts` products of `channels` channels each. */
export async function openRig(hosts: number, channels: number, cameraKind: CameraKind): Promise<Rig> {
  const camera = cameraKind === 'rtsp' ? await startCamera({ only: [CLIP] }) : undefined;
  const opened: Host[] = [];
  const lanes: Lane[] = [];
  const close = async (): Promise<void> => {
    for (const { viewer, ring } of lanes) {
      viewer.close();
      ring.close();
    }
    await Promise.all(opened.map((host) => host.remove()));
    await camera?.stop();
  };
  try {
    for (let n = 0; n < hosts; n += 1) {
      const host = await Host.start({ nodeArguments: [`--max-old-space-size=${SUPERVISOR_HEAP_MIB}`] });
      opened.push(host);
      lanes.push(...(await openLanes(host, channels, camera)));
    }
    await eventually('pictures on every channel', () => lanes.every(({ viewer }) => viewer.newestSeq > 0));
  } catch (error) {
    await close();
    throw error;
  }
  return { hosts: opened, lanes, close };
}

async function openLanes(host: Host, count: number, camera: Camera | undefined): Promise<Lane[]> {
  const channels = Array.from({ length: count }, (_, index) => `camera-${index + 1}`);
  const ports = await freePorts(count);
  const file = path.resolve(import.meta.dirname, `../../test/clips/${CLIP}.mp4`);
  const source = camera ? { source: 'rtsp', url: camera.url(CLIP) } : { source: 'file', url: file };
  await host.deploy(cameraFlows(channels.map((channel, index) => ({ channel, port: ports[index]!, camera: source }))));
  await host.live(...channels);
  return channels.map((channel, index) => ({
    host,
    channel,
    port: ports[index]!,
    viewer: new LiveViewer(`ws://127.0.0.1:${ports[index]}/live.ws`, { redialMs: REDIAL_MS }),
    ring: watchRing(host.ringOf('tab', `camera-${channel}`)),
    strikes: 0,
  }));
}

/** The lane's daemon of this kind, when its channel is live and it has been well for long enough to restart at once. */
export async function healthyDaemon(lane: Lane, kind: VictimKind): Promise<ChannelDaemon | undefined> {
  const channel = await lane.host.channel(lane.channel);
  const daemon = channel?.daemons.find((one) => one.kind === kind);
  const isWell = channel?.state === 'live' && daemon?.state === 'ready' && (daemon.uptimeMs ?? 0) >= HEALTHY_MS;
  return isWell ? daemon : undefined;
}

/** The pids of every daemon of these lanes' hosts, by host and id. */
export async function pidsOf(lanes: readonly Lane[]): Promise<Map<string, number | null>> {
  const pids = new Map<string, number | null>();
  for (const host of new Set(lanes.map(({ host }) => host))) {
    for (const { daemons } of await host.channels()) {
      for (const { id, pid } of daemons) pids.set(`${host.home} ${id}`, pid);
    }
  }
  return pids;
}
