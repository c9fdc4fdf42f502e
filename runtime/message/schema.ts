/**
 * Every message between the supervisor and a daemon. Types are inferred from the schemas and both ends parse what they receive; a message
 * that does not parse closes the channel. No media bytes travel here.
 */
import { z } from 'zod';
import { ERROR_KINDS } from '../errors.ts';
import { daemonConfigSchema } from './config.ts';

/** Raised with every change that an older peer would not understand; `hello` carries it. */
export const PROTOCOL_VERSION = 2;

const daemonKind = z.enum(['capture', 'stream', 'probe']);
const text = z.string().max(500);

export const mediaSchema = z.strictObject({
  codec: z.enum(['h264', 'h265']).nullable(),
  width: z.int().nullable(),
  height: z.int().nullable(),
  fps: z.number().nullable(),
  audio: z.strictObject({ codec: z.literal('aac'), sampleRate: z.int(), channels: z.int() }).nullable(),
  leftOut: z.array(z.string().max(200)).max(16).readonly(),
});

const errorKind = z.enum(ERROR_KINDS);

/** Something for the event log. `event` is one of the contract's event types. */
export const daemonEventSchema = z.strictObject({
  type: z.literal('event'),
  /** Counts the events of this process from 1: sent again with the same number until it is acknowledged. */
  number: z.int().min(1),
  /** The newest that had been acknowledged when this was sent. A number that is missing after it was lost for want of room. */
  acknowledged: z.int().min(0),
  event: z.string().max(64),
  reason: z.string().max(64).nullable(),
  detail: z.record(z.string().max(64), z.union([z.string().max(500), z.number(), z.boolean(), z.null()])),
});

/** From a daemon to its supervisor. */
export const daemonMessageSchema = z.discriminatedUnion('type', [
  /** First on every connection: who I am. `nonce` proves that the supervisor (or its predecessor) started this process. */
  z.strictObject({
    type: z.literal('hello'),
    protocol: z.int(),
    id: z.string().max(200),
    kind: daemonKind,
    generation: z.int().min(1),
    pid: z.int().min(1),
    nonce: z.string().max(64),
  }),
  /** The daemon does its work; for capture: the ring exists and the source is being dialled, whether or not it answers. */
  z.strictObject({ type: z.literal('ready') }),
  /** Works, but not well; `reason` null = well again. Shown to people, never a cause for a restart. */
  z.strictObject({ type: z.literal('degraded'), reason: text.nullable() }),
  /** What the source is; null = unknown (again). Sent by capture and probe. */
  z.strictObject({ type: z.literal('media'), media: mediaSchema.nullable() }),
  /** The camera's connection, as capture sees it. `retryMs` = when it is tried next. */
  z.strictObject({
    type: z.literal('camera'),
    state: z.enum(['connecting', 'online', 'offline']),
    errorKind: errorKind.nullable(),
    message: text.nullable(),
    retryMs: z.number().nullable(),
  }),
  daemonEventSchema,
  /** The last word before an exit that the daemon chooses itself. */
  z.strictObject({ type: z.literal('failed'), errorKind, message: text }),
]);

/** From the supervisor to a daemon. */
export const supervisorMessageSchema = z.discriminatedUnion('type', [
  /** Sent once, in answer to the first `hello`. */
  z.strictObject({ type: z.literal('configure'), config: daemonConfigSchema }),
  /** Stop taking new work, finish what is under way, then exit with `recycled`. */
  z.strictObject({ type: z.literal('drain'), graceMs: z.int().min(0).max(60_000) }),
  /** Events up to this number are written down: they need not be kept any more. */
  z.strictObject({ type: z.literal('acknowledged'), number: z.int().min(1) }),
  /** Clean up and exit with `done`. */
  z.strictObject({ type: z.literal('stop') }),
]);

export type DaemonMessage = z.output<typeof daemonMessageSchema>;
export type DaemonEvent = Extract<DaemonMessage, { type: 'event' }>;
/** What a daemon's work says: who says it, and which of how many events, is added on the way (daemon/harness/control-link.ts). */
export type DaemonReport =
  Exclude<DaemonMessage, { type: 'hello' | 'event' }> | Omit<DaemonEvent, 'number' | 'acknowledged'>;
export type SupervisorMessage = z.output<typeof supervisorMessageSchema>;
/** What a daemon is to do about it; the rest is between the two ends of the channel. */
export type SupervisorCommand = Exclude<SupervisorMessage, { type: 'acknowledged' }>;
