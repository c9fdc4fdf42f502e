/** What the confirmation says, against what the supervisor does. */
import type { Channel as Shown, CommandAnswer, Daemon, HistoryEvent } from '../../../ui/panel/api.ts';
import { consequencesOf, nameOf, type Wish } from '../../../ui/panel/consequences.ts';
import { outcomeOf, pendingOf } from '../../../ui/panel/progress.ts';
import { textsFor } from '../../../ui/panel/texts.ts';
import type { CommandResult } from '../../../runtime/channel/commands.ts';
import type { ChannelView } from '../../../runtime/server/api/channel-view.ts';
import type { BulkheadEvent } from '../../../runtime/supervisor/view.ts';

// The panel repeats the API's types; these lines do not compile when they differ.
const asShown = (view: ChannelView): Shown => view;
const asHistory = (event: BulkheadEvent): HistoryEvent => event;
const asAnswer = (result: CommandResult): CommandAnswer => result;

const texts = textsFor(['en']);

function daemon(kind: string, id: string, change: Partial<Daemon> = {}): Daemon {
  return {
    id,
    kind,
    pid: 1,
    generation: 3,
    state: 'ready',
    stopped: false,
    restarts: 0,
    lastExit: null,
    lastError: null,
    degraded: null,
    uptimeMs: 1,
    loopLagMs: 0,
    privateBytes: 1,
    cpuPercent: 0,
    viewers: 0,
    laps: 0,
    ...change,
  };
}

const channel: Shown = {
  id: 'front',
  number: 1,
  name: 'Front door',
  state: 'live',
  problem: null,
  streams: [
    { number: 1, port: 8101, url: 'http://127.0.0.1:8101/', daemon: 'stream:1' },
    { number: 2, port: 8102, url: 'http://127.0.0.1:8102/', daemon: 'stream:2' },
  ],
  media: null,
  viewers: 5,
  daemons: [
    daemon('capture', 'capture:front'),
    daemon('stream', 'stream:1', { viewers: 2 }),
    daemon('stream', 'stream:2', { viewers: 3 }),
  ],
};

const wish = (command: 'restart' | 'stop', id?: string): Wish => ({
  command,
  channel,
  daemon: channel.daemons.find((candidate) => candidate.id === id) ?? null,
});
const said = (asked: Wish, mode: 'soft' | 'hard' = 'soft'): { touched: string; untouched: string } => {
  const { touched, untouched } = consequencesOf(asked, mode, texts);
  return { touched: touched.join('\n'), untouched: untouched.join('\n') };
};

test('a stream is handed on softly, and only its own viewers are counted', () => {
  const { touched, untouched } = said(wish('restart', 'stream:2'));
  expect(touched).toMatch(/takes the port over before this one leaves/);
  expect(touched).toMatch(/3 viewers are watching now/);
  expect(touched).not.toMatch(/camera is dialled/);
  expect(untouched).toMatch(/Capture, Stream :8101/);
  expect(untouched).toMatch(/Every other channel/);
});

test('a capture is not promised to be handed on: its ring has one writer, and everybody who watches waits', () => {
  for (const mode of ['soft', 'hard'] as const) {
    const { touched } = said(wish('restart', 'capture:front'), mode);
    expect(touched).toMatch(/picture stands still/);
    expect(touched).toMatch(/Viewers stay connected/);
    expect(touched).toMatch(/5 viewers/);
    expect(touched).not.toMatch(/takes the port over/);
  }
});

test('a hard restart says that something is killed, a soft one does not', () => {
  for (const id of ['capture:front', 'stream:1', undefined]) {
    expect(said(wish('restart', id), 'hard').touched).toMatch(/killed at once/);
    expect(said(wish('restart', id), 'soft').touched).not.toMatch(/killed/);
  }
});

test('a whole channel names nothing of its own as untouched, and does not say that viewers stay connected', () => {
  const { touched, untouched } = said(wish('restart'));
  expect(touched).toMatch(/camera is dialled again[\s\S]*takes the port over/);
  expect(touched).not.toMatch(/stay connected/);
  expect(untouched).not.toMatch(/The rest of this channel/);
});

test('a stop names the ports that close and how long it lasts', () => {
  expect(said(wish('stop')).touched).toMatch(/These ports are closed: 8101, 8102/);
  expect(said(wish('stop', 'stream:1')).touched).toMatch(/Port 8101 is closed/);
  expect(said(wish('stop', 'capture:front')).touched).not.toMatch(/810/);
  expect(said(wish('stop')).touched).toMatch(/stays off, also over deploys/);
});

test('a daemon is named by its port only where there are several of its kind', () => {
  expect(nameOf(wish('stop', 'stream:2'), texts)).toBe('Front door, Stream :8102');
  expect(nameOf(wish('stop', 'capture:front'), texts)).toBe('Front door, Capture');
  expect(nameOf(wish('stop'), texts)).toBe('Front door');
});

test('a restart is said to be done when the generation that was announced works, and not before', () => {
  const pending = pendingOf(wish('restart', 'stream:1'), { daemons: [{ id: 'stream:1', generation: 4 }] }, texts);
  const now = (change: Partial<Daemon>): Shown => ({
    ...channel,
    daemons: channel.daemons.map((other) => (other.id === 'stream:1' ? { ...other, ...change } : other)),
  });
  expect(outcomeOf(pending, [now({ generation: 3 })], texts)).toBeNull();
  expect(outcomeOf(pending, [now({ generation: 4, state: 'initialising' })], texts)).toBeNull();
  expect(outcomeOf(pending, [now({ generation: 4 })], texts)).toBe('Front door, Stream :8101: generation 4 works');
});

test('the types of the panel are those of the API', () => {
  for (const convert of [asShown, asHistory, asAnswer]) expect(convert).toBeInstanceOf(Function);
});
