/**
 * What an operator may ask of a channel or of one of its daemons: restart, stop, start. The API and the control node both come here, so that a command
 * means the same wherever it was given.
 *
 * Belongs here: what a command looks like, and which daemons it is for. Does not belong here: how a daemon is restarted (supervisor/slot.ts), and HTTP.
 */
import * as v from 'valibot';
import type { Bulkhead } from '../bulkhead.ts';
import { BulkheadError } from '../errors.ts';
import type { DaemonKind } from '../message/config.ts';
import { filledText } from '../message/fields.ts';
import { tryParse } from '../message/parse.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';

/** A kind, or the id of one daemon; none = every daemon of the channel. */
const daemon = v.optional(filledText(200));

export const commandSchema = v.variant('command', [
  v.strictObject({ command: v.literal('restart'), daemon, mode: v.optional(v.picklist(['soft', 'hard']), 'soft') }),
  v.strictObject({ command: v.literal('stop'), daemon }),
  v.strictObject({ command: v.literal('start'), daemon }),
]);
export type ChannelCommand = v.InferOutput<typeof commandSchema>;

export type CommandResult = {
  /** Of the first daemon; the contract's short answer. */
  readonly generation: number;
  /** `generation` is the one that will serve; of a daemon that was stopped, the one that served last. */
  readonly daemons: readonly { readonly id: string; readonly kind: DaemonKind; readonly generation: number }[];
};

const HOW: Readonly<Record<ChannelCommand['command'], string>> = {
  restart: 'Send {"mode": "soft" or "hard", "daemon": a kind such as "stream", or none}.',
  stop: 'Send {"daemon": a kind such as "stream"}, or {} for the whole channel.',
  start: 'Send {"daemon": a kind such as "stream"}, or {} for the whole channel.',
};

/** Reads what somebody sent along with a command. Throws `invalid` with what should have been sent. */
export function readCommand(command: ChannelCommand['command'], given: unknown): ChannelCommand {
  const fields = given ?? {};
  const request = tryParse(commandSchema, typeof fields === 'object' ? { ...fields, command } : undefined);
  if (!request.success || Array.isArray(fields)) throw new BulkheadError('invalid', HOW[command]);
  return request.output;
}

/**
 * Carries a command out; resolves when it is under way, not when it has had its effect. Throws `notFound` when there is no such channel or no such daemon,
 * and does then nothing.
 */
export async function commandChannel(
  bulkhead: Bulkhead | undefined,
  channel: string,
  command: ChannelCommand,
): Promise<CommandResult> {
  const supervisor = await bulkhead?.supervisor;
  const own = bulkhead?.daemons().filter((view) => view.channel === channel) ?? [];
  if (!supervisor || own.length === 0) {
    throw new BulkheadError('notFound', `There is no channel "${channel}". Deploy its camera first.`);
  }
  const wanted = command.daemon;
  const chosen = own.filter((view) => wanted === undefined || view.kind === wanted || view.id === wanted);
  if (chosen.length === 0) {
    const kinds = [...new Set(own.map(({ kind }) => kind))].join(' and ');
    throw new BulkheadError('notFound', `The channel "${channel}" has no daemon "${wanted}", only ${kinds}.`);
  }
  const daemons = chosen.map(({ id, kind, generation }) => ({
    id,
    kind,
    generation: carryOut(supervisor, id, command) ?? generation,
  }));
  return { generation: daemons[0]?.generation ?? 0, daemons };
}

function carryOut(supervisor: Supervisor, id: string, command: ChannelCommand): number | undefined {
  switch (command.command) {
    case 'restart':
      return supervisor.restart(id, command.mode);
    case 'start':
      return supervisor.start(id);
    case 'stop':
      supervisor.stop(id);
      return undefined;
  }
}
