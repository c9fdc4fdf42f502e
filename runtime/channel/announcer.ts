/**
 * Announce and confirm: how a sink knows after a deploy which source it is wired to.
 *
 * A message to a node that is not created yet is lost, and a partial deploy does not tell the neighbours of a changed wire. So whenever flows were started,
 * every sink counts what it has as unconfirmed, every source sends its handle again, and a little later the sinks drop what nobody confirmed. There
 * is one listener to Node-RED's events for all of them, and no cleverness about what a deploy touched: wires across link nodes do not show there.
 *
 * A source never speaks at another time. When a camera changes, all of them announce themselves: a sink that two of them reach would otherwise follow
 * whichever changed last.
 */
import type { Cancel, Clock } from '../clock.ts';
import type { SourceEvent } from './handle.ts';

/** Long enough for a flow that passes handles on with a delay of its own; what is held goes on meanwhile. */
const GRACE_MS = 1500;

type Announce = (event: SourceEvent) => void;

/** What a sink is asked to do. */
export type AnnouncedSink = {
  /** From now on what you have is unconfirmed. */
  readonly expect: () => void;
  /** The time is over: drop what was not confirmed. */
  readonly settle: () => void;
};

export class Announcer {
  readonly #clock: Clock;
  /** By id, in an order that does not depend on which node was created last. */
  readonly #sources = new Map<string, Announce>();
  readonly #sinks = new Set<AnnouncedSink>();
  readonly #retries = new Set<() => void>();
  #running = false;
  #everStarted = false;
  #settling: Cancel | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True from "flows started" to the next stop: only then does a message reach the node it is for. */
  get running(): boolean {
    return this.#running;
  }

  /** True after the first start of flows in this process. */
  get everStarted(): boolean {
    return this.#everStarted;
  }

  /** Node-RED begins to stop flows: a message sent now may be lost, and with it a confirmation. */
  stopping(): void {
    this.#running = false;
    this.#settling?.();
    this.#settling = undefined;
  }

  /** Node-RED has started flows; it does not matter which. */
  started(): void {
    this.#running = true;
    this.#everStarted = true;
    for (const retry of this.#retries) retry();
    this.#announceAll(null);
  }

  /** A source has something new to say. */
  changed(id: string): void {
    if (!this.#running) return;
    // Announcements run: it joins in.
    if (this.#settling) this.#sources.get(id)?.('change');
    else this.#announceAll(id);
  }

  /** `announce` sends the source's handle. It runs with every announcement and, for a source that comes later, soon after this call. */
  addSource(id: string, announce: Announce): () => void {
    this.#sources.set(id, announce);
    const late = this.#running ? this.#clock.after(0, () => this.changed(id)) : undefined;
    return () => {
      late?.();
      if (this.#sources.get(id) === announce) this.#sources.delete(id);
    };
  }

  addSink(sink: AnnouncedSink): () => void {
    this.#sinks.add(sink);
    return () => this.#sinks.delete(sink);
  }

  /** `retry` runs at every start of flows, before the sources announce: a node that could not open may now. */
  onStarted(retry: () => void): () => void {
    this.#retries.add(retry);
    return () => this.#retries.delete(retry);
  }

  close(): void {
    this.#settling?.();
    this.#running = false;
    this.#sources.clear();
    this.#sinks.clear();
    this.#retries.clear();
  }

  #announceAll(changed: string | null): void {
    for (const sink of this.#sinks) sink.expect();
    for (const [id, announce] of [...this.#sources].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      announce(id === changed ? 'change' : 'announce');
    }
    this.#settling?.();
    this.#settling = this.#clock.after(GRACE_MS, () => {
      this.#settling = undefined;
      for (const sink of this.#sinks) sink.settle();
    });
  }
}
