/**
 * Starts a feeder (feeder-process.ts) and steers it.
 */
import path from 'node:path';
import { type JsonProcess, spawnJson } from './json-process.ts';

export type FeederOptions = {
  readonly path: string;
  /** A name in test/clips, or a path. */
  readonly clip: string;
  /** So much of the past is in the ring at once. */
  readonly prefillSeconds?: number;
  readonly dataBytes?: number;
  readonly slots?: number;
} & Pick<FeederCommand, 'from' | 'sound' | 'dropPictures'>;

/** What changes from now on. */
export type FeederCommand = {
  /** Another clip from its beginning, with another stream table. */
  readonly clip?: string;
  /** The clip begins with this packet instead of its first: in the middle of a GOP. */
  readonly from?: number;
  readonly sound?: boolean;
  /** Nothing comes any more; `false` = the camera is back, with a keyframe after a break. */
  readonly paused?: boolean;
  /** Of every nine pictures so many are lost. */
  readonly dropPictures?: number;
};

export type FeederEvent = { type: 'ready'; head: number } | { type: 'playing'; clip: string; head: number };

export type Feeder = JsonProcess<FeederEvent> & { readonly command: (command: FeederCommand) => void };

const PROGRAM = path.join(import.meta.dirname, 'feeder-process.ts');

/** Starts a feeder and waits until the ring is there. */
export async function feedRing(options: FeederOptions): Promise<Feeder> {
  const child = spawnJson<FeederEvent>(PROGRAM, [JSON.stringify(options)]);
  await child.until((event) => event.type === 'ready');
  return { ...child, command: (command) => child.write(`${JSON.stringify(command)}\n`) };
}
