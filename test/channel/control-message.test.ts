import { readControlMessage } from '../../runtime/channel/control-message.ts';
import { controlSettings, readSettings, type ControlSettings } from '../../runtime/config.ts';

const settings = (change: Partial<ControlSettings> = {}): ControlSettings => ({
  ...readSettings(controlSettings, {}),
  ...change,
});

test.each<[string, unknown, Partial<ControlSettings>, object]>([
  [
    'a message that says everything',
    { command: 'restart', channel: 'gate', daemon: 'stream', mode: 'hard' },
    { command: 'stop', channel: 'yard', daemon: 'capture' },
    { channel: 'gate', command: { command: 'restart', daemon: 'stream', mode: 'hard' } },
  ],
  [
    'a message that leaves the rest to the dialog',
    { command: 'restart' },
    { channel: 'yard', daemon: 'capture', mode: 'hard' },
    { channel: 'yard', command: { command: 'restart', daemon: 'capture', mode: 'hard' } },
  ],
  ['a text as command', 'stop', { channel: 'yard' }, { channel: 'yard', command: { command: 'stop' } }],
  [
    'a button, with everything in the dialog',
    1_763_800_000_000,
    { command: 'restart', channel: 'yard' },
    { channel: 'yard', command: { command: 'restart', mode: 'soft' } },
  ],
  [
    'any text, with the command in the dialog',
    'the door bell rang',
    { command: 'start', channel: 'yard' },
    { channel: 'yard', command: { command: 'start' } },
  ],
  [
    'an event, with the command in the dialog',
    {
      id: 1,
      type: 'daemon.held',
      channel: 'gate',
      daemon: { kind: 'stream', id: 'stream:2', pid: null },
      reason: null,
    },
    { command: 'restart', mode: 'hard' },
    { channel: 'gate', command: { command: 'restart', daemon: 'stream:2', mode: 'hard' } },
  ],
  [
    'a mode that only a restart has',
    { command: 'stop', channel: 'gate', mode: 'hard' },
    {},
    { channel: 'gate', command: { command: 'stop' } },
  ],
])('%s is understood', (_what, payload, change, expected) => {
  expect(readControlMessage(payload, settings(change))).toEqual(expected);
});

test.each<[string, unknown, Partial<ControlSettings>, string, RegExp]>([
  ['no command', {}, { channel: 'yard' }, 'invalid', /no command/],
  ['no channel', { command: 'restart' }, {}, 'invalid', /which camera to restart/],
  ['a command that is none', { command: 'explode', channel: 'yard' }, {}, 'invalid', /"restart", "stop" or "start"/],
  ['a mode that is none', { command: 'restart', channel: 'yard', mode: 'gently' }, {}, 'invalid', /"soft" or "hard"/],
  ['a list', ['restart'], { channel: 'yard' }, 'invalid', /no command/],
  ['record', { command: 'record', channel: 'yard' }, {}, 'unsupported', /needs a recorder/],
  ['export', { command: 'export', channel: 'yard' }, {}, 'unsupported', /needs a recorder/],
])('%s is refused with what to do instead', (_what, payload, change, kind, message) => {
  expect(() => readControlMessage(payload, settings(change))).toThrow(
    expect.objectContaining({ kind, message: expect.stringMatching(message) }),
  );
});
