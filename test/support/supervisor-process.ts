/**
 * A supervisor in a process of its own, so that it can be killed. Arguments: home, then what to do in the end (`stay`, `exit`, `throw`), then
 * specs as JSON. With STANDBY=light in its environment it keeps a standby; DEVELOPMENT=1 and
 * ORPHAN_GRACE_MS are options of the supervisor. SIGUSR2 restarts every daemon softly. It prints a line of JSON, the pids by id, when everything is ready.
 */
import path from 'node:path';
import pino from 'pino';
import { Supervisor, type Spec } from '../../runtime/supervisor/supervisor.ts';

const [home, end, ...specs] = process.argv.slice(2);
const supervisor = await Supervisor.open({
  runDirectory: path.join(home!, 'run'),
  logDirectory: path.join(home!, 'logs'),
  eventDirectory: path.join(home!, 'events'),
  log: pino({ level: 'silent' }),
  daemonEntry: () => path.join(import.meta.dirname, 'fake-daemon.ts'),
  development: process.env['DEVELOPMENT'] === '1',
  orphanGraceMs: process.env['ORPHAN_GRACE_MS'] === undefined ? null : Number(process.env['ORPHAN_GRACE_MS']),
  standby: process.env['STANDBY'] === 'light' ? ['light'] : [],
});
const wanted = specs.map((spec) => JSON.parse(spec) as Spec);
const pids: Record<string, number | null> = {};
const ready = new Promise<void>((resolve) => {
  supervisor.on(({ type, daemon }) => {
    if (type !== 'daemon.ready') return;
    pids[daemon.id] = daemon.pid;
    if (Object.keys(pids).length === wanted.length) resolve();
  });
});
for (const spec of wanted) supervisor.declare(spec);
if (wanted.length > 0) await ready;
process.on('SIGUSR2', () => {
  for (const { id } of wanted) supervisor.restart(id, 'soft');
});
process.on('SIGTERM', () => void supervisor.close());
process.stdout.write(`${JSON.stringify(pids)}\n`);
if (end === 'exit') process.exit(0);
if (end === 'throw') {
  setImmediate(() => {
    throw new Error('told to crash');
  });
}
