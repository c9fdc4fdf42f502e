/**
 * The one writer of a ring.
 *
 * Belongs here: the writer's lifetime (lock, mapping, writer line) and the checks of what callers hand in. Does not belong here: the order of
 * stores (write-steps.ts), and anything that waits for a reader: the writer does not know that there are any.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { BulkheadError, type ErrorKind } from '../errors.ts';
import {
  FLAG_DISCONTINUITY,
  FLAG_PAYLOAD_CRC,
  HEARTBEAT_AT,
  PID_AT,
  STARTED_AT,
  STATE_ATTACHING,
  STATE_AT,
  STATE_CLOSED,
  STATE_LIVE,
  TABLE_BYTES,
  geometryOf,
  requireLittleEndian,
} from './layout.ts';
import { type Lock, acquireLock } from './lock.ts';
import { type RingMemory, storeWord } from './memory.ts';
import { processStart } from './process-identity.ts';
import { type Region, sameFile } from './region.ts';
import { openForWriting, readHeader } from './ring-file.ts';
import type { PacketMeta } from './slot.ts';
import { TABLE_STEPS, currentTableVersion, nextTableVersion, readTable } from './stream-table.ts';
import { ATTACH_STEPS, WRITE_STEPS, type WriteState, createWriteState, prepare } from './write-steps.ts';

export type { PacketMeta } from './slot.ts';

export type RingOptions = {
  readonly path: string;
  /** Size of the data area. */
  readonly dataBytes: number;
  /** Power of two: the most records that can be in the ring. */
  readonly slots: number;
  /** A quarter of the data area unless given. */
  readonly maxRecordBytes?: number;
};

/** Up to here a payload gets a CRC (0.2 ms at most); pictures beyond it rely on the protocol alone. */
const PAYLOAD_CRC_LIMIT_BYTES = 1 << 20;
const NOTHING: readonly Uint8Array[] = [];
const LOST: ReadonlySet<ErrorKind> = new Set(['notFound', 'corrupt', 'version']);

export class RingWriter {
  readonly path: string;
  /** 32 hex digits; another id means that sequence numbers have begun anew. */
  readonly ringId: string;
  /** True when the ring of an earlier writer goes on: numbers continue, and the next record is a discontinuity. */
  readonly reattached: boolean;
  readonly maxRecordBytes: number;
  readonly #lock: Lock;
  readonly #region: Region;
  readonly #ring: RingMemory;
  readonly #state: WriteState = createWriteState();
  readonly #single: Uint8Array[] = [];
  #broken: boolean;
  #closed = false;

  /**
   * Opens the ring for writing: re-attaches to the one that is there, or makes a new one where there is none, or one of another geometry, another
   * boot, or a damaged one. Throws `conflict` (another writer is alive), `exhausted` (no space), `invalid`, `unsupported`.
   */
  static open(options: RingOptions): RingWriter {
    requireLittleEndian();
    const geometry = geometryOf(options);
    mkdirSync(dirname(options.path), { recursive: true, mode: 0o700 });
    // The lock first, then look: what another writer is still changing must not be read.
    const lock = acquireLock(`${options.path}.lock`);
    if (lock === undefined) throw conflict(options.path);
    try {
      return new RingWriter(options.path, lock, openForWriting(options.path, geometry));
    } catch (thrown) {
      lock.release();
      throw thrown;
    }
  }

