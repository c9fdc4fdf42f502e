/**
 * The status page: 4 KiB of mapped memory in which a daemon says how it is. It needs no answer from a daemon that hangs, and it outlives the
 * supervisor.
 *
 * Belongs here: the layout, the daemon's writing end, the supervisor's reading end. Does not belong here: what follows from a page (watchdog.ts)
 * and when to beat (daemon/harness/heartbeat.ts). One writer, the daemon; the supervisor maps it read-only. Every field is one aligned
 * word that is stored and loaded whole, so no two fields are ever promised to belong together; `magic` is stored last, when the
 * identity above it is complete.
 *
 *   byte  +0              +4              +8              +12             +16             +20             +24             +28
 *        +-------------------------------+---------------+---------------+---------------+---------------+-------------------------------+
 *      0 | magic "BLKHSTAT"              | version       | pid           | generation    | boot tag      | start ticks i64               |
 *        +-------------------------------+---------------+---------------+---------------+---------------+-------------------------------+
 *     32 | started, monotonic us i64     |                                     reserved, 0                                               |
 *        +---------------+---------------+-------------------------------+---------------+---------------+---------------+---------------+
 *     64 | beat          | phase         | beat, monotonic us i64        | loop lag us   | viewers       | last error    | exit code + 1 |
 *        +---------------+---------------+-------------------------------+---------------+---------------+---------------+---------------+
 *     96 | records in i64                | records out i64               | laps i64                      | recycle       |   reserved, 0 |
 *        +-------------------------------+-------------------------------+-------------------------------+---------------+---------------+
 *    128 | reserved, 0, to the end of the page                                                                                           |
 *        +-------------------------------------------------------------------------------------------------------------------------------+
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { BulkheadError, ERROR_KINDS, type ErrorKind } from '../../errors.ts';
import { createReserved, mapShared, type Region } from '../../ring/region.ts';

export const PAGE_BYTES = 4096;
const LAYOUT_VERSION = 1;
/** "BLKHSTAT" as one little-endian word: it is published with a single store. */
const MAGIC = Buffer.from('BLKHSTAT', 'latin1').readBigInt64LE();

// Identity: written once.
const MAGIC_AT = 0;
const VERSION_AT = MAGIC_AT + 8;
const PID_AT = VERSION_AT + 4;
const GENERATION_AT = PID_AT + 4;
const BOOT_TAG_AT = GENERATION_AT + 4;
const START_TICKS_AT = BOOT_TAG_AT + 4;
const STARTED_US_AT = START_TICKS_AT + 8;
// Health: a cache line that changes with every beat.
const BEAT_AT = 64;
const PHASE_AT = BEAT_AT + 4;
const BEAT_US_AT = PHASE_AT + 4;
const LOOP_LAG_US_AT = BEAT_US_AT + 8;
const VIEWERS_AT = LOOP_LAG_US_AT + 4;
const LAST_ERROR_AT = VIEWERS_AT + 4;
const EXIT_CODE_AT = LAST_ERROR_AT + 4;
// Work: counters.
const RECORDS_IN_AT = 96;
const RECORDS_OUT_AT = RECORDS_IN_AT + 8;
const LAPS_AT = RECORDS_OUT_AT + 8;
const RECYCLE_AT = LAPS_AT + 8;

/** What the daemon is doing, as it knows itself; a code is an index. New ones go to the end. */
const PHASES = ['started', 'initialising', 'ready', 'degraded', 'draining', 'stopping', 'ended'] as const;
export type Phase = (typeof PHASES)[number];

const U32_MAX = 2 ** 32 - 1;

/** The first 31 bits of a hash of the boot id: enough to see that a page is of another boot. */
export function bootTag(bootId: string): number {
  return createHash('sha256').update(bootId).digest().readUInt32LE(0) >>> 1;
}

export type PageOwner = {
  readonly pid: number;
  readonly generation: number;
  readonly bootTag: number;
  /** 0 where the platform does not say. */
  readonly startTicks: bigint;
  readonly startedUs: number;
};

/** The daemon's end. */
export class StatusPageWriter {
  readonly #region: Pick<Region, 'buffer' | 'close'>;
  readonly #words: Int32Array;
  readonly #longs: BigInt64Array;
  #recordsIn = 0;
  #recordsOut = 0;
  #laps = 0;
  #beat = 0;

  private constructor(region: Pick<Region, 'buffer' | 'close'>, owner: PageOwner) {
    this.#region = region;
    this.#words = new Int32Array(region.buffer);
    this.#longs = new BigInt64Array(region.buffer);
    this.#word(VERSION_AT, LAYOUT_VERSION);
    this.#word(PID_AT, owner.pid);
    this.#word(GENERATION_AT, owner.generation);
    this.#word(BOOT_TAG_AT, owner.bootTag);
    this.#long(START_TICKS_AT, owner.startTicks);
    this.#long(STARTED_US_AT, BigInt(owner.startedUs));
    // Pairs with the load of the magic in StatusPageReader.open.
    this.#long(MAGIC_AT, MAGIC);
  }

  /** Creates the page at `path`, in place of one that a process with the same name left behind. */
  static create(path: string, owner: PageOwner): StatusPageWriter {
    rmSync(path, { force: true });
    createReserved(path, PAGE_BYTES);
    return new StatusPageWriter(mapShared(path, PAGE_BYTES, 'write'), owner);
  }

