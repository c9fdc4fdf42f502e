import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { captureConfigSchema } from '../../runtime/message/config.ts';
import { parse } from '../../runtime/message/parse.ts';
import { statusPageDirectory } from '../../runtime/supervisor/process/page-path.ts';
import { Home, streamSpec, Supervised } from '../support/supervised.ts';

const PASSWORD = 'hunter2-\u00fcml\u00e4ut';
const EXPORTED = 'exported-secret';

let home: Home;
let at: Supervised;

beforeEach(async () => {
  home = new Home();
  process.env['BULKHEAD_ADMIN_PASSWORD'] = EXPORTED;
  at = await Supervised.open(home);
});
afterEach(async () => {
  delete process.env['BULKHEAD_ADMIN_PASSWORD'];
  await at.supervisor.close();
  home.remove();
});

const filesOf = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'latin1'));

const spec = (password: string) => ({
  id: 'capture:door',
  channel: 'door',
  config: parse(captureConfigSchema, {
    kind: 'capture',
    channel: 'door',
    source: { type: 'rtsp', url: 'rtsp://camera/', username: 'me', password },
    ring: { path: '/nowhere/door.ring' },
  }),
});

test('a password reaches the daemon, and is nowhere to be seen', async () => {
  const views: string[] = [];
  at.supervisor.onChange((view) => views.push(JSON.stringify(view)));
  at.supervisor.declare(spec(PASSWORD));
  at.supervisor.declare(streamSpec('door', { print: 'here I am' }));
  const pids = [await at.ready('capture:door'), await at.ready('stream:door')];

  const seen = [
    ...pids.flatMap((pid) => [
      readFileSync(`/proc/${pid}/cmdline`, 'latin1'),
      readFileSync(`/proc/${pid}/environ`, 'latin1'),
    ]),
    ...filesOf(home.path),
    ...filesOf(statusPageDirectory(home.run)),
    ...views,
    JSON.stringify(at.events),
    JSON.stringify(at.supervisor.daemons()),
  ].join('\n');
  // What is looked at is really there: the log holds the daemons' lines, the state files their ids.
  expect(seen).toContain('here I am');
  expect(seen).toContain('capture:door');
  for (const secret of [PASSWORD, Buffer.from(PASSWORD).toString('latin1'), 'hunter2', EXPORTED]) {
    expect(seen).not.toContain(secret);
  }

  // It did reach the daemon: with another one it is another configuration.
  at.supervisor.declare(spec('another'));
  await at.ready('capture:door', 2);
});
