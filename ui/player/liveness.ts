/**
 * Is the picture live? A pure judgement from what is known, so that the page never claims more than it can prove.
 */

export type State = 'connecting' | 'live' | 'stale' | 'reconnecting' | 'waiting' | 'unsupported';

export type Evidence = {
  readonly connected: boolean;
  readonly everConnected: boolean;
  /** The mime type that this browser cannot play, if that is so. */
  readonly unsupported: boolean;
  /** Since the last segment came; `undefined` = none on this connection. */
  readonly segmentAgeMs: number | undefined;
  /** What `/health` said last: the age of the newest packet in the ring, `null` = no packet yet, `undefined` = not known. */
  readonly packetAgeMs: number | null | undefined;
  /** Usual distance of segments. */
  readonly intervalMs: number;
};

/** A picture older than this is not live; slow cameras get four of their own frame intervals. */
const STALE_MS = 1500;

export function judge(evidence: Evidence): State {
  if (evidence.unsupported) return 'unsupported';
  if (!evidence.connected) return evidence.everConnected ? 'reconnecting' : 'connecting';
  if (evidence.packetAgeMs === null && evidence.segmentAgeMs === undefined) return 'waiting';
  if (evidence.segmentAgeMs === undefined) return evidence.packetAgeMs === undefined ? 'connecting' : 'waiting';
  const limitMs = Math.max(STALE_MS, 4 * evidence.intervalMs);
  // The first segments of a connection come from the ring and may be old: only the health page knows.
  if (typeof evidence.packetAgeMs === 'number' && evidence.packetAgeMs > limitMs) return 'stale';
  return evidence.segmentAgeMs > limitMs ? 'stale' : 'live';
}
