/**
 * What a camera node is when Node-RED is taken away: a claimed channel, a source in the registry, a capture daemon, and a handle that is announced.
 */
import { createHash } from 'node:crypto';
import type { Bulkhead } from '../bulkhead.ts';
import type { CameraSettings } from '../config.ts';
import { captureConfigSchema, type SourceConfig } from '../message/config.ts';
import { parse } from '../message/parse.ts';
import { ringPath } from '../paths.ts';
import type { DaemonView } from '../supervisor/view.ts';
import type { MediaMessage } from './handle.ts';

export type CameraOptions = {
  /** The node's path in the flows. */
  readonly path: string;
  readonly settings: Pick<CameraSettings, 'name' | 'channel'>;
  readonly source: SourceConfig;
  readonly send: (message: MediaMessage) => void;
  /** The capture daemon as it is now; called for every change. */
  readonly show: (view: DaemonView) => void;
};

export type Camera = { readonly close: (removed: boolean) => void };

/** Two openings with the same hash capture the same thing into the same channel. It stays in this process: it is made with the password. */
function settingsHash(channel: string, source: SourceConfig): string {
  const password = 'password' in source ? source.password?.reveal() : undefined;
  return createHash('sha256')
    .update(JSON.stringify([channel, source, password]))
    .digest('hex');
}

/** Opens a camera. Throws `conflict` when the channel belongs to another one. */
export function openCamera(bulkhead: Bulkhead, { path, settings, source, send, show }: CameraOptions): Camera {
  const { announcer, claims, fleet, registry } = bulkhead;
  const { channel } = settings;
  const name = settings.name === '' ? channel : settings.name;
  const id = `${path}:0`;
  const daemonId = `capture:${channel}`;
  const ring = ringPath(bulkhead.paths, id);

  claims.channel(channel, { path, name });
  const entry = registry.open({ id, channel, name, ringPath: ring, settingsHash: settingsHash(channel, source) }, () =>
    fleet.release(path),
  );
  fleet.declare(path, {
    id: daemonId,
    channel,
    config: parse(captureConfigSchema, { kind: 'capture', channel, source, ring: { path: ring } }),
  });

  const endAnnouncing = announcer.addSource(id, (event) => send(entry.message(event)));
  const endWatching = bulkhead.onDaemon((view) => {
    if (view.id !== daemonId) return;
    // Between two connections the camera is most likely still the same one: keep what is known.
    if (view.media && entry.describe(view.media)) announcer.changed(id);
    show(view);
  });

  return {
    close: (removed) => {
      endAnnouncing();
      endWatching();
      claims.release(path);
      entry.close(removed);
    },
  };
}
