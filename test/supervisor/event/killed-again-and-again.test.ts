/** The promise to automation: no event is lost and none comes twice, whenever and however often the supervisor is killed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EventLog } from '../../../runtime/event-log.ts';
import { Home, streamSpec, Supervised, until } from '../../support/supervised.ts';

const PROCESS = fileURLToPath(new URL('../../support/event-follower-process.ts', import.meta.url));
const KILLS = 10;
const COUNT = 250;
const CHANNELS = ['door', 'garden', 'hall'];

let home: Home;
let running: ChildProcess | undefined;
beforeEach(() => {
  home = new Home();
});
afterEach(async () => {
  // Where the test has failed: in order, so that it takes its daemons along.
  if (running?.exitCode === null && running.signalCode === null && running.kill('SIGTERM')) await once(running, 'exit');
  expect(home.leftovers()).toEqual([]);
  home.remove();
});

/** What each process delivered to the events node. */
const delivered = (): number[][] =>
  readFileSync(`${home.path}/delivered.jsonl`, 'utf8')
    .split('start\n')
    .slice(1)
    .map((run) => run.split('\n').filter(Boolean).map(Number));

test('every event of three daemons is in the history once and reaches an events node, over ten kills', async () => {
  const specs = CHANNELS.map((channel) => JSON.stringify(streamSpec(channel, { count: { to: COUNT, everyMs: 25 } })));
  const start = () =>
    spawn(process.execPath, [PROCESS, home.path, ...specs], { stdio: ['ignore', 'ignore', 'inherit'] });
  for (let kills = 0; kills < KILLS; kills += 1) {
    const child = start();
    // Before it is up, while it adopts, and while it works.
    await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 1_200));
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const last = start();
  running = last;
  const journal = (): string => readFileSync(`${home.events}/journal.jsonl`, 'utf8');
  await until(() => journal().split(`"number":${COUNT}}`).length > CHANNELS.length);
  last.kill('SIGTERM');
  await once(last, 'exit');

  const history = new EventLog();
  const at = await Supervised.open(home, { history });
  await at.supervisor.close();
  const counted = history.all().filter(({ type }) => type === 'test.counted');
  for (const channel of CHANNELS) {
    const numbers = counted.filter((event) => event.channel === channel).map(({ detail }) => detail['number']);
    expect(numbers).toEqual(Array.from({ length: COUNT }, (_, index) => index + 1));
  }
  expect(history.all().filter(({ type }) => type === 'events.lost')).toEqual([]);
  expect(history.all().filter(({ type }) => type === 'daemon.exited')).toHaveLength(CHANNELS.length);

  const runs = delivered();
  const had = new Set<number>();
  for (const [index, ids] of runs.entries()) {
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    // Twice is only what was handed over in the very turn in which the process before was killed: the end of what it delivered.
    const again = ids.filter((id) => had.has(id));
    if (again.length > 0)
      expect(
        runs
          .slice(0, index)
          .findLast((run) => run.length > 0)!
          .slice(-again.length),
      ).toEqual(again);
    for (const id of ids) had.add(id);
  }
  for (const { id } of counted) expect(had.has(id)).toBe(true);
});
