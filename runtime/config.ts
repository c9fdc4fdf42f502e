/**
 * What a person sets on a Node-RED node: one strict schema per node type. Defaults and limits live here only; the dialogs are tested against it.
 *
 * Does not belong here: what a daemon is told (message/config.ts), and credentials, which Node-RED keeps apart from a node's settings.
 */
import { z } from 'zod';
import { BulkheadError } from './errors.ts';
import { channelSlug } from './message/config.ts';

const name = z.string().max(200).default('');
/** A dialog's number: Node-RED keeps what was typed, and an environment variable is text as well. */
const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

/** The brands whose paths we know; `generic` = the camera's own URL says it all. */
export const BRANDS = [
  'generic',
  'axis',
  'dahua',
  'foscam',
  'hanwha',
  'hikvision',
  'reolink',
  'tapo',
  'vivotek',
] as const;
export type Brand = (typeof BRANDS)[number];

export const deviceSettings = z.strictObject({
  name,
  /** Host or host:port. */
  address: z.string().trim().min(1, 'the address of the device is missing').max(300),
  brand: z.enum(BRANDS).default('generic'),
});

export const cameraSettings = z.strictObject({
  name,
  channel: channelSlug,
  source: z.enum(['rtsp', 'http', 'file', 'test', 'usb', 'onvif']).default('rtsp'),
  /** A URL, the path of one when a device gives the address, or the path of a file. */
  url: z.string().trim().max(2048).default(''),
  transport: z.enum(['tcp', 'udp']).default('tcp'),
  /** Id of a device node. */
  device: z.string().max(100).default(''),
});

export const streamSettings = z.strictObject({
  name,
  number: whole(1, 57_000).default(1),
  /** 0 = 8100 + number. */
  port: whole(0, 65_535).default(0),
  host: z.string().trim().min(1).max(255).default('127.0.0.1'),
  /** A daemon that has not beaten for this long hangs. */
  watchdogMs: whole(500, 60_000).default(1000),
  /** Without packets for this long there is no camera, and the port is closed. */
  starvationMs: whole(1000, 3_600_000).default(10_000),
  maxViewers: whole(1, 1000).default(50),
  /** Keep the last source although an announcement does not get through: for flows that gate sources by a state of their own. */
  keepLast: z.boolean().default(false),
});

export const eventsSettings = z.strictObject({
  name,
  /** Empty = all. */
  types: z.array(z.string().max(64)).max(100).default([]),
  channels: z.array(z.string().max(63)).max(1000).default([]),
});

/** What a control node does with a message that does not say it. */
export const controlSettings = z.strictObject({
  name,
  /** `message` = the message says it. */
  command: z.enum(['message', 'restart', 'stop', 'start']).default('message'),
  /** Empty = the message says it. */
  channel: z.string().trim().max(63).default(''),
  /** A kind of daemon. */
  daemon: z.enum(['all', 'capture', 'stream']).default('all'),
  mode: z.enum(['soft', 'hard']).default('soft'),
});

export type DeviceSettings = z.output<typeof deviceSettings>;
export type CameraSettings = z.output<typeof cameraSettings>;
export type StreamSettings = z.output<typeof streamSettings>;
export type ControlSettings = z.output<typeof controlSettings>;

/** The port of a stream that sets none. */
export const FIRST_PORT = 8100;

export function streamPort(settings: { readonly number: number; readonly port: number }): number {
  return settings.port === 0 ? FIRST_PORT + settings.number : settings.port;
}

/**
 * Reads a node's settings out of what Node-RED hands to its constructor, beside which there are Node-RED's own properties. A field that was left empty has its
 * default. Throws `invalid`, naming every field that is wrong.
 */
export function readSettings<S extends z.ZodObject>(schema: S, config: Readonly<Record<string, unknown>>): z.output<S> {
  const given = Object.keys(schema.shape)
    .map((key) => [key, config[key]] as const)
    .filter(([, value]) => value !== undefined && value !== null && value !== '');
  const parsed = schema.safeParse(Object.fromEntries(given));
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map((issue) => {
    const field = issue.path.join('.');
    const missing = config[String(issue.path[0])] === undefined || config[String(issue.path[0])] === '';
    return missing ? `"${field}" is missing` : `"${field}": ${issue.message}`;
  });
  throw new BulkheadError('invalid', `Open this node and correct its settings: ${wrong.join('; ')}.`);
}
