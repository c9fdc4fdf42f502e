import type { Supervisor } from '../../runtime/supervisor/supervisor.ts';
import type { Behaviour } from '../support/fake-daemon.ts';
import { captureSpec, freePort, Home, streamSpec, Supervised, until } from '../support/supervised.ts';

let home: Home;
let at: Supervised;

beforeEach(async () => {
  home = new Home();
  // One replacement for memory is enough here, and it is never so much that nobody waits for a successor.
  at = await Supervised.open(home, { memory: { readMs: 100, retryMs: 600_000, killFactor: 1e9 } });
});
afterEach(async () => {
  await at.supervisor.close();
  expect(home.leftovers()).toEqual([]);
  home.remove();
});

/** What was told since the daemon was ready first: type, reason, and how an exit went. */
function told(): string[] {
  return at.events
    .filter(({ type }) => type !== 'daemon.incident')
    .slice(1)
    .map(({ type, reason, detail }) => [type, reason, detail['outcome']].filter(Boolean).join(' '));
}

type Act = (supervisor: Supervisor, pid: number) => void;
type Case = [what: string, behaviour: Behaviour, act: Act, told: string[]];

const signal =
  (name: NodeJS.Signals): Act =>
  (_, pid) =>
    process.kill(pid, name);
const leave = (meaning: 'done' | 'starved' | 'recycled' | 'temporary' | 'config'): Behaviour => ({
  onSignal: { do: 'leave', meaning },
});
const back = (how: 'respawned' | 'recycled', reason: string): string[] => ['daemon.ready', `daemon.${how} ${reason}`];

test.each<Case>([
  ['kill -9', {}, signal('SIGKILL'), ['daemon.exited crash crash', ...back('respawned', 'crash')]],
  ['SIGSTOP', {}, signal('SIGSTOP'), ['daemon.hung hang', 'daemon.exited hang killed', ...back('respawned', 'hang')]],
  [
    'a busy loop',
    { onSignal: { do: 'busy' } },
    signal('SIGUSR2'),
    ['daemon.hung hang', 'daemon.exited hang killed', ...back('respawned', 'hang')],
  ],
  [
    'an exception',
    { onSignal: { do: 'throw' } },
    signal('SIGUSR2'),
    ['daemon.exited crash crash', ...back('respawned', 'crash')],
  ],
  ['SIGTERM from a stranger', {}, signal('SIGTERM'), ['daemon.exited crash done', ...back('respawned', 'crash')]],
  ['exit code "done"', leave('done'), signal('SIGUSR2'), ['daemon.exited crash done', ...back('respawned', 'crash')]],
  [
    'exit code "recycled"',
    leave('recycled'),
    signal('SIGUSR2'),
    ['daemon.exited crash recycled', ...back('respawned', 'crash')],
  ],
  [
    'exit code "temporary"',
    leave('temporary'),
    signal('SIGUSR2'),
    ['daemon.exited crash temporary', ...back('respawned', 'crash')],
  ],
  [
    'exit code "starved"',
    leave('starved'),
    signal('SIGUSR2'),
    ['daemon.exited starved starved', 'stream.starved starved'],
  ],
  ['exit code "config"', leave('config'), signal('SIGUSR2'), ['daemon.exited config config']],
  [
    'a hard restart',
    {},
    (supervisor) => supervisor.restart('capture:door', 'hard'),
    ['daemon.exited operator killed', ...back('recycled', 'operator')],
  ],
  [
    'a soft restart',
    {},
    (supervisor) => supervisor.restart('capture:door', 'soft'),
    ['daemon.exited operator done', ...back('recycled', 'operator')],
  ],
  [
    'a changed configuration',
    {},
    (supervisor) => supervisor.declare(captureSpec('door', { viewers: 1 })),
    ['daemon.exited config done', ...back('recycled', 'config')],
  ],
  [
    'too much memory',
    {},
    (supervisor) => supervisor.declare(captureSpec('door', {}, { memoryLimitBytes: 1 })),
    ['daemon.exited memory done', ...back('recycled', 'memory')],
  ],
  ['a release', {}, (supervisor) => supervisor.release('capture:door', { holdMs: 0 }), ['daemon.exited deploy done']],
  ['a stop', {}, (supervisor) => supervisor.stop('capture:door'), ['daemon.exited operator done']],
  [
    'a stop and a start',
    {},
    (supervisor) => {
      supervisor.stop('capture:door');
      void until(() => at.view('capture:door').state === 'stopped').then(() => supervisor.start('capture:door'));
    },
    ['daemon.exited operator done', 'daemon.ready'],
  ],
])('what is told about %s', async (_, behaviour, act, expected) => {
  at.supervisor.declare(captureSpec('door', behaviour));
  act(at.supervisor, await at.ready('capture:door'));
  await until(() => told().length >= expected.length);
  // Nothing more follows.
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(told()).toEqual(expected);
});

test('a daemon that is asked to end before it can listen has not crashed', async () => {
  at.supervisor.declare(captureSpec('silent'));
  await until(() => at.view('capture:silent').pid);
  at.supervisor.release('capture:silent', { holdMs: 0 });
  expect(await at.event('daemon.exited')).toMatchObject({
    reason: 'deploy',
    detail: { outcome: 'done', signal: 'SIGTERM' },
  });
});

describe('where two can be there at once', () => {
  test.each<[string, (port: number) => void, string]>([
    ['a soft restart', () => void at.supervisor.restart('stream:door', 'soft'), 'operator'],
    [
      'a changed configuration',
      (port) => at.supervisor.declare(streamSpec('door', { serve: true, viewers: 1 }, { port })),
      'config',
    ],
    [
      'too much memory',
      (port) => at.supervisor.declare(streamSpec('door', { serve: true }, { port, memoryLimitBytes: 1 })),
      'memory',
    ],
  ])('%s lets the next one serve before the old one ends', async (_, act, reason) => {
    const port = await freePort();
    at.supervisor.declare(streamSpec('door', { serve: true }, { port }));
    await at.ready('stream:door');
    act(port);
    await at.event('daemon.exited');
    expect(told()).toEqual(['daemon.ready', `daemon.recycled ${reason}`, `daemon.exited ${reason} recycled`]);
  });
});
