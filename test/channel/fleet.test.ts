import { Fleet, type SpecTarget } from '../../runtime/channel/fleet.ts';
import { Holds } from '../../runtime/channel/hold.ts';
import { streamConfigSchema } from '../../runtime/message/config.ts';
import { parse } from '../../runtime/message/parse.ts';
import type { Spec } from '../../runtime/supervisor/view.ts';
import { createTextLogger } from '../../runtime/text-log.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

function spec(id: string): Spec {
  const config = { kind: 'stream', channel: 'c', name: 'c', number: 1, port: 8101, ring: { path: '/r' } };
  return { id, channel: 'c', config: parse(streamConfigSchema, config) };
}

function setUp() {
  const clock = createVirtualClock();
  const calls: string[] = [];
  const { promise: supervisor, resolve: open } = Promise.withResolvers<SpecTarget>();
  const target: SpecTarget = {
    declare: ({ id }) => void calls.push(`declare ${id}`),
    release: (id) => void calls.push(`release ${id}`),
  };
  const fleet = new Fleet(
    new Holds(clock, 5000),
    supervisor,
    createTextLogger(() => {}),
  );
  const settled = async () => {
    open(target);
    await supervisor;
    await Promise.resolve();
    return calls;
  };
  return { clock, fleet, settled };
}

test('what is wanted before the supervisor is open reaches it in order', async () => {
  const { fleet, settled } = setUp();
  fleet.declare('tab/a', spec('stream:1'));
  fleet.declare('tab/b', spec('stream:2'));
  expect(await settled()).toEqual(['declare stream:1', 'declare stream:2']);
});

test('a node that is replaced keeps its daemon', async () => {
  const { clock, fleet, settled } = setUp();
  fleet.declare('tab/a', spec('stream:1'));
  fleet.hold('tab/a');
  clock.advance(4999);
  fleet.declare('tab/a', spec('stream:1'));
  clock.advance(60_000);
  expect(await settled()).toEqual(['declare stream:1', 'declare stream:1']);
});

test('a node that does not come back loses its daemon', async () => {
  const { clock, fleet, settled } = setUp();
  fleet.declare('tab/a', spec('stream:1'));
  fleet.hold('tab/a');
  clock.advance(5000);
  expect(await settled()).toEqual(['declare stream:1', 'release stream:1']);
});

test('a node that renames its daemon releases the old one first', async () => {
  const { fleet, settled } = setUp();
  fleet.declare('tab/a', spec('capture:front'));
  fleet.declare('tab/a', spec('capture:back'));
  expect(await settled()).toEqual(['declare capture:front', 'release capture:front', 'declare capture:back']);
});

test('two nodes that swap names in one deploy do not stop each other', async () => {
  const { fleet, settled } = setUp();
  fleet.declare('tab/a', spec('capture:front'));
  fleet.declare('tab/b', spec('capture:back'));
  fleet.hold('tab/a');
  fleet.hold('tab/b');
  fleet.declare('tab/a', spec('capture:back'));
  fleet.declare('tab/b', spec('capture:front'));
  expect((await settled()).slice(2)).toEqual([
    'release capture:front',
    'declare capture:back',
    'declare capture:front',
  ]);
});
