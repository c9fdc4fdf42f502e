/**
 * What a daemon is told to be: one strict schema per kind. Defaults live here and nowhere else; unknown keys are refused.
 * These values travel on the control channel only, never in argv or the environment.
 */
import { z } from 'zod';
import { Secret } from '../secret.ts';

const secret = z.union([
  z.instanceof(Secret),
  z
    .string()
    .max(1024)
    .transform((value) => new Secret(value)),
]);
export const channelSlug = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and dashes');
const path = z.string().min(1).max(4096);
const url = z.string().min(1).max(2048);

/** Where pictures come from. `url` never holds credentials: they have fields of their own. */
export const sourceSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('rtsp'),
    url,
    transport: z.enum(['tcp', 'udp']).default('tcp'),
    username: z.string().max(256).optional(),
    password: secret.optional(),
  }),
  z.strictObject({
    type: z.literal('http'),
    url,
    username: z.string().max(256).optional(),
    password: secret.optional(),
  }),
  /** A file, looped at its own pace. */
  z.strictObject({ type: z.literal('file'), path }),
  /** The built-in test camera. */
  z.strictObject({ type: z.literal('test') }),
]);

export const captureConfigSchema = z.strictObject({
  kind: z.literal('capture'),
  channel: channelSlug,
  source: sourceSchema,
  ring: z.strictObject({
    path,
    /** Data area; holds at least 15 s of the stream. */
    dataBytes: z
      .int()
      .min(1 << 20)
      .max(2 ** 31)
      .default(32 << 20),
    /** Power of two; the most packets the ring can hold. */
    slots: z
      .int()
      .min(16)
      .max(1 << 20)
      .default(8192),
  }),
  /** From dialling to the first packet. */
  connectTimeoutMs: z.int().min(500).max(120_000).default(10_000),
  /** Without a packet for this long the connection counts as dead and is opened again. */
  stallTimeoutMs: z.int().min(500).max(120_000).default(5_000),
});

export const streamConfigSchema = z.strictObject({
  kind: z.literal('stream'),
  channel: channelSlug,
  /** For people; the page's title. */
  name: z.string().max(200),
  number: z.int().min(0).max(57_000),
  host: z.string().max(255).default('127.0.0.1'),
  port: z.int().min(1).max(65_535),
  ring: z.strictObject({ path }),
  starvationMs: z.int().min(1000).max(3_600_000).default(10_000),
  maxViewers: z.int().min(1).max(1000).default(50),
});

/** Opens a source once, says what it is, and ends: what the editor's *Test* button runs. */
export const probeConfigSchema = z.strictObject({
  kind: z.literal('probe'),
  channel: channelSlug,
  source: sourceSchema,
  timeoutMs: z.int().min(500).max(60_000).default(10_000),
});

export const daemonConfigSchema = z.discriminatedUnion('kind', [
  captureConfigSchema,
  streamConfigSchema,
  probeConfigSchema,
]);

export type SourceConfig = z.output<typeof sourceSchema>;
export type CaptureConfig = z.output<typeof captureConfigSchema>;
export type StreamConfig = z.output<typeof streamConfigSchema>;
export type ProbeConfig = z.output<typeof probeConfigSchema>;
export type DaemonConfig = z.output<typeof daemonConfigSchema>;
export type DaemonKind = DaemonConfig['kind'];