  private constructor(path: string, lock: Lock, opened: ReturnType<typeof openForWriting>) {
    this.path = path;
    this.ringId = opened.header.ringId;
    this.reattached = opened.reattached;
    this.maxRecordBytes = opened.header.maxRecordBytes;
    this.#broken = opened.reattached;
    this.#lock = lock;
    this.#region = opened.region;
    this.#ring = opened.memory;
    this.#writeLine(STATE_ATTACHING);
    for (const step of ATTACH_STEPS) step(this.#ring, this.#state);
    this.heartbeat();
    this.#writeLine(STATE_LIVE);
  }

  /** This incarnation: one more than that of the writer before. */
  get epoch(): number {
    return this.#state.epoch;
  }

  /** Sequence number of the last record; 0 = none. */
  get head(): number {
    return this.#state.seq;
  }

  /**
   * Writes one record and returns its sequence number. Never waits. Throws `exhausted` for a record beyond `maxRecordBytes`, `invalid` for an empty
   * one; the ring is then unchanged.
   */
  write(meta: PacketMeta, payload: Uint8Array | readonly Uint8Array[]): number {
    this.#requireOpen();
    const chunks = this.#chunks(payload);
    let lengthBytes = 0;
    for (const chunk of chunks) lengthBytes += chunk.length;
    if (lengthBytes === 0 || lengthBytes > this.maxRecordBytes) throw this.#refuse(lengthBytes);
    const seal = lengthBytes <= PAYLOAD_CRC_LIMIT_BYTES ? FLAG_PAYLOAD_CRC : 0;
    const state = this.#state;
    prepare(this.#ring, state, meta, chunks, lengthBytes, seal | (this.#broken ? FLAG_DISCONTINUITY : 0));
    for (const step of WRITE_STEPS) step(this.#ring, state);
    this.#broken = false;
    state.chunks = NOTHING; // the payload belongs to the caller again
    this.#single.length = 0;
    return state.seq;
  }

  /**
   * Publishes a stream table and returns its version; records written from now on refer to it. The bytes of the current version again give the
   * current version again, so a writer that comes back with the same stream does not disturb anybody. Throws `exhausted` over 8 KiB.
   */
  setTable(bytes: Uint8Array): number {
    this.#requireOpen();
    if (bytes.length > TABLE_BYTES) {
      throw new BulkheadError('exhausted', `A stream table has at most ${TABLE_BYTES} bytes, not ${bytes.length}.`, {
        context: { path: this.path },
      });
    }
    const ring = this.#ring;
    const current = readTable(ring);
    if (current === undefined || Buffer.compare(current.bytes, bytes) !== 0) {
      const draft = { version: nextTableVersion(ring), bytes };
      for (const step of TABLE_STEPS) step(ring, draft);
    }
    this.#state.table = currentTableVersion(ring);
    return this.#state.table;
  }

  /** Says that the writer is alive although it writes nothing. */
  heartbeat(): void {
    this.#requireOpen();
    storeWord(this.#ring, HEARTBEAT_AT, Number(process.hrtime.bigint() / 1000n)); // pairs with the load in heartbeatUs
  }

  /**
   * False when the file at the path is not this ring any more, or its header is damaged: whoever opens it from now on finds nothing. Then this writer is
   * of no use; close it and open another, which makes a new ring.
   */
  isInPlace(): boolean {
    this.#requireOpen();
    try {
      const { file, header } = readHeader(this.path);
      return sameFile(file, this.#region.file) && header.ringId === this.ringId;
    } catch (thrown) {
      // Too many open files, say, is no verdict on the ring.
      return !(thrown instanceof BulkheadError && LOST.has(thrown.kind));
    }
  }

  /** Leaves the ring to its readers and to the next writer. Calling it again does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writeLine(STATE_CLOSED);
    this.#region.close();
    this.#lock.release(); // last: after this another process may write
  }

  /** For people and for `writerState`; plain stores, and no decision hangs on their order. */
  #writeLine(state: number): void {
    const { u32 } = this.#ring;
    u32[PID_AT / 4] = process.pid;
    new Float64Array(this.#region.buffer, STARTED_AT, 1)[0] = processStart(process.pid) ?? 0;
    u32[STATE_AT / 4] = state;
  }

  #chunks(payload: Uint8Array | readonly Uint8Array[]): readonly Uint8Array[] {
    if (Array.isArray(payload)) return payload as readonly Uint8Array[];
    this.#single[0] = payload as Uint8Array;
    return this.#single;
  }

  #requireOpen(): void {
    if (this.#closed)
      throw new BulkheadError('internal', 'This ring writer is closed.', { context: { path: this.path } });
  }

  #refuse(lengthBytes: number): BulkheadError {
    const context = { path: this.path, sequence: this.head + 1 };
    if (lengthBytes === 0) return new BulkheadError('invalid', 'A record has at least one byte.', { context });
    return new BulkheadError(
      'exhausted',
      `A record of ${lengthBytes} bytes does not fit: this ring takes at most ${this.maxRecordBytes}. Give the channel a larger ring.`,
      { context },
    );
  }
}

/** Looks at the ring only to name its writer. */
function conflict(path: string): BulkheadError {
  let pid: number | undefined;
  try {
    pid = readHeader(path).pid;
  } catch {
    // nothing to name
  }
  return new BulkheadError(
    'conflict',
    `Another process${pid === undefined ? '' : ` (pid ${pid})`} writes to ${path}. Stop it first; a ring has one writer.`,
    { context: pid === undefined ? { path } : { path, pid } },
  );
}
