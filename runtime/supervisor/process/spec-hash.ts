/**
 * When two configurations are the same, here and across the supervisor's own death.
 *
 * Does not belong here: what follows from a difference (slot.ts).
 */
import { createHmac } from 'node:crypto';
import type { DaemonConfig } from '../../message/config.ts';
import { Secret } from '../../secret.ts';

export function sameConfig(a: DaemonConfig, b: DaemonConfig): boolean {
  return canonical(a) === canonical(b);
}

/**
 * Names a configuration in a state file without giving anything of it away: keyed with the daemon's nonce, so that equal passwords do not show
 * as equal hashes, and no table helps to guess one.
 */
export function specHash(config: DaemonConfig, nonce: string): string {
  return createHmac('sha256', nonce).update(canonical(config)).digest('base64url');
}

/** A text that is equal exactly when two values are: keys in order, secrets in clear. It never leaves this file. */
function canonical(value: unknown): string {
  if (value instanceof Secret) return JSON.stringify(value.reveal());
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join()}}`;
}
