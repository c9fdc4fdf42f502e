import { Holds } from '../../runtime/channel/hold.ts';
import { SourceRegistry } from '../../runtime/channel/registry.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const spec = { id: 'tab/camera:0', channel: 'front', name: 'Front', ringPath: '/rings/a.ring', settingsHash: 'one' };

function setUp() {
  const clock = createVirtualClock();
  const registry = new SourceRegistry(new Holds(clock, 5000));
  const ended: string[] = [];
  const over: string[] = [];
  registry.onEnded((id) => ended.push(id));
  const open = (change: Partial<typeof spec> = {}) => registry.open({ ...spec, ...change }, () => over.push('over'));
  const epoch = () => registry.find(spec.id)?.epoch;
  return { clock, registry, ended, over, open, epoch };
}

test('a handle that a source sent is found again', () => {
  const { registry, open } = setUp();
  const { media } = open().message('announce');
  expect(registry.find(media.id)).toMatchObject({ channel: 'front', ringPath: '/rings/a.ring', epoch: media.epoch });
});

test('a node with the same settings adopts the source of its predecessor: same epoch, nothing ended', () => {
  const { clock, ended, over, open, epoch } = setUp();
  open().close(false);
  const before = epoch();
  clock.advance(4000);
  open({ name: 'Front, with another label' });
  clock.advance(60_000);
  expect(epoch()).toBe(before);
  expect([ended, over]).toEqual([[], []]);
});

test('a node with other settings has a new epoch, and nobody is told that the source ended', () => {
  const { clock, ended, over, open, epoch } = setUp();
  open().close(false);
  const before = epoch();
  open({ settingsHash: 'two' });
  clock.advance(60_000);
  expect(epoch()).not.toBe(before);
  expect([ended, over]).toEqual([[], []]);
});

test('a source that nobody adopts ends after the holding time', () => {
  const { clock, registry, ended, over, open } = setUp();
  open().close(false);
  clock.advance(4999);
  expect(registry.find(spec.id)).toBeDefined();
  clock.advance(1);
  expect(registry.find(spec.id)).toBeUndefined();
  expect([ended, over]).toEqual([[spec.id], ['over']]);
});

test('a source whose node was removed ends at once', () => {
  const { registry, ended, open } = setUp();
  open().close(true);
  expect(registry.find(spec.id)).toBeUndefined();
  expect(ended).toEqual([spec.id]);
});

test('a predecessor that closes late does not take the source from its successor', () => {
  const { clock, registry, ended, open } = setUp();
  const predecessor = open();
  open();
  predecessor.close(true);
  clock.advance(60_000);
  expect(registry.find(spec.id)).toBeDefined();
  expect(ended).toEqual([]);
});

test('what the camera is survives an adoption and is news only once', () => {
  const { registry, open } = setUp();
  const media = { codec: 'h264' as const, width: 640, height: 360, fps: 15, audio: null, leftOut: [] };
  const source = open();
  expect(source.describe(media)).toBe(true);
  expect(source.describe({ ...media, leftOut: [...media.leftOut] })).toBe(false);
  source.close(false);
  expect(open().message('announce').media).toMatchObject({ width: 640 });
  expect(registry.sources()).toHaveLength(1);
});

test('a rate that is measured a little differently is no news, but it is what the handle says from then on', () => {
  const { registry, open } = setUp();
  const media = { codec: 'h264' as const, width: 640, height: 360, fps: 25, audio: null, leftOut: [] };
  const source = open();
  source.describe(media);
  expect(source.describe({ ...media, fps: 24.98 })).toBe(false);
  expect(registry.find(spec.id)?.media?.fps).toBe(24.98);
  expect(source.describe({ ...media, fps: 12.5 })).toBe(true);
});
