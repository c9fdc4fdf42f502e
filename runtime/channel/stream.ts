/**
 * What a stream node is when Node-RED is taken away: a claimed number and port, one source at most, and the stream daemon that serves it.
 */
import type { Bulkhead } from '../bulkhead.ts';
import { streamPort, type StreamSettings } from '../config.ts';
import { BulkheadError } from '../errors.ts';
import { streamConfigSchema } from '../message/config.ts';
import { parse } from '../message/parse.ts';
import type { DaemonView } from '../supervisor/view.ts';
import { readHandle, type MediaHandle } from './handle.ts';
import { EMPTY_SINK, sinkReact, type SinkEffect, type SinkEvent } from './sink.ts';

/** A stream as it is now. `daemon` and `capture` are null until the supervisor knows them. */
export type StreamView = {
  readonly channel: string | null;
  readonly daemon: DaemonView | null;
  readonly capture: DaemonView | null;
};

export type StreamOptions = {
  /** The node's path in the flows. */
  readonly path: string;
  readonly settings: StreamSettings;
  readonly show: (view: StreamView) => void;
  /** Something is wrong with the wiring; the stream goes on with what it has. */
  readonly warn: (message: string) => void;
};

export type Stream = {
  /** Takes a message from the wire. Throws `invalid` and `notFound`. */
  readonly receive: (message: { readonly media?: unknown }) => void;
  readonly close: (removed: boolean) => void;
};

/** Opens a stream. Throws `conflict` when its number or port belongs to another one. */
export function openStream(bulkhead: Bulkhead, { path, settings, show, warn }: StreamOptions): Stream {
  const { announcer, claims, fleet, registry, streams } = bulkhead;
  const { number, host } = settings;
  const port = streamPort(settings);
  const daemonId = `stream:${number}`;
  let sink = EMPTY_SINK;
  let channel: string | null = null;
  let warned = '';

  const showNow = (): void => {
    show({
      channel,
      daemon: bulkhead.daemon(daemonId),
      capture: channel === null ? null : bulkhead.daemon(`capture:${channel}`),
    });
  };

  const attach = (handle: MediaHandle): void => {
    const source = registry.find(handle.id);
    if (!source) {
      throw new BulkheadError(
        'notFound',
        'The handle in msg.media names no camera of this Node-RED: it is over, or the message comes from elsewhere.',
      );
    }
    channel = source.channel;
    fleet.declare(path, {
      id: daemonId,
      channel,
      watchdogMs: settings.watchdogMs,
      config: parse(streamConfigSchema, {
        kind: 'stream',
        channel,
        // Not the camera's name: giving a camera another label must not restart its stream.
        name: settings.name === '' ? channel : settings.name,
        number,
        host,
        port,
        ring: { path: source.ringPath },
        starvationMs: settings.starvationMs,
        maxViewers: settings.maxViewers,
      }),
    });
    streams.set(path, { number, host, port, channel, daemonId });
  };

  const detach = (): void => {
    channel = null;
    fleet.release(path);
    streams.delete(path);
  };

  const apply = (effect: SinkEffect): void => {
    switch (effect.type) {
      case 'attach':
        return attach(effect.handle);
      case 'detach':
        return detach();
      case 'contested': {
        const names = effect.leftOut.map((id) => `"${registry.find(id)?.channel ?? id}"`).toSorted();
        const text = `Several cameras reach this stream: it serves "${channel ?? ''}" and leaves out ${names.join(', ')}. A stream serves one camera; add one for each.`;
        if (text !== warned) warn(text);
        warned = text;
      }
    }
  };

  const react = (event: SinkEvent): void => {
    const { state, effects } = sinkReact(sink, event);
    // Before the state is taken over: a handle that cannot be attached is not held.
    for (const effect of effects) apply(effect);
    sink = state;
    showNow();
  };

  claims.stream(number, host, port, { path, name: settings.name === '' ? String(number) : settings.name });
  const ends = [
    announcer.addSink({
      expect: () => react({ type: 'expect' }),
      settle: () => react({ type: 'settle', keepLast: settings.keepLast }),
    }),
    registry.onEnded((id) => react({ type: 'ended', id })),
    bulkhead.onDaemon((view) => {
      if (view.id === daemonId || (view.kind === 'capture' && view.channel === channel)) showNow();
    }),
  ];
  showNow();

  return {
    receive: (message) => {
      const read = readHandle(message);
      switch (read.type) {
        case 'handle':
          return react({ type: 'message', handle: read.handle });
        case 'detach':
          return react({ type: 'detach' });
        case 'unusable':
          throw new BulkheadError('invalid', read.message);
      }
    },
    close: (removed) => {
      for (const end of ends) end();
      claims.release(path);
      streams.delete(path);
      if (removed) fleet.release(path);
      else fleet.hold(path);
    },
  };
}
