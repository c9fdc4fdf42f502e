/**
 * `POST /bulkhead/api/probe`: what a camera is, by the values of a dialog that nobody has saved yet. It answers 200 for a camera that fails, too: the reason is
 * what was asked for.
 */
import * as v from 'valibot';
import { cameraSource, type Credentials } from '../../channel/camera-source.ts';
import { cameraSettings, deviceSettings, readSettings } from '../../config.ts';
import { BulkheadError, type ErrorKind } from '../../errors.ts';
import type { MediaDescription } from '../../media/track.ts';
import { probeConfigSchema, type ProbeConfig } from '../../message/config.ts';
import { keyed, text } from '../../message/fields.ts';
import { parse, tryParse } from '../../message/parse.ts';

/** What the editor shows in place of a stored password. */
const STORED = '__PWRD__';

const field = v.optional(text(2048), '');
const nodeId = v.optional(text(100), '');
const requestSchema = v.pipe(
  keyed,
  v.object({
    /** The node whose dialog is open, and whose stored password `__PWRD__` means. */
    node: nodeId,
    source: field,
    url: field,
    transport: field,
    username: field,
    password: field,
    device: v.nullish(
      v.pipe(keyed, v.object({ node: nodeId, address: field, brand: field, username: field, password: field })),
      null,
    ),
  }),
);

export type ProbeAnswer =
  | { readonly ok: true; readonly media: MediaDescription }
  | { readonly ok: false; readonly kind: ErrorKind; readonly message: string };

export type ProbeAccess = {
  readonly home: string;
  /** The stored credentials of a node that was deployed. */
  readonly storedCredentials: (node: string) => Credentials | undefined;
  /** What `${NAME}` stands for, for that node. */
  readonly environment: (name: string, node: string) => string | undefined;
  /** Rejects with a `BulkheadError` that says why the source cannot be opened. */
  readonly probe: (config: ProbeConfig) => Promise<MediaDescription>;
};

/** Node-RED puts environment variables in when it deploys; an undeployed dialog has the name still. */
function substitute(value: string, node: string, access: ProbeAccess): string {
  const name = /^\$\{([^}]+)\}$/.exec(value)?.[1];
  if (name === undefined) return value;
  const found = access.environment(name, node);
  if (found === undefined) throw new BulkheadError('invalid', `The environment variable ${name} is not set.`);
  return found;
}

function credentialsOf(given: { username: string; password: string }, node: string, access: ProbeAccess): Credentials {
  const password = given.password === STORED ? (access.storedCredentials(node)?.password ?? '') : given.password;
  return { username: substitute(given.username, node, access), password: substitute(password, node, access) };
}

/** Turns the request into what a probe daemon is told. Throws `invalid` and `unsupported`. */
export function probeConfig(body: unknown, access: ProbeAccess): ProbeConfig {
  const request = tryParse(requestSchema, body);
  if (!request.success) throw new BulkheadError('invalid', 'The request is not what the dialog of a camera sends.');
  const { node, device, ...fields } = request.output;
  const value = (given: string): string => substitute(given, node, access);
  const settings = readSettings(cameraSettings, {
    channel: 'probe',
    source: value(fields.source),
    url: value(fields.url),
    transport: value(fields.transport),
  });
  const { source } = cameraSource(
    settings,
    credentialsOf(fields, node, access),
    device
      ? {
          settings: readSettings(deviceSettings, {
            address: substitute(device.address, device.node, access),
            brand: device.brand,
          }),
          credentials: credentialsOf(device, device.node, access),
        }
      : undefined,
    access.home,
  );
  return parse(probeConfigSchema, { kind: 'probe', channel: 'probe', source });
}

/** Tests what the dialog holds. Settings that are wrong are an answer like a camera that does not. */
export async function probeCamera(body: unknown, access: ProbeAccess): Promise<ProbeAnswer> {
  try {
    return { ok: true, media: await access.probe(probeConfig(body, access)) };
  } catch (error) {
    if (error instanceof BulkheadError) return { ok: false, kind: error.kind, message: error.message };
    throw error;
  }
}
