/**
 * Keeps every daemon's memory within its limits: reads it, asks the policies, and has slots replaced.
 *
 * Belongs here: bringing readings, judgements and slots together. Does not belong here: the judgements (memory.ts, traffic.ts, recycling.ts) and
 * how a daemon is replaced (slot.ts): a stream is replaced by make before break; a capture daemon, whose ring has one writer, ends first.
 */
import { totalmem } from 'node:os';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Daemon } from './daemon.ts';
import type { MemoryPolicy } from './policy/memory-policy.ts';
import { MemoryWatch, type MemoryVerdict } from './policy/memory.ts';
import { Recycling, type Candidate } from './policy/recycling.ts';
import type { Actual } from './service.ts';
import type { Slot } from './slot.ts';
import { Traffic } from './policy/traffic.ts';
import type { UsageBook } from './process/usage.ts';

export type UpkeepHost = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly policy: MemoryPolicy;
  readonly usage: UsageBook;
  readonly leaks: (daemon: Daemon, recycles: number) => void;
};

/** It ought to be replaced, and can wait. */
type Waiting = { readonly slot: Slot; readonly verdict: MemoryVerdict };

const WORKS: ReadonlySet<Actual> = new Set(['ready', 'degraded']);
/** Where a daemon may be for long without being on its way to somewhere. */
const SETTLED: ReadonlySet<Actual> = new Set(['ready', 'degraded', 'stopped', 'failed']);

export class Upkeep {
  readonly #host: UpkeepHost;
  readonly #recycling: Recycling;
  readonly #machineBytes = machineBytes();
  readonly #traffic = new Map<string, Traffic>();
  #watches = new Map<string, MemoryWatch>();
  /** When a slot was last replaced because it had to be. */
  readonly #replacedMs = new Map<string, number>();
  #dueMs = 0;
  #lastMs: number | null = null;

  constructor(host: UpkeepHost) {
    this.#host = host;
    this.#recycling = new Recycling(host.policy);
  }

  /** One round; does nothing until the next reading is due. */
  go(slots: readonly Slot[]): void {
    const { clock, policy, usage } = this.#host;
    const atMs = clock.nowMs();
    const daemons = slots.flatMap((slot) => slot.daemons().map((daemon) => ({ slot, daemon })));
    usage.keep(
      daemons.flatMap(({ daemon }) => daemon.child?.pid ?? []),
      atMs,
    );
    if (atMs < this.#dueMs) return;
    this.#dueMs = atMs + policy.readMs;
    usage.read(atMs);
    this.#countViewers(slots, atMs);

    const watches = new Map<string, MemoryWatch>();
    const waiting: Waiting[] = [];
    for (const { slot, daemon } of daemons) {
      const verdict = this.#judge(daemon, atMs, watches);
      if (verdict === 'kill') this.#kill(slot, daemon, atMs);
      else if (daemon !== slot.current || slot.replacing || slot.spec === null || !works(daemon)) continue;
      else if (verdict === 'hard' || asksForIt(daemon)) this.#replaceNow(slot, verdict, atMs);
      else if (verdict === 'soft' || verdict === 'slope') waiting.push({ slot, verdict });
    }
    this.#watches = watches;
    this.#replaceAtLeisure(waiting, slots, atMs);
    for (const id of this.#replacedMs.keys()) if (!slots.some((slot) => slot.id === id)) this.#replacedMs.delete(id);
  }

  #judge(daemon: Daemon, atMs: number, watches: Map<string, MemoryWatch>): MemoryVerdict {
    const { policy } = this.#host;
    const { readySinceMs, actual } = daemon.service;
    const bytes = this.#bytesOf(daemon);
    // Before it is ready it loads, and has a time limit of its own; afterwards it may grow until it is gone.
    if (readySinceMs === null || bytes === null || actual === 'killing') return 'well';
    const { id, generation, kind } = daemon.who();
    const key = `${id} ${generation}`;
    const watch = this.#watches.get(key) ?? new MemoryWatch(policy, readySinceMs);
    watches.set(key, watch);
    return watch.look(atMs, bytes, {
      floorBytes: policy.hardFloorBytes[kind],
      machineBytes: this.#machineBytes,
      limitBytes: daemon.spec?.memoryLimitBytes,
      adopted: daemon.child?.adopted ?? false,
    });
  }

  #bytesOf({ child }: Daemon): number | null {
    const pid = child?.pid ?? null;
    return pid === null ? null : (this.#host.usage.of(pid)?.privateBytes ?? null);
  }

  #kill(slot: Slot, daemon: Daemon, atMs: number): void {
    this.#note(slot, 'kill', atMs);
    daemon.feed({ type: 'kill', reason: 'memory' });
  }