  /** A page that nobody sees, for a daemon that must work where none can be made: a full tmpfs is not its only trouble then. */
  static unseen(owner: PageOwner): StatusPageWriter {
    const buffer = new ArrayBuffer(PAGE_BYTES);
    return new StatusPageWriter({ buffer, close: () => {} }, owner);
  }

  /** I live. `loopLagUs` = how late the main loop has been of late. */
  beat(nowUs: number, loopLagUs: number): void {
    this.#beat += 1;
    this.#word(LOOP_LAG_US_AT, loopLagUs);
    this.#long(BEAT_US_AT, BigInt(nowUs));
    // Last, so that who sees a new beat sees its time. Pairs with the load of the beat in StatusPageReader.sample.
    this.#word(BEAT_AT, this.#beat);
  }

  phase(phase: Phase): void {
    this.#word(PHASE_AT, PHASES.indexOf(phase));
  }

  input(count: number): void {
    this.#recordsIn += count;
    this.#long(RECORDS_IN_AT, BigInt(this.#recordsIn));
  }

  output(count: number): void {
    this.#recordsOut += count;
    this.#long(RECORDS_OUT_AT, BigInt(this.#recordsOut));
  }

  laps(count: number): void {
    this.#laps += count;
    this.#long(LAPS_AT, BigInt(this.#laps));
  }

  viewers(count: number): void {
    this.#word(VIEWERS_AT, count);
  }

  error(kind: ErrorKind | null): void {
    this.#word(LAST_ERROR_AT, kind === null ? 0 : ERROR_KINDS.indexOf(kind) + 1);
  }

  /** Left for a supervisor that is not the parent and so is not told by the kernel. */
  exitCode(code: number): void {
    this.#word(EXIT_CODE_AT, code + 1);
  }

  /** Asks to be replaced at the next good moment. */
  requestRecycle(): void {
    this.#word(RECYCLE_AT, 1);
  }

  close(): void {
    this.#region.close();
  }

  #word(atByte: number, value: number): void {
    Atomics.store(this.#words, atByte >> 2, Math.min(Math.max(Math.round(value), 0), U32_MAX) | 0);
  }

  #long(atByte: number, value: bigint): void {
    Atomics.store(this.#longs, atByte >> 3, value);
  }
}

/** A page as it is now. */
export type StatusSample = {
  readonly beat: number;
  /** CLOCK_MONOTONIC of the last beat, comparable across processes on Linux. */
  readonly beatUs: number;
  readonly phase: Phase;
  readonly loopLagUs: number;
  readonly viewers: number;
  readonly lastError: ErrorKind | null;
  /** null = it has not said that it is ending. */
  readonly exitCode: number | null;
  /** What there was to do: for a stream, records written to its ring. */
  readonly recordsIn: number;
  /** What was done of it. That it rises while there is input is what progress means (progress.ts). */
  readonly recordsOut: number;
  readonly laps: number;
  readonly recycleRequested: boolean;
};

/** The supervisor's end; it never writes. */
export class StatusPageReader {
  readonly owner: PageOwner;
  readonly #region: Region;
  readonly #words: Int32Array;
  readonly #longs: BigInt64Array;

  private constructor(region: Region) {
    this.#region = region;
    this.#words = new Int32Array(region.buffer);
    this.#longs = new BigInt64Array(region.buffer);
    this.owner = {
      pid: this.#word(PID_AT),
      generation: this.#word(GENERATION_AT),
      bootTag: this.#word(BOOT_TAG_AT),
      startTicks: Atomics.load(this.#longs, START_TICKS_AT >> 3),
      startedUs: this.#long(STARTED_US_AT),
    };
  }

  /** Throws `notFound`; `version` when the page is not of this layout, or not complete yet. */
  static open(path: string): StatusPageReader {
    const region = mapShared(path, PAGE_BYTES, 'read');
    const magic = Atomics.load(new BigInt64Array(region.buffer), MAGIC_AT >> 3);
    const version = Atomics.load(new Int32Array(region.buffer), VERSION_AT >> 2);
    if (magic !== MAGIC || version !== LAYOUT_VERSION) {
      region.close();
      throw new BulkheadError('version', `${path} is no status page of this version; restart its daemon.`, {
        context: { path },
      });
    }
    return new StatusPageReader(region);
  }

  sample(): StatusSample {
    const beat = this.#word(BEAT_AT);
    const error = this.#word(LAST_ERROR_AT);
    const exit = this.#word(EXIT_CODE_AT);
    return {
      beat,
      beatUs: this.#long(BEAT_US_AT),
      phase: PHASES[this.#word(PHASE_AT)] ?? 'started',
      loopLagUs: this.#word(LOOP_LAG_US_AT),
      viewers: this.#word(VIEWERS_AT),
      lastError: error === 0 ? null : (ERROR_KINDS[error - 1] ?? 'internal'),
      exitCode: exit === 0 ? null : exit - 1,
      recordsIn: this.#long(RECORDS_IN_AT),
      recordsOut: this.#long(RECORDS_OUT_AT),
      laps: this.#long(LAPS_AT),
      recycleRequested: this.#word(RECYCLE_AT) !== 0,
    };
  }

  close(): void {
    this.#region.close();
  }

  #word(atByte: number): number {
    return Atomics.load(this.#words, atByte >> 2) >>> 0;
  }

  #long(atByte: number): number {
    return Number(Atomics.load(this.#longs, atByte >> 3));
  }
}
