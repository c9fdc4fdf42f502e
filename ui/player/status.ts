/**
 * What the page says, from what is known: is this live, and if not, why not, in words for people.
 *
 * A pure function, so that "LIVE" can be tested to mean something: a picture that was captured a moment ago is on the screen.
 */

export type PlayerState = 'connecting' | 'waiting' | 'live' | 'stale' | 'reconnecting' | 'unsupported' | 'blocked';

export type Facts = {
  readonly connected: boolean;
  /** Whether there ever was a connection. */
  readonly wasConnected: boolean;
  /** A stream was announced on this connection. */
  readonly described: boolean;
  /** Milliseconds since a picture came, of any connection; `null` = none yet. */
  readonly lastPictureAgeMs: number | null;
  /** Usual milliseconds from picture to picture. */
  readonly intervalMs: number;
  /** Whether a picture of this connection has been shown. */
  readonly shown: boolean;
  /** The codec that this browser cannot play, e.g. `H.265`. */
  readonly unsupported: string | undefined;
  /** The browser does not begin to play without a click. */
  readonly blocked: boolean;
  /** Why the server closed the connection, in its words. */
  readonly reason: string;
  /** Address of the stream for other players. */
  readonly streamUrl: string;
};

export type Status = { readonly state: PlayerState; readonly badge: string; readonly message: string };

/** A pause of pictures this long is not live any more; slow cameras get three of their intervals. */
const STALE_MS = 1500;
const STALE_INTERVALS = 3;

export function statusOf(facts: Facts): Status {
  const age = ageText(facts.lastPictureAgeMs);
  if (facts.unsupported !== undefined) {
    const message = `This browser cannot play ${facts.unsupported}. Open ${facts.streamUrl} in VLC, or set the camera to H.264.`;
    return { state: 'unsupported', badge: 'NOT PLAYABLE', message };
  }
  if (!facts.connected) {
    if (!facts.wasConnected) return { state: 'connecting', badge: 'CONNECTING', message: 'Connecting' };
    return { state: 'reconnecting', badge: 'NOT LIVE', message: join('Not live: reconnecting', facts.reason, age) };
  }
  if (!facts.described) return { state: 'waiting', badge: 'NOT LIVE', message: join('Waiting for the camera', age) };
  if (facts.blocked)
    return { state: 'blocked', badge: 'PAUSED', message: 'Press play: this browser does not begin by itself' };
  const staleMs = Math.max(STALE_MS, facts.intervalMs * STALE_INTERVALS);
  if (facts.lastPictureAgeMs !== null && facts.lastPictureAgeMs > staleMs) {
    return { state: 'stale', badge: 'NOT LIVE', message: join('Not live: nothing comes from the camera', age) };
  }
  if (!facts.shown) return { state: 'connecting', badge: 'CONNECTING', message: 'Starting' };
  return { state: 'live', badge: 'LIVE', message: '' };
}

function join(...parts: readonly string[]): string {
  return parts
    .map((part) => part.replace(/\.$/, ''))
    .filter((part) => part !== '')
    .join(' · ');
}

function ageText(ageMs: number | null): string {
  if (ageMs === null || ageMs < 1000) return '';
  const seconds = Math.floor(ageMs / 1000);
  if (seconds < 100) return `last picture ${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 100 ? `last picture ${minutes} min ago` : `last picture ${Math.floor(minutes / 60)} h ago`;
}
