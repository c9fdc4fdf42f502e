import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Home, streamSpec, Supervised, until } from '../../support/supervised.ts';

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

const logOf = (kind: string, channel: string): string =>
  readFileSync(path.join(home.logs, `${kind}-${channel}.log`), 'utf8');

test('two daemons can be looked into at once: each says in its log where its inspector listens', async () => {
  const ports = [];
  for (const channel of ['door', 'garden']) {
    at.supervisor.declare(streamSpec(channel));
    process.kill(await at.ready(`stream:${channel}`), 'SIGUSR1');
    ports.push(await until(() => /ws:\/\/127\.0\.0\.1:(\d+)\//.exec(logOf('stream', channel))?.[1]));
  }
  expect(new Set(ports).size).toBe(2);
});
