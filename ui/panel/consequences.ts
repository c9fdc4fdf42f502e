/**
 * What a restart or a stop does, in the words of the confirmation. Pure, so that it can be held against what the supervisor really does
 * (runtime/supervisor/slot.ts): a stream is replaced make before break, a capture cannot be, because its ring has one writer.
 */
import type { Channel, Daemon } from './api.ts';
import { word, type Texts } from './texts.ts';

/** What is asked for; `daemon` null = the whole channel. */
export type Wish =
  | { readonly command: 'restart'; readonly channel: Channel; readonly daemon: Daemon | null }
  | { readonly command: 'stop'; readonly channel: Channel; readonly daemon: Daemon | null }
  | { readonly command: 'start'; readonly channel: Channel; readonly daemon: Daemon | null };

export type Consequences = { readonly touched: readonly string[]; readonly untouched: readonly string[] };

/** `Front door`, `Front door, Stream`, or with several streams `Front door, Stream :8102`. */
export function nameOf({ channel, daemon }: Pick<Wish, 'channel' | 'daemon'>, texts: Texts): string {
  return daemon === null ? channel.name : `${channel.name}, ${daemonName(channel, daemon, texts)}`;
}

/** A kind; the port as well where there are several of the kind. */
export function daemonName(channel: Channel, daemon: Daemon, texts: Texts): string {
  const kind = word(texts.kind, daemon.kind);
  const several = channel.daemons.filter((other) => other.kind === daemon.kind).length > 1;
  const port = channel.streams.find((stream) => stream.daemon === daemon.id)?.port;
  if (!several) return kind;
  return port === undefined ? `${kind} ${daemon.id}` : `${kind} :${port}`;
}

function portsOf(channel: Channel, daemons: readonly Daemon[]): number[] {
  return channel.streams.filter((stream) => daemons.some(({ id }) => id === stream.daemon)).map(({ port }) => port);
}

export function consequencesOf(wish: Wish, mode: 'soft' | 'hard', texts: Texts): Consequences {
  const { channel, daemon } = wish;
  const chosen = daemon === null ? channel.daemons : [daemon];
  const streams = chosen.filter(({ kind }) => kind === 'stream');
  const captures = chosen.filter(({ kind }) => kind === 'capture');
  const touched: string[] = [];
  const { effect } = texts;
  if (wish.command === 'stop') {
    if (captures.length > 0) touched.push(effect.stopCapture);
    if (streams.length > 0) touched.push(effect.stopStream(portsOf(channel, streams)));
    if (streams.length + captures.length < chosen.length) touched.push(effect.stopOther);
    touched.push(effect.stopStays);
  } else {
    if (captures.length > 0) touched.push(mode === 'soft' ? effect.softCapture : effect.hardCapture);
    if (captures.length > 0 && streams.length === 0) touched.push(effect.viewersStay);
    if (streams.length > 0) touched.push(mode === 'soft' ? effect.softStream : effect.hardStream);
    if (streams.length + captures.length < chosen.length)
      touched.push(mode === 'soft' ? effect.softOther : effect.hardOther);
  }
  // A capture touches everybody who watches, a stream those who watch it.
  const watching = captures.length > 0 ? channel.viewers : streams.reduce((sum, { viewers }) => sum + viewers, 0);
  if (captures.length + streams.length > 0) touched.push(effect.viewersNow(watching));

  const rest = channel.daemons.filter((other) => !chosen.includes(other));
  const names = rest.map((other) => daemonName(channel, other, texts));
  return { touched, untouched: [...(names.length > 0 ? [effect.rest(names.join(', '))] : []), effect.others] };
}
