/**
 * What was asked for and is not there yet: said when it is under way, and again when it has come about. Pure, on the views that the feed brings.
 */
import type { Channel, CommandAnswer, Daemon } from './api.ts';
import { nameOf, type Wish } from './consequences.ts';
import type { Texts } from './texts.ts';

export type Pending = {
  readonly command: Wish['command'];
  readonly what: string;
  /** By daemon: the generation that is to serve. */
  readonly daemons: ReadonlyMap<string, number>;
};

export function pendingOf(wish: Wish, answer: CommandAnswer, texts: Texts): Pending {
  return {
    command: wish.command,
    what: nameOf(wish, texts),
    daemons: new Map(answer.daemons.map(({ id, generation }) => [id, generation])),
  };
}

function works({ state }: Daemon): boolean {
  return state === 'ready' || state === 'degraded';
}

/** The sentence that it has come about; null while it has not. */
export function outcomeOf(pending: Pending, channels: readonly Channel[], texts: Texts): string | null {
  const daemons = channels.flatMap((channel) => channel.daemons).filter(({ id }) => pending.daemons.has(id));
  const { progress } = texts;
  if (pending.command === 'stop') {
    return daemons.every(({ state }) => state === 'stopped') ? progress.stopped(pending.what) : null;
  }
  const there = daemons.every((daemon) => works(daemon) && daemon.generation >= (pending.daemons.get(daemon.id) ?? 0));
  if (!there) return null;
  if (pending.command === 'start') return progress.started(pending.what);
  return progress.restarted(pending.what, daemons[0]?.generation ?? 0);
}
