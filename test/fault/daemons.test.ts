/**
 * Every fault on a stream daemon and on a capture daemon, with two channels beside it that must not notice: the promise of the whole product.
 *
 * No durations: how long it takes is bench/recovery.ts's to say.
 */
import { eventually } from '../support/host.ts';
import * as inject from '../support/inject.ts';
import { descriptorsOf, leftoversOf, processesOf, strayFiles, zombiesOf } from '../support/leftovers.ts';
import { probePort } from '../support/port-probe.ts';
import { complaints, openSite, type Site } from './site.ts';

const NAMES = ['door', 'garden', 'yard'];
/** Fault, its verb, and what the supervisor says of it: an exhausted heap ends the process, or keeps it from beating until the watchdog ends it. */
const FAULTS = [
  ['SIGKILL', inject.kill, ['crash']],
  ['SIGSTOP', inject.freeze, ['hang']],
  ['a busy loop', inject.busyLoop, ['hang']],
  ['an exhausted heap', inject.exhaustHeap, ['crash', 'hang', 'memory']],
] as const;
const CASES = FAULTS.flatMap(([name, cause, reasons], index) =>
  (['stream', 'capture'] as const).map((kind, offset) => {
    return [name, kind, NAMES[(index + offset) % NAMES.length]!, cause, reasons] as const;
  }),
);

let site: Site;
let descriptors = 0;

beforeAll(async () => {
  site = await openSite({ cameras: Object.fromEntries(NAMES.map((name) => [name, null])) });
  descriptors = descriptorsOf(site.host.pid).length;
});
afterAll(async () => {
  await site?.close();
});

test.each(CASES)('%s of a %s daemon (%s) costs the other channels nothing', async (_, kind, id, cause, reasons) => {
  const victim = await site.successor(id, kind, 0);
  const channel = site.channel(id);
  // The case before may have cost one its connection.
  for (const { id, viewer } of site.channels) if (viewer.lost > 0) await site.watch(id);
  const [epoch, head, since] = [
    Math.max(...channel.ring.epochs),
    channel.ring.last,
    (await site.host.events()).at(-1)!.id,
  ];
  const probe = probePort(channel.port);
  await cause(victim.pid!);

  const next = await site.successor(id, kind, victim.generation);
  await site.settle();
  probe.stop();
  expect(next.pid).not.toBe(victim.pid);
  const events = (await site.host.events()).filter((event) => event.id > since);
  const exits = events.filter(({ type }) => type === 'daemon.exited');
  expect(exits).toMatchObject([
    { channel: id, daemon: { id: victim.id, pid: victim.pid, generation: victim.generation } },
  ]);
  expect(reasons).toContain(exits[0]!.reason);
  expect(events.find(({ type }) => type === 'daemon.respawned')).toMatchObject({
    reason: exits[0]!.reason,
    daemon: { id: victim.id, pid: next.pid, generation: next.generation },
    detail: { recoveryMs: expect.any(Number) },
  });

  expect(probe.refused).toBe(0);
  expect(probe.connected).toBeGreaterThan(0);
  expect(site.channels.filter((one) => one.id !== id).flatMap(complaints)).toEqual([]);
  // Nobody lost a packet: a new writer goes on where the last one stopped, and a stream daemon writes nothing.
  expect(channel.ring.gaps).toEqual([]);
  expect(channel.ring.last).toBeGreaterThan(head);
  expect(Math.max(...channel.ring.epochs)).toBe(kind === 'capture' ? epoch + 1 : epoch);
  // A camera that is gone for a moment sends nobody away.
  expect(channel.viewer.lost).toBe(kind === 'capture' ? 0 : 1);
});

test('after all that nothing is left over: no zombie, no descriptor, no file of a generation that is gone', async () => {
  const daemons = (await site.host.channels()).flatMap((channel) => channel.daemons);
  await eventually('no zombie', () => zombiesOf(site.host.pid).length === 0);
  await eventually('no stray file', () => strayFiles(site.host.home, daemons).length === 0);
  // Our own requests come and go.
  await eventually('no descriptor more than before', () => descriptorsOf(site.host.pid).length <= descriptors + 2);
});

test('SIGTERM leaves nothing behind', async () => {
  expect(processesOf(site.host.home).length).toBeGreaterThan(6);
  expect(await site.host.stop()).toBe(0);
  expect(leftoversOf(site.host.home)).toEqual([]);
});
