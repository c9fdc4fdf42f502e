/**
 * A reader of a ring: a cursor of its own over a read-only mapping. It stores nothing in the ring, and the writer does not know of it.
 *
 * Belongs here: the cursor's lifetime, what a record looks like to callers, and what the ring says of its writer. Does not belong here: the
 * order of loads (read-steps.ts), waiting (bell.ts), and what to do about a gap.
 */
import { BulkheadError } from '../errors.ts';
import {
  EPOCH_AT,
  HEAD_AT,
  HEARTBEAT_AT,
  LAST_KEY_AT,
  PID_AT,
  STARTED_AT,
  STATE_ATTACHING,
  STATE_AT,
  STATE_CLOSED,
  TABLE_MASK,
  TABLE_SHIFT,
  requireLittleEndian,
} from './layout.ts';
import { type RingMemory, loadWord } from './memory.ts';
import { processStart } from './process-identity.ts';
import {
  JUMP_STEPS,
  READ_STEPS,
  type ReadState,
  createReadState,
  isSafeKey,
  loadHead,
  loadLastKey,
} from './read-steps.ts';
import { type Region, fileAt, sameFile } from './region.ts';
import { type MappedRing, mapRing } from './ring-file.ts';
import { type PacketMeta, slotEpoch, slotFlags, slotLength, slotMeta } from './slot.ts';
import { type Table, currentTableVersion, readTable } from './stream-table.ts';

/** A record. `payload` is a view of the reader's own buffer, valid until its next `read`. */
export type RingRecord = PacketMeta & {
  readonly seq: number;
  /** The writer's incarnation; a change means a break in the stream. */
  readonly epoch: number;
  /** Of the stream table that describes this record; 0 = none. */
  readonly tableVersion: number;
  readonly payload: Buffer;
};

/** `gap`: the records `from` to `to` will not be delivered to this cursor; it stands behind them already. */
export type ReadResult =
  | { readonly type: 'record'; readonly record: RingRecord }
  | { readonly type: 'empty' }
  | { readonly type: 'gap'; readonly from: number; readonly to: number; readonly reason: 'lapped' | 'corrupt' };

/** `dead`: the process is gone and did not close the ring. */
export type WriterState = 'attaching' | 'live' | 'closed' | 'dead';

const EMPTY: ReadResult = Object.freeze({ type: 'empty' });

/** One mapping, shared by a reader and its forks. */
type Shared = MappedRing & { readonly path: string; users: number };

export class RingReader {
  readonly #shared: Shared;
  readonly #region: Region;
  readonly #ring: RingMemory;
  readonly #state: ReadState = createReadState();
  #tableVersion = 0;
  #laps = 0;
  #corrupt = 0;
  #closed = false;

  /** Opens the ring at a path, with the cursor at number 1. Throws `notFound`, `corrupt`, `version`, `invalid`, `unsupported`. */
  static open(path: string): RingReader {
    requireLittleEndian();
    return new RingReader({ ...mapRing(path, 'read'), path, users: 0 });
  }

  private constructor(shared: Shared) {
    shared.users++;
    this.#shared = shared;
    this.#region = shared.region;
    this.#ring = shared.memory;
  }

