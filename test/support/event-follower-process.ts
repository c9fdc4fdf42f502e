/**
 * A supervisor with an events node's feed in a process of its own, so that both can be killed. Arguments: home, then specs as JSON. What the feed delivers is
 * appended to `delivered.jsonl` in the home: a line `start`, then one id a line.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import pino from 'pino';
import { Announcer } from '../../runtime/channel/announcer.ts';
import { Cursors } from '../../runtime/channel/cursors.ts';
import { EventFeed } from '../../runtime/channel/event-feed.ts';
import { systemClock } from '../../runtime/clock.ts';
import { EventLog } from '../../runtime/event-log.ts';
import { Supervisor, type Spec } from '../../runtime/supervisor/supervisor.ts';

const [home, ...specs] = process.argv.slice(2);
const file = path.join(home!, 'delivered.jsonl');
const eventDirectory = path.join(home!, 'events');
mkdirSync(eventDirectory, { recursive: true });
appendFileSync(file, 'start\n');

const history = new EventLog();
const announcer = new Announcer(systemClock);
const feed = new EventFeed(history, announcer, new Cursors(path.join(eventDirectory, 'cursors.jsonl')));
feed.follow({ path: 'tab/events', deliver: ({ id }) => appendFileSync(file, `${id}\n`) });
announcer.started();
const supervisor = await Supervisor.open({
  runDirectory: path.join(home!, 'run'),
  logDirectory: path.join(home!, 'logs'),
  eventDirectory,
  history,
  log: pino({ level: 'silent' }),
  daemonEntry: () => path.join(import.meta.dirname, 'fake-daemon.ts'),
  standby: [],
});
for (const spec of specs) supervisor.declare(JSON.parse(spec) as Spec);
process.on('SIGTERM', () => void supervisor.close().then(() => feed.close()));
