/**
 * The product as the fault suite has it: channels with a viewer that never dials again and a reader of the ring on each, so that anything that a fault costs
 * anybody shows.
 *
 * Belongs here: setting up, waiting for what must come, and saying what was lost. Does not belong here: what is expected.
 */
import path from 'node:path';
import type { ChannelDaemon } from '../../runtime/server/api/channel-view.ts';
import type { BulkheadEvent } from '../../runtime/supervisor/view.ts';
import { cameraFlows, eventually, freePorts, Host, type HostOptions } from '../support/host.ts';
import { LiveViewer } from '../support/live-viewer.ts';
import { watchRing, type RingWatch } from '../support/ring-watch.ts';

const CLIP = path.resolve(__dirname, '../clips/main.mp4');

export type SiteChannel = {
  readonly id: string;
  readonly port: number;
  readonly ring: RingWatch;
  /** Replaced by `watch`. */
  viewer: LiveViewer;
};

export type Site = {
  readonly host: Host;
  readonly channels: readonly SiteChannel[];
  readonly channel: (id: string) => SiteChannel;
  readonly daemon: (id: string, kind: string) => Promise<ChannelDaemon>;
  /** Waits until this daemon works in a later generation than this, and its channel is live. */
  readonly successor: (id: string, kind: string, generation: number) => Promise<ChannelDaemon>;
  /** Waits for an event. */
  readonly event: (what: string, fits: (event: BulkheadEvent) => boolean) => Promise<BulkheadEvent>;
  /** A new viewer on a channel, when it gets something. */
  readonly watch: (id: string) => Promise<LiveViewer>;
  /** Waits until every viewer and every ring has something new: nothing more can be on its way from before. */
  readonly settle: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export type SiteOptions = HostOptions & {
  /** The camera node's settings for each channel; a file in a loop unless given. */
  readonly cameras: Readonly<Record<string, Readonly<Record<string, unknown>> | null>>;
  /** The stream node's settings for each channel. */
  readonly streams?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

export async function openSite({ cameras, streams = {}, ...options }: SiteOptions): Promise<Site> {
  const names = Object.keys(cameras);
  const ports = await freePorts(names.length);
  const host = await Host.start(options);
  const channels: SiteChannel[] = [];
  const close = async (): Promise<void> => {
    for (const { viewer, ring } of channels) {
      viewer.close();
      ring.close();
    }
    await host.remove();
  };
  try {
    const wired = names.map((channel, index) => {
      const camera = cameras[channel] ?? { source: 'file', url: CLIP };
      return { channel, port: ports[index]!, camera, stream: streams[channel] ?? {} };
    });
    await host.deploy(cameraFlows(wired));
    await host.live(...names);
    for (const { channel: id, port } of wired) {
      const viewer = new LiveViewer(`ws://127.0.0.1:${port}/live.ws`);
      channels.push({ id, port, viewer, ring: watchRing(host.ringOf('tab', `camera-${id}`)) });
    }
    await eventually('every viewer gets something', () => channels.every(({ viewer }) => viewer.fragments > 0));
  } catch (error) {
    await close();
    throw error;
  }

  const channel = (id: string): SiteChannel => channels.find((one) => one.id === id)!;
  const find = async (id: string, kind: string): Promise<ChannelDaemon | undefined> =>
    (await host.channel(id))?.daemons.find((one) => one.kind === kind);
  return {
    host,
    channels,
    channel,
    daemon: (id, kind) => eventually(`the ${kind} of ${id}`, () => find(id, kind)),
    successor: (id, kind, generation) =>
      eventually(`the ${kind} of ${id} after generation ${generation}`, async () => {
        const view = await host.channel(id);
        const daemon = view?.daemons.find((one) => one.kind === kind);
        const isThere = view?.state === 'live' && daemon?.state === 'ready' && daemon.generation > generation;
        return isThere ? daemon : undefined;
      }),
    event: (what, fits) => eventually(what, async () => (await host.events()).find(fits)),
    watch: async (id) => {
      const one = channel(id);
      one.viewer.close();
      one.viewer = new LiveViewer(`ws://127.0.0.1:${one.port}/live.ws`);
      await eventually(`something of ${id}`, () => one.viewer.fragments > 0);
      return one.viewer;
    },
    settle: async () => {
      const before = channels.map(({ ring, viewer }) => ({ last: ring.last, fragments: viewer.fragments }));
      await eventually('every channel goes on', () =>
        channels.every(({ ring, viewer }, index) => {
          const { last, fragments } = before[index]!;
          return ring.last > last && (viewer.fragments > fragments || viewer.lost > 0);
        }),
      );
    },
    close,
  };
}

/** What a channel that no fault has hit must not have: a break in the ring, a viewer that was sent away, a picture that did not reach it. */
export function complaints({ id, ring, viewer }: SiteChannel): string[] {
  ring.look();
  const [first = 0] = viewer.pictures;
  const due = [...ring.pictures.keys()].filter((seq) => seq > first && seq <= viewer.newestSeq);
  const missed = due.filter((seq) => !viewer.pictures.has(seq));
  return [
    ...ring.gaps.map((gap) => `${id}: the ring lost ${gap}`),
    ...(viewer.lost > 0 ? [`${id}: the viewer was disconnected ${viewer.lost} times`] : []),
    ...(missed.length > 0 ? [`${id}: the viewer missed pictures ${missed.join(', ')}`] : []),
  ];
}
