/**
 * What travels on a wire in place of pictures: `msg.media`, a small plain JSON object that names a source.
 *
 * A handle survives cloning, `change` nodes, JSON and context stores because it holds nothing but names and numbers. It says which source is meant,
 * never where it is: no path, no URL, no secret. Only the registry of this process can turn it into a ring.
 */
import * as v from 'valibot';
import type { MediaDescription } from '../media/track.ts';
import { filledText, finite } from '../message/fields.ts';
import { tryParse } from '../message/parse.ts';

const measure = v.nullable(v.pipe(finite, v.minValue(0)));

/** Keys that a flow adds on its own are dropped, not refused: a handle passes through other people's nodes. */
const mediaHandleSchema = v.object({
  v: v.literal(1),
  /** The source: the path of its node in the flows, and its output. */
  id: filledText(500),
  /** Another one whenever the source is opened with other settings. */
  epoch: filledText(64),
  kind: v.literal('video'),
  form: v.literal('packets'),
  /** Null until the camera has been seen. */
  codec: v.nullable(v.picklist(['h264', 'h265'])),
  width: measure,
  height: measure,
  fps: measure,
  audio: v.nullable(v.object({ codec: v.literal('aac'), sampleRate: finite, channels: finite })),
});

export type MediaHandle = v.InferOutput<typeof mediaHandleSchema>;

/** Why a source sent its handle: `announce` = every source does now, `change` = this camera turned out to be something else. For flows to filter by. */
export type SourceEvent = 'announce' | 'change';

/** The message that a source sends. */
export type MediaMessage = { topic: string; event: SourceEvent; media: MediaHandle };

/** Makes the handle of a source. */
export function createHandle(id: string, epoch: string, media: MediaDescription | null): MediaHandle {
  return {
    v: 1,
    id,
    epoch,
    kind: 'video',
    form: 'packets',
    codec: media?.codec ?? null,
    width: media?.width ?? null,
    height: media?.height ?? null,
    fps: media?.fps ?? null,
    audio: media?.audio ?? null,
  };
}

export type ReadHandle =
  | { readonly type: 'handle'; readonly handle: MediaHandle }
  /** `msg.media` is null: the flow takes the source away. */
  | { readonly type: 'detach' }
  | { readonly type: 'unusable'; readonly message: string };

/** Reads `msg.media` of a message that may come from anywhere. */
export function readHandle(message: { readonly media?: unknown }): ReadHandle {
  if (message.media === null) return { type: 'detach' };
  if (message.media === undefined) {
    return { type: 'unusable', message: 'The message has no msg.media. Wire a camera node to this node.' };
  }
  const parsed = tryParse(mediaHandleSchema, message.media);
  if (parsed.success) return { type: 'handle', handle: parsed.output };
  const at = parsed.complaints[0]?.path ?? '';
  return {
    type: 'unusable',
    message: `msg.media is not the handle of a camera (see msg.media${at === '' ? '' : `.${at}`}). Pass it on as the camera node sent it.`,
  };
}
