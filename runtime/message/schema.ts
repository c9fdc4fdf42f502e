/**
 * Every message between the supervisor and a daemon. Types are inferred from the schemas and both ends parse what they receive; a message
 * that does not parse closes the channel. No media bytes travel here.
 */
import * as v from 'valibot';
import { ERROR_KINDS } from '../errors.ts';
import { daemonConfigSchema } from './config.ts';
import { finite, table, text, whole } from './fields.ts';

/** Raised with every change that an older peer would not understand; `hello` carries it. */
export const PROTOCOL_VERSION = 2;

const daemonKind = v.picklist(['capture', 'stream', 'probe']);
const sentence = text(500);

export const mediaSchema = v.strictObject({
  codec: v.nullable(v.picklist(['h264', 'h265'])),
  width: v.nullable(whole()),
  height: v.nullable(whole()),
  fps: v.nullable(finite),
  audio: v.nullable(v.strictObject({ codec: v.literal('aac'), sampleRate: whole(), channels: whole() })),
  leftOut: v.pipe(v.array(text(200)), v.maxLength(16), v.readonly()),
});

const errorKind = v.picklist(ERROR_KINDS);

/** Something for the event log. `event` is one of the contract's event types. */
export const daemonEventSchema = v.strictObject({
  type: v.literal('event'),
  /** Counts the events of this process from 1: sent again with the same number until it is acknowledged. */
  number: whole(1),
  /** The newest that had been acknowledged when this was sent. A number that is missing after it was lost for want of room. */
  acknowledged: whole(0),
  event: text(64),
  reason: v.nullable(text(64)),
  detail: table(text(64), v.union([text(500), finite, v.boolean(), v.null()])),
});

/** From a daemon to its supervisor. */
export const daemonMessageSchema = v.variant('type', [
  /** First on every connection: who I am. `nonce` proves that the supervisor (or its predecessor) started this process. */
  v.strictObject({
    type: v.literal('hello'),
    protocol: whole(),
    id: text(200),
    kind: daemonKind,
    generation: whole(1),
    pid: whole(1),
    nonce: text(64),
  }),
  /** The daemon does its work; for capture: the ring exists and the source is being dialled, whether or not it answers. */
  v.strictObject({ type: v.literal('ready') }),
  /** Works, but not well; `reason` null = well again. Shown to people, never a cause for a restart. */
  v.strictObject({ type: v.literal('degraded'), reason: v.nullable(sentence) }),
  /** What the source is; null = unknown (again). Sent by capture and probe. */
  v.strictObject({ type: v.literal('media'), media: v.nullable(mediaSchema) }),
  /** The camera's connection, as capture sees it. `retryMs` = when it is tried next. */
  v.strictObject({
    type: v.literal('camera'),
    state: v.picklist(['connecting', 'online', 'offline']),
    errorKind: v.nullable(errorKind),
    message: v.nullable(sentence),
    retryMs: v.nullable(finite),
  }),
  daemonEventSchema,
  /** The last word before an exit that the daemon chooses itself. */
  v.strictObject({ type: v.literal('failed'), errorKind, message: sentence }),
]);

/** From the supervisor to a daemon. */
export const supervisorMessageSchema = v.variant('type', [
  /** Sent once, in answer to the first `hello`. */
  v.strictObject({ type: v.literal('configure'), config: daemonConfigSchema }),
  /** Stop taking new work, finish what is under way, then exit with `recycled`. */
  v.strictObject({ type: v.literal('drain'), graceMs: whole(0, 60_000) }),
  /** Events up to this number are written down: they need not be kept any more. */
  v.strictObject({ type: v.literal('acknowledged'), number: whole(1) }),
  /** Clean up and exit with `done`. */
  v.strictObject({ type: v.literal('stop') }),
]);

export type DaemonMessage = v.InferOutput<typeof daemonMessageSchema>;
export type DaemonEvent = Extract<DaemonMessage, { type: 'event' }>;
/** What a daemon's work says: who says it, and which of how many events, is added on the way (daemon/harness/control-link.ts). */
export type DaemonReport =
  Exclude<DaemonMessage, { type: 'hello' | 'event' }> | Omit<DaemonEvent, 'number' | 'acknowledged'>;
export type SupervisorMessage = v.InferOutput<typeof supervisorMessageSchema>;
/** What a daemon is to do about it; the rest is between the two ends of the channel. */
export type SupervisorCommand = Exclude<SupervisorMessage, { type: 'acknowledged' }>;
