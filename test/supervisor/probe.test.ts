import type { MediaDescription } from '../../runtime/media/track.ts';
import { probeConfigSchema } from '../../runtime/message/config.ts';
import { parse } from '../../runtime/message/parse.ts';
import type { Behaviour } from '../support/fake-daemon.ts';
import { Home, Supervised, until } from '../support/supervised.ts';

const media: MediaDescription = {
  codec: 'h265',
  width: 640,
  height: 360,
  fps: 25,
  audio: null,
  leftOut: ['a subtitle'],
};

let home: Home;
let at: Supervised;

beforeEach(async () => {
  home = new Home();
  at = await Supervised.open(home);
});
afterEach(async () => {
  await at.supervisor.close();
  expect(home.leftovers()).toEqual([]);
  home.remove();
});

const config = (behaviour: Behaviour, channel = 'door', timeoutMs = 10_000) =>
  parse(probeConfigSchema, {
    kind: 'probe',
    channel,
    source: { type: 'file', path: JSON.stringify(behaviour) },
    timeoutMs,
  });

test('a probe says what the source is, and its process ends', async () => {
  expect(await at.supervisor.probe(config({ send: [{ type: 'media', media }] }))).toEqual(media);
  await until(() => home.leftovers().join() === 'control.sock');
  expect(at.supervisor.daemons()).toEqual([]);
  expect(at.events).toEqual([]);
});

test('a source that cannot be opened is the reason that the daemon gives', async () => {
  await expect(at.supervisor.probe(config({ start: 'unauthorised' }))).rejects.toMatchObject({
    kind: 'unauthorised',
    message: 'told to fail',
  });
});

test('a probe that crashes says so', async () => {
  await expect(at.supervisor.probe(config({}, 'mute'))).rejects.toMatchObject({ message: /crashed \(exit code 3\)/ });
});

test('a probe that does not answer is given up after its time', async () => {
  await expect(at.supervisor.probe(config({ start: 'never' }, 'door', 500))).rejects.toMatchObject({ kind: 'timeout' });
});

test('only a few sources are tested at a time', async () => {
  const probes = Array.from({ length: 5 }, () => at.supervisor.probe(config({ send: [{ type: 'media', media }] })));
  const results = await Promise.allSettled(probes);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
  expect(results.at(-1)).toMatchObject({ reason: { kind: 'exhausted' } });
});

test('closing breaks a probe off', async () => {
  const probe = at.supervisor.probe(config({ start: 'never' }));
  probe.catch(() => {});
  await until(() => home.leftovers().some((name) => name.endsWith('.json')));
  await at.supervisor.close();
  await expect(probe).rejects.toMatchObject({ kind: 'unavailable' });
});
