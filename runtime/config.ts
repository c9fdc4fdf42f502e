/**
 * What a person sets on a Node-RED node: one strict schema per node type. Defaults and limits live here only; the dialogs are tested against it.
 *
 * Does not belong here: what a daemon is told (message/config.ts), and credentials, which Node-RED keeps apart from a node's settings.
 */
import * as v from 'valibot';
import { BulkheadError } from './errors.ts';
import { channelSlug } from './message/config.ts';
import { entered, text } from './message/fields.ts';
import { tryParse } from './message/parse.ts';

const name = v.optional(text(200), '');
const trimmed = (most: number) => v.pipe(v.string(), v.trim(), v.maxLength(most));

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

export const deviceSettings = v.strictObject({
  name,
  /** Host or host:port. */
  address: v.pipe(trimmed(300), v.minLength(1, 'is missing: enter the address of the device')),
  brand: v.optional(v.picklist(BRANDS), 'generic'),
});

export const cameraSettings = v.strictObject({
  name,
  channel: channelSlug,
  source: v.optional(v.picklist(['rtsp', 'http', 'file', 'test', 'usb', 'onvif']), 'rtsp'),
  /** A URL, the path of one when a device gives the address, or the path of a file. */
  url: v.optional(trimmed(2048), ''),
  transport: v.optional(v.picklist(['tcp', 'udp']), 'tcp'),
  /** Id of a device node. */
  device: v.optional(text(100), ''),
});

export const streamSettings = v.strictObject({
  name,
  number: v.optional(entered(1, 57_000), 1),
  /** 0 = 8100 + number. */
  port: v.optional(entered(0, 65_535), 0),
  host: v.optional(v.pipe(trimmed(255), v.minLength(1)), '127.0.0.1'),
  /** A daemon that has not beaten for this long hangs. */
  watchdogMs: v.optional(entered(500, 60_000), 1000),
  /** Without packets for this long there is no camera, and the port is closed. */
  starvationMs: v.optional(entered(1000, 3_600_000), 10_000),
  maxViewers: v.optional(entered(1, 1000), 50),
  /** Keep the last source although an announcement does not get through: for flows that gate sources by a state of their own. */
  keepLast: v.optional(v.boolean(), false),
});

export const eventsSettings = v.strictObject({
  name,
  /** Empty = all. */
  types: v.optional(v.pipe(v.array(text(64)), v.maxLength(100)), []),
  channels: v.optional(v.pipe(v.array(text(63)), v.maxLength(1000)), []),
});

/** What a control node does with a message that does not say it. */
export const controlSettings = v.strictObject({
  name,
  /** `message` = the message says it. */
  command: v.optional(v.picklist(['message', 'restart', 'stop', 'start']), 'message'),
  /** Empty = the message says it. */
  channel: v.optional(trimmed(63), ''),
  /** A kind of daemon. */
  daemon: v.optional(v.picklist(['all', 'capture', 'stream']), 'all'),
  mode: v.optional(v.picklist(['soft', 'hard']), 'soft'),
});

export type DeviceSettings = v.InferOutput<typeof deviceSettings>;
export type CameraSettings = v.InferOutput<typeof cameraSettings>;
export type StreamSettings = v.InferOutput<typeof streamSettings>;
export type ControlSettings = v.InferOutput<typeof controlSettings>;

/** The port of a stream that sets none. */
export const FIRST_PORT = 8100;

export function streamPort(settings: { readonly number: number; readonly port: number }): number {
  return settings.port === 0 ? FIRST_PORT + settings.number : settings.port;
}

/**
 * Reads a node's settings out of what Node-RED hands to its constructor, beside which there are Node-RED's own properties. A field that was left empty has its
 * default. Throws `invalid`, naming every field that is wrong.
 */
export function readSettings<S extends v.StrictObjectSchema<v.ObjectEntries, undefined>>(
  schema: S,
  config: Readonly<Record<string, unknown>>,
): v.InferOutput<S> {
  const given = Object.keys(schema.entries)
    .map((key) => [key, config[key]] as const)
    .filter(([, value]) => value !== undefined && value !== null && value !== '');
  const parsed = tryParse(schema, Object.fromEntries(given), { all: true });
  if (parsed.success) return parsed.output;
  const wrong = parsed.complaints.map(({ path, rule }) => `"${path}" ${rule}`);
  throw new BulkheadError('invalid', `Open this node and correct its settings: ${wrong.join('; ')}.`);
}
