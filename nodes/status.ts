/**
 * What stands under a node in the editor: short, the same words for the same thing, and never a sentence (that is what the log and Catch nodes get). Pure.
 *
 * Node-RED's convention: under 20 characters; a ring is not connected, a dot is.
 */
import type { StreamView } from '../runtime/channel/stream.ts';
import type { ErrorKind } from '../runtime/errors.ts';
import type { DaemonView } from '../runtime/supervisor/view.ts';
import type { NodeStatus } from './red.ts';

const LONGEST = 19;

const STARTING: NodeStatus = { fill: 'yellow', shape: 'ring', text: 'starting' };
const STOPPING: NodeStatus = { fill: 'grey', shape: 'ring', text: 'stopping' };
const HELD: NodeStatus = { fill: 'red', shape: 'ring', text: 'held: keeps failing' };

const WORDS: Readonly<Record<ErrorKind, string>> = {
  invalid: 'wrong settings',
  unavailable: 'no answer',
  unauthorised: 'login refused',
  notFound: 'not found',
  unsupported: 'not supported',
  timeout: 'timeout',
  exhausted: 'no space',
  conflict: 'taken',
  corrupt: 'bad data',
  version: 'wrong version',
  internal: 'internal error',
};

/** A node that could not be opened. */
export function failureStatus(kind: ErrorKind): NodeStatus {
  return { fill: 'red', shape: 'ring', text: WORDS[kind] };
}

function offline(kind: ErrorKind | null, message: string | null): NodeStatus {
  const refused = kind === 'unavailable' && /refus/i.test(message ?? '');
  const word = refused ? 'refused' : kind === null ? '' : WORDS[kind];
  const long = word === '' ? 'offline' : `offline: ${word}`;
  return { fill: 'red', shape: 'ring', text: long.length <= LONGEST ? long : word };
}

function online(view: DaemonView): NodeStatus {
  const { width = null, height = null, fps = null } = view.media ?? {};
  const size = width !== null && height !== null ? `${width}x${height}` : '';
  const rate = fps !== null && fps > 0 ? `${Math.round(fps)} fps` : '';
  const text = [size, rate].filter((part) => part !== '').join(' ');
  return { fill: 'green', shape: 'dot', text: text === '' ? 'online' : text };
}

/** What a control node did last. */
export function controlStatus(command: 'restart' | 'stop' | 'start', daemons: number): NodeStatus {
  const text = `${command}: ${daemons} ${daemons === 1 ? 'daemon' : 'daemons'}`;
  return { fill: command === 'stop' ? 'grey' : 'green', shape: 'dot', text: text.slice(0, LONGEST) };
}

export function cameraStatus(view: DaemonView): NodeStatus {
  switch (view.state) {
    case 'held':
      return HELD;
    case 'failed':
      return failureStatus(view.lastError?.kind ?? 'internal');
    case 'backoff':
    case 'killing':
      return view.lastError ? failureStatus(view.lastError.kind) : { ...STARTING, text: 'restarting' };
    case 'stopped':
    case 'stopping':
    case 'draining':
      return STOPPING;
    case 'spawning':
    case 'initialising':
    case 'ready':
    case 'degraded':
      switch (view.camera?.state) {
        case 'online':
          return online(view);
        case 'offline':
          return offline(view.camera.errorKind, view.camera.message);
        case 'connecting':
          // It is being tried again: until that succeeds, why it failed says more.
          if (view.camera.errorKind !== null) return offline(view.camera.errorKind, view.camera.message);
          return { fill: 'yellow', shape: 'ring', text: 'connecting' };
        case undefined:
          return STARTING;
      }
  }
}

function serving(daemon: DaemonView, capture: DaemonView | null): NodeStatus {
  const fps = capture?.media?.fps ?? 0;
  const viewers = `${daemon.viewers} ${daemon.viewers === 1 ? 'viewer' : 'viewers'}`;
  const long = `${Math.round(fps)} fps - ${viewers}`;
  const text = fps > 0 && long.length <= LONGEST ? long : viewers;
  return { fill: daemon.state === 'degraded' ? 'yellow' : 'green', shape: 'dot', text };
}

export function streamStatus({ channel, daemon, capture }: StreamView): NodeStatus {
  if (channel === null) return { fill: 'grey', shape: 'ring', text: 'waiting for camera' };
  if (!daemon) return STARTING;
  const noPicture: NodeStatus = { fill: 'red', shape: 'ring', text: 'no picture' };
  switch (daemon.state) {
    case 'ready':
    case 'degraded':
      return capture?.camera && capture.camera.errorKind !== null ? noPicture : serving(daemon, capture);
    case 'held':
      return HELD;
    case 'failed':
      return failureStatus(daemon.lastError?.kind ?? 'internal');
    case 'backoff':
    case 'killing':
      if (daemon.starved) return noPicture;
      if (daemon.lastError?.kind === 'conflict') return { fill: 'red', shape: 'ring', text: 'port taken' };
      return daemon.lastError ? failureStatus(daemon.lastError.kind) : { ...STARTING, text: 'restarting' };
    case 'stopped':
    case 'stopping':
    case 'draining':
      return STOPPING;
    case 'spawning':
    case 'initialising':
      return STARTING;
  }
}
