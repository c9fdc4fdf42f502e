/**
 * The sources of this process: which node opened which ring under which handle. A handle from a wire is resolved here, and the end of a source is told from
 * here, because at a close the wires downstream may be gone already.
 *
 * Belongs here: identity, epochs, adoption after a deploy. Does not belong here: daemons (fleet.ts), uniqueness of names (claims.ts), sending
 * (announcer.ts).
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { MediaDescription } from '../media/track.ts';
import { createHandle, type MediaMessage, type SourceEvent } from './handle.ts';
import type { Holds } from './hold.ts';

/** What a source node opens. Equal `settingsHash` means: the same picture from the same place. */
export type SourceSpec = {
  /** The node's path in the flows and its output: stable where a node inside a subflow gets a new id at each start. */
  readonly id: string;
  readonly channel: string;
  readonly name: string;
  readonly ringPath: string;
  readonly settingsHash: string;
};

type Entry = {
  spec: SourceSpec;
  epoch: string;
  media: MediaDescription | null;
  /** The node that has it now; undefined while a deploy replaces the node. */
  owner: Source | undefined;
  onEnded: () => void;
};

/** A source as a sink sees it. */
export type SourceView = SourceSpec & { readonly epoch: string; readonly media: MediaDescription | null };

/** A source as its node has it. */
export type Source = {
  /** Makes the message to send now. */
  readonly message: (event: SourceEvent) => MediaMessage;
  /** Says what the camera is; true when that is news worth a message. */
  readonly describe: (media: MediaDescription | null) => boolean;
  /** `removed` ends the source now; else it waits for the node's successor. */
  readonly close: (removed: boolean) => void;
};

export class SourceRegistry {
  readonly #holds: Holds;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<(id: string) => void>();

  constructor(holds: Holds) {
    this.#holds = holds;
  }

  /**
   * Opens a source, or adopts it from the node's predecessor: with the same settings the epoch stays and nobody downstream notices. `onEnded` runs when the
   * source is over for good, not when it is adopted.
   */
  open(spec: SourceSpec, onEnded: () => void): Source {
    this.#holds.take(holdKey(spec.id));
    const before = this.#entries.get(spec.id);
    const adopted = before?.spec.settingsHash === spec.settingsHash ? before : undefined;
    const entry: Entry = {
      spec,
      epoch: adopted?.epoch ?? randomUUID(),
      media: adopted?.media ?? null,
      owner: undefined,
      onEnded,
    };
    const source: Source = {
      message: (event) => ({ topic: spec.channel, event, media: createHandle(spec.id, entry.epoch, entry.media) }),
      describe: (media) => {
        const isNews = !isDeepStrictEqual(roughly(entry.media), roughly(media));
        entry.media = media;
        return isNews;
      },
      close: (removed) => {
        if (entry.owner !== source) return;
        entry.owner = undefined;
        if (removed) this.#end(entry);
        else this.#holds.hold(holdKey(spec.id), () => this.#end(entry));
      },
    };
    entry.owner = source;
    this.#entries.set(spec.id, entry);
    return source;
  }

  /** The source that a handle means, whatever its epoch; undefined when it is over or from another process. */
  find(id: string): SourceView | undefined {
    const entry = this.#entries.get(id);
    return entry && { ...entry.spec, epoch: entry.epoch, media: entry.media };
  }

  sources(): readonly SourceView[] {
    return [...this.#entries.keys()].map((id) => this.find(id)).filter((view) => view !== undefined);
  }

  /** Calls `listener` with the id of every source that is over. Returns what ends that. */
  onEnded(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #end(entry: Entry): void {
    if (this.#entries.get(entry.spec.id) !== entry) return;
    this.#entries.delete(entry.spec.id);
    entry.onEnded();
    for (const listener of this.#listeners) listener(entry.spec.id);
  }
}

/** A measured rate is never twice the same. */
function roughly(media: MediaDescription | null): MediaDescription | null {
  return media && { ...media, fps: media.fps === null ? null : Math.round(media.fps) };
}

function holdKey(id: string): string {
  return `source ${id}`;
}
