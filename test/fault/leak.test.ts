/**
 * A leak in a daemon: the daemon is replaced for its memory before the machine notices, and the viewer notices one reconnect at most.
 */
import { eventually } from '../support/host.ts';
import * as inject from '../support/inject.ts';
import { LiveViewer } from '../support/live-viewer.ts';
import { probePort } from '../support/port-probe.ts';
import { complaints, openSite, type Site } from './site.ts';

/** Four to eight seconds to the limits of a stream and a capture daemon; it stops by itself when nobody does anything about it. */
const MIB_PER_SECOND = 60;
const MOST_MIB = 2_048;

let site: Site;

beforeAll(async () => {
  site = await openSite({ cameras: { door: null, garden: null, yard: null } });
});
afterAll(async () => {
  await site?.close();
});

test.each([
  ['stream', 'door'],
  ['capture', 'garden'],
] as const)(
  'a leak in a %s daemon ends with its replacement, and costs no packet and nobody else anything',
  async (kind, id) => {
    const victim = await site.successor(id, kind, 0);
    const { port, ring } = site.channel(id);
    const since = (await site.host.events()).at(-1)!.id;
    const viewer = new LiveViewer(`ws://127.0.0.1:${port}/live.ws`, { redialMs: 20 });
    const probe = probePort(port);
    try {
      await eventually('pictures', () => viewer.pictures.size > 0);
      await inject.leak(victim.pid!, MIB_PER_SECOND, MOST_MIB);
      const next = await site.successor(id, kind, victim.generation);
      const head = viewer.newestSeq;
      await eventually('pictures go on', () => viewer.newestSeq > head);
      await site.settle();

      expect(next.pid).not.toBe(victim.pid);
      await site.event('its end is told', (event) => event.type === 'daemon.exited' && event.daemon.pid === victim.pid);
      const events = (await site.host.events()).filter((event) => event.id > since);
      expect(events.filter(({ type }) => type === 'daemon.exited')).toMatchObject([
        { reason: 'memory', daemon: { id: victim.id, pid: victim.pid } },
      ]);
      expect(events.find(({ type }) => /^daemon\.(recycled|respawned)$/.test(type))).toMatchObject({
        reason: 'memory',
        daemon: { id: victim.id, generation: next.generation },
      });
      expect(probe.refused).toBe(0);
      expect(viewer.refused).toBe(0);
      expect(viewer.lost).toBe(kind === 'stream' ? 1 : 0);
      expect(ring.gaps).toEqual([]);
      expect(ring.epochs.size).toBe(kind === 'stream' ? 1 : 2);
      // Who was connected to the one that leaked sees every picture of the ring over both connections.
      const due = [...ring.pictures.keys()].filter(
        (seq) => seq > Math.min(...viewer.pictures) && seq <= viewer.newestSeq,
      );
      expect(due.filter((seq) => !viewer.pictures.has(seq))).toEqual([]);
      expect(site.channels.filter((one) => one.id !== id && one.viewer.lost === 0).flatMap(complaints)).toEqual([]);
      expect(site.channel('yard').viewer.lost).toBe(0);
    } finally {
      probe.stop();
      viewer.close();
    }
  },
);
