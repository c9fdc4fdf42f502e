/**
 * What a message asks the control node to do: the contract's `msg.payload`, with the dialog's choice for whatever the message leaves open. Pure.
 *
 * An event as `bulkhead-events` sends it is such a message as well: it names a channel and a daemon, and the dialog says what is to be done with them.
 */
import type { ControlSettings } from '../config.ts';
import { BulkheadError } from '../errors.ts';
import { tryParse } from '../message/parse.ts';
import { commandSchema, type ChannelCommand } from './commands.ts';

export type ControlRequest = { readonly channel: string; readonly command: ChannelCommand };

/** In the contract, for a recorder that this version does not have. */
const RECORDER = ['record', 'export'];

function fieldsOf(payload: unknown): Readonly<Record<string, unknown>> {
  if (typeof payload === 'string') return { command: payload };
  // A button or a timer sends a number or a flag: it says when, and the dialog says what.
  return typeof payload === 'object' && payload !== null && !Array.isArray(payload) ? { ...payload } : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A kind, an id, or what an event calls a daemon. */
function daemonOf(value: unknown): string | undefined {
  return textOf(value) ?? textOf((value as { id?: unknown } | null | undefined)?.id);
}

/** Throws `invalid` for what cannot be understood and `unsupported` for what this version cannot do. */
export function readControlMessage(payload: unknown, settings: ControlSettings): ControlRequest {
  const fields = fieldsOf(payload);
  const chosen = settings.command === 'message' ? undefined : settings.command;
  // Text of any kind is a command only where the dialog leaves the command open.
  const named = typeof payload === 'string' && chosen !== undefined ? undefined : textOf(fields['command']);
  const command = named ?? chosen;
  if (command === undefined) {
    throw new BulkheadError(
      'invalid',
      'The message has no command. Send msg.payload = {"command": "restart", "channel": "front-door"}, or choose a command in this node.',
    );
  }
  if (RECORDER.includes(command)) {
    throw new BulkheadError(
      'unsupported',
      `The command "${command}" needs a recorder, which this version does not have yet. Use restart, stop or start.`,
    );
  }
  const channel = textOf(fields['channel']) ?? textOf(settings.channel);
  if (channel === undefined) {
    throw new BulkheadError(
      'invalid',
      `The message does not say which camera to ${command}. Send its channel as msg.payload.channel, or choose one in this node.`,
    );
  }
  const daemon = daemonOf(fields['daemon']) ?? (settings.daemon === 'all' ? undefined : settings.daemon);
  const parsed = tryParse(commandSchema, {
    command,
    ...(daemon !== undefined && { daemon }),
    ...(command === 'restart' && { mode: fields['mode'] ?? settings.mode }),
  });
  if (!parsed.success) {
    throw new BulkheadError(
      'invalid',
      `The message cannot be carried out: the command is "restart", "stop" or "start", and "mode" is "soft" or "hard".`,
    );
  }
  return { channel, command: parsed.output };
}