  /** A further cursor over the same mapping, at number 1, with a buffer and counters of its own. Each is closed by itself. */
  fork(): RingReader {
    this.#requireOpen();
    return new RingReader(this.#shared);
  }

  /** The record at the cursor, or why there is none. Never waits, never throws while the reader is open. */
  read(): ReadResult {
    this.#requireOpen();
    const state = this.#state;
    for (const step of READ_STEPS) {
      const verdict = step(this.#ring, state);
      if (verdict === 'on') continue;
      return verdict === 'empty' ? EMPTY : this.#gap(verdict);
    }
    const record = this.#record();
    state.next++;
    return { type: 'record', record };
  }

  /**
   * Moves the cursor to the newest keyframe that will stay for a while, forward only. False: there is none at or behind the cursor; it then
   * stands behind the newest record.
   */
  seekNewestKey(): boolean {
    this.#requireOpen();
    const state = this.#state;
    loadLastKey(this.#ring, state);
    loadHead(this.#ring, state);
    // Unlike a jump after a lap this may stay where it is: the record at the cursor has not been refused.
    const found = state.key >= state.next && isSafeKey(this.#ring, state);
    state.next = found ? state.key : state.head + 1;
    return found;
  }

  /** Moves the cursor behind the newest record. */
  seekLatest(): void {
    this.seek(this.head + 1);
  }

  /** Moves the cursor to a number, backwards too. Numbers beyond the next one to come mean that one: they are of another ring (see `ringId`). */
  seek(seq: number): void {
    this.#requireOpen();
    this.#state.next = Math.max(1, Math.min(Math.trunc(seq), this.head + 1));
  }

  /** The number that `read` looks for next. */
  get next(): number {
    return this.#state.next;
  }

  /** Number of the newest record; 0 = none yet. */
  get head(): number {
    this.#requireOpen();
    return loadWord(this.#ring, HEAD_AT); // acquire; pairs with publishHead
  }

  /** Number of the newest keyframe; 0 = none yet. It may be overwritten by now. */
  get lastKeySeq(): number {
    this.#requireOpen();
    return loadWord(this.#ring, LAST_KEY_AT); // acquire; pairs with announceKey
  }

  /** How often this cursor was too slow. */
  get laps(): number {
    return this.#laps;
  }

  /** How often it met a damaged record. Always 0 while memory and writer are sound. */
  get corrupt(): number {
    return this.#corrupt;
  }

  /** The writer's incarnation now; records carry the one they were written in. */
  get epoch(): number {
    this.#requireOpen();
    return this.#ring.u32[EPOCH_AT / 4]!;
  }

  /** 32 hex digits; sequence numbers can be compared between readings of the same ring only. */
  get ringId(): string {
    return this.#shared.header.ringId;
  }

  /** The current stream table, or the one of a version that is the current or the one before. */
  table(version?: number): Table | undefined {
    this.#requireOpen();
    return readTable(this.#ring, version);
  }

  /** True when the file at the path is no longer the one that is mapped: close this reader and open another. */
  wasReplaced(): boolean {
    return !sameFile(fileAt(this.#shared.path), this.#region.file);
  }

  /** What became of the writer, by its line in the ring and by the kernel's word for its process. */
  writerState(): WriterState {
    this.#requireOpen();
    const { u32 } = this.#ring;
    const state = u32[STATE_AT / 4];
    if (state === STATE_CLOSED) return 'closed';
    const started = new Float64Array(this.#region.buffer, STARTED_AT, 1)[0];
    if (processStart(u32[PID_AT / 4]!) !== started) return 'dead';
    return state === STATE_ATTACHING ? 'attaching' : 'live';
  }

  /** When the writer last said that it is alive: CLOCK_MONOTONIC, microseconds. */
  get heartbeatUs(): number {
    this.#requireOpen();
    return loadWord(this.#ring, HEARTBEAT_AT); // pairs with the store in heartbeat
  }

  /** Gives the cursor and its buffer back; the mapping goes with its last user. Calling it again does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#state.copy = Buffer.alloc(0);
    this.#shared.users--;
    if (this.#shared.users === 0) this.#region.close();
  }

  #gap(reason: 'lapped' | 'corrupt'): ReadResult {
    if (reason === 'lapped') this.#laps++;
    else this.#corrupt++;
    const from = this.#state.next;
    for (const step of JUMP_STEPS) step(this.#ring, this.#state);
    return { type: 'gap', from, to: this.#state.next - 1, reason };
  }

  #record(): RingRecord {
    const { slot, copy, next } = this.#state;
    const meta = slotMeta(slot);
    return {
      seq: next,
      epoch: slotEpoch(slot),
      tableVersion: this.#fullTableVersion((slotFlags(slot) >>> TABLE_SHIFT) & TABLE_MASK),
      track: meta.track,
      key: meta.key,
      discontinuity: meta.discontinuity,
      pts: meta.pts,
      dts: meta.dts,
      duration: meta.duration,
      captureUs: meta.captureUs,
      payload: copy.subarray(0, slotLength(slot)),
    };
  }

  /** A record holds the low 16 bits; its table was complete before it, so it is the newest version that ends in them. */
  #fullTableVersion(low: number): number {
    if ((this.#tableVersion & TABLE_MASK) !== low) {
      const current = currentTableVersion(this.#ring);
      this.#tableVersion = current - ((current - low) & TABLE_MASK);
    }
    return this.#tableVersion;
  }

  #requireOpen(): void {
    if (this.#closed) {
      throw new BulkheadError('internal', 'This ring reader is closed.', { context: { path: this.#shared.path } });
    }
  }
}
