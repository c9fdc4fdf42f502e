/**
 * What the supervisor says to a process that stands by: one message in its life, on the pipe that it was started with. The same goes for this as for
 * schema.ts: one schema, parsed at the receiving end. It holds paths only; configuration comes later, on the control channel of the daemon.
 */
import * as v from 'valibot';
import { anyFilledText, whole } from './fields.ts';

/** What a standby has loaded, and so which kinds of daemon it can become without loading anything. */
export const PROFILES = ['light', 'media'] as const;
export type Profile = (typeof PROFILES)[number];

/** Become this daemon. The descriptors were sent before: its log, then, where there is one, its listening socket. */
export const assignmentSchema = v.strictObject({
  type: v.literal('assign'),
  stateFile: anyFilledText,
  /** The program of its kind. */
  entry: anyFilledText,
  /** Where the listening socket is to be; missing = there is none. */
  listenFd: v.optional(whole(3)),
});

export type Assignment = v.InferOutput<typeof assignmentSchema>;