  #replaceNow(slot: Slot, verdict: MemoryVerdict, atMs: number): void {
    if (atMs - (this.#replacedMs.get(slot.id) ?? -Infinity) < this.#host.policy.retryMs) return;
    this.#replacedMs.set(slot.id, atMs);
    this.#replace(slot, verdict, atMs);
  }

  #replaceAtLeisure(waiting: readonly Waiting[], slots: readonly Slot[], atMs: number): void {
    const wallMs = this.#host.clock.wallMs();
    const candidates = waiting.map(({ slot }): Candidate => {
      const { channel, service } = slot.current;
      const peers = slots.filter((peer) => peer !== slot && peer.current.channel === channel);
      return {
        id: slot.id,
        channel,
        ageMs: service.readySinceMs === null ? 0 : atMs - service.readySinceMs,
        quiet: this.#traffic.get(channel)?.isQuiet(wallMs, viewersOf(slots, channel)) ?? true,
        peersSettled: peers.every((peer) => !peer.replacing && isSettled(peer.current)),
      };
    });
    const id = this.#recycling.next(atMs, candidates);
    const chosen = waiting.find(({ slot }) => slot.id === id);
    if (chosen !== undefined) this.#replace(chosen.slot, chosen.verdict, atMs);
  }

  #replace(slot: Slot, verdict: MemoryVerdict, atMs: number): void {
    this.#note(slot, verdict, atMs);
    slot.restart('soft', 'memory');
  }

  #note(slot: Slot, verdict: MemoryVerdict, atMs: number): void {
    const { log, leaks } = this.#host;
    const daemon = slot.current;
    log.warn(
      { daemon: daemon.who(), verdict, privateBytes: this.#bytesOf(daemon) },
      'a daemon is replaced for its memory',
    );
    if (this.#recycling.recycled(atMs, slot.id, daemon.channel)) leaks(daemon, this.#host.policy.leakRecycles + 1);
  }

  #countViewers(slots: readonly Slot[], atMs: number): void {
    const forMs = this.#lastMs === null ? 0 : Math.min(atMs - this.#lastMs, 2 * this.#host.policy.readMs);
    this.#lastMs = atMs;
    const channels = new Set(slots.map(({ current }) => current.channel));
    for (const channel of this.#traffic.keys()) if (!channels.has(channel)) this.#traffic.delete(channel);
    for (const channel of channels) {
      const traffic = this.#traffic.get(channel) ?? new Traffic();
      this.#traffic.set(channel, traffic);
      traffic.count(this.#host.clock.wallMs(), viewersOf(slots, channel), forMs);
    }
  }
}

/** One that is on its way out already is not to be brought back: an operator may have stopped it. */
function works({ service }: Daemon): boolean {
  return WORKS.has(service.actual);
}

function asksForIt(daemon: Daemon): boolean {
  return daemon.child?.sample()?.recycleRequested === true;
}

function isSettled({ service }: Daemon): boolean {
  return SETTLED.has(service.actual) || service.starved;
}

function viewersOf(slots: readonly Slot[], channel: string): number {
  const own = slots.filter(({ current }) => current.channel === channel);
  return own.reduce((sum, { current }) => sum + (current.child?.sample()?.viewers ?? 0), 0);
}

/** What this process and its children may have together: a container's limit where there is one. */
function machineBytes(): number {
  const constrained = process.constrainedMemory();
  const total = totalmem();
  return constrained > 0 && constrained < total ? constrained : total;
}
