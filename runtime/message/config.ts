/**
 * What a daemon is told to be: one strict schema per kind. Defaults live here and nowhere else; unknown keys are refused.
 * These values travel on the control channel only, never in argv or the environment.
 */
import * as v from 'valibot';
import { Secret } from '../secret.ts';
import { filledText, text, whole } from './fields.ts';

const secret = v.union([
  v.instance(Secret),
  v.pipe(
    text(1024),
    v.transform((value) => new Secret(value)),
  ),
]);
export const channelSlug = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and dashes, at most 63'),
);
const path = filledText(4096);
const url = filledText(2048);
const username = v.optional(text(256));
const password = v.optional(secret);

/** Where pictures come from. `url` never holds credentials: they have fields of their own. */
export const sourceSchema = v.variant('type', [
  v.strictObject({
    type: v.literal('rtsp'),
    url,
    transport: v.optional(v.picklist(['tcp', 'udp']), 'tcp'),
    username,
    password,
  }),
  v.strictObject({
    type: v.literal('http'),
    url,
    username,
    password,
  }),
  /** A file, looped at its own pace. */
  v.strictObject({ type: v.literal('file'), path }),
  /** The built-in test camera. */
  v.strictObject({ type: v.literal('test') }),
]);

export const captureConfigSchema = v.strictObject({
  kind: v.literal('capture'),
  channel: channelSlug,
  source: sourceSchema,
  ring: v.strictObject({
    path,
    /** Data area; holds at least 15 s of the stream. */
    dataBytes: v.optional(whole(1 << 20, 2 ** 31), 32 << 20),
    /** Power of two; the most packets the ring can hold. */
    slots: v.optional(whole(16, 1 << 20), 8192),
  }),
  /** From dialling to the first packet. */
  connectTimeoutMs: v.optional(whole(500, 120_000), 10_000),
  /** Without a packet for this long the connection counts as dead and is opened again. */
  stallTimeoutMs: v.optional(whole(500, 120_000), 5_000),
});

export const streamConfigSchema = v.strictObject({
  kind: v.literal('stream'),
  channel: channelSlug,
  /** For people; the page's title. */
  name: text(200),
  number: whole(0, 57_000),
  host: v.optional(text(255), '127.0.0.1'),
  port: whole(1, 65_535),
  ring: v.strictObject({ path }),
  starvationMs: v.optional(whole(1000, 3_600_000), 10_000),
  maxViewers: v.optional(whole(1, 1000), 50),
});

/** Opens a source once, says what it is, and ends: what the editor's *Test* button runs. */
export const probeConfigSchema = v.strictObject({
  kind: v.literal('probe'),
  channel: channelSlug,
  source: sourceSchema,
  timeoutMs: v.optional(whole(500, 60_000), 10_000),
});

export const daemonConfigSchema = v.variant('kind', [captureConfigSchema, streamConfigSchema, probeConfigSchema]);

export type SourceConfig = v.InferOutput<typeof sourceSchema>;
export type CaptureConfig = v.InferOutput<typeof captureConfigSchema>;
export type StreamConfig = v.InferOutput<typeof streamConfigSchema>;
export type ProbeConfig = v.InferOutput<typeof probeConfigSchema>;
export type DaemonConfig = v.InferOutput<typeof daemonConfigSchema>;
export type DaemonKind = DaemonConfig['kind'];
