/**
 * The ring as a file: looking at one, making one, taking one over.
 *
 * Belongs here: what may be re-attached and what must be replaced, and the only way to replace (a new file and a rename; a ring file is
 * never truncated or rewritten, because readers have it mapped). Does not belong here: locks (the writer holds one before it calls) and records.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { BulkheadError, toBulkheadError } from '../errors.ts';
import {
  EPOCH_AT,
  type Geometry,
  HEADER_AT,
  HEADER_BYTES,
  HEAD_AT,
  HEARTBEAT_AT,
  type Header,
  INTENT_POS_AT,
  INTENT_SEQ_AT,
  LAST_KEY_AT,
  PID_AT,
  TABLE_INTENT_AT,
  TABLE_VERSION_AT,
  decodeHeader,
  encodeHeader,
  fileBytes,
  sameGeometry,
} from './layout.ts';
import { type RingMemory, loadWord, viewRing } from './memory.ts';
import { bootTag } from './process-identity.ts';
import { type FileIdentity, type Region, createReserved, fileAt, fileOf, mapShared, sameFile } from './region.ts';

/** A ring as it lies on disk. */
export type FoundRing = {
  readonly header: Header;
  readonly file: FileIdentity;
  /** Of its last writer. */
  readonly epoch: number;
  readonly pid: number;
};

export type MappedRing = { readonly region: Region; readonly memory: RingMemory; readonly header: Header };

/**
 * The header of the ring at a path. Throws `notFound`, `corrupt` (also for a file that is shorter than its header says), `version`.
 * Through `read`, not through a mapping: a file that is too short must not be a SIGBUS.
 */
export function readHeader(path: string): FoundRing {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)); // a FIFO must not hold us
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw toBulkheadError(thrown, `opening ${path}`, { path });
    throw new BulkheadError(
      'notFound',
      `There is no ring at ${path}: its writer has not started yet, or it was removed.`,
      {
        context: { path },
        cause: thrown,
      },
    );
  }
  try {
    if (!fstatSync(descriptor).isFile())
      throw new BulkheadError('invalid', `${path} is not a file.`, { context: { path } });
    const start = Buffer.alloc(PID_AT + 4);
    const got = readSync(descriptor, start, 0, start.length, 0);
    const header = decodeHeader(start.subarray(0, Math.min(got, HEADER_BYTES)), path);
    const file = fileOf(descriptor);
    if (file.sizeBytes < fileBytes(header)) {
      throw new BulkheadError(
        'corrupt',
        `${path} has ${file.sizeBytes} bytes, its header says ${fileBytes(header)}. Restart its writer; it will make a new ring.`,
        { context: { path } },
      );
    }
    return { header, file, epoch: start.readUInt32LE(EPOCH_AT), pid: start.readUInt32LE(PID_AT) };
  } finally {
    closeSync(descriptor);
  }
}

/** Maps the ring at a path. Throws what `readHeader` throws. */
export function mapRing(path: string, access: 'read' | 'write'): MappedRing {
  for (;;) {
    const { header, file } = readHeader(path);
    let region: Region;
    try {
      region = mapShared(path, fileBytes(header), access);
    } catch (thrown) {
      if (sameFile(fileAt(path), file)) throw thrown;
      continue; // replaced between the two looks
    }
    if (sameFile(region.file, file)) return { region, memory: viewRing(region.buffer, header), header };
    region.close();
  }
}

/**
 * The ring for a writer that holds the lock: the one that is there when it fits and is sound, else a new one in its place.
 * `epoch` is that of the previous writer, 0 when there was none.
 */
export function openForWriting(path: string, geometry: Geometry): MappedRing & { readonly reattached: boolean } {
  const found = inspect(path);
  if (found !== undefined && mayReattach(found.header, geometry)) {
    const ring = mapRing(path, 'write');
    if (countersAreSound(ring.memory)) return { ...ring, reattached: true };
    ring.region.close();
  }
  replaceRing(path, geometry, found?.epoch ?? 0);
  return { ...mapRing(path, 'write'), reattached: false };
}

/** What is there, if it is a ring at all. Damaged and foreign files are replaced; their readers see another inode. */
function inspect(path: string): FoundRing | undefined {
  try {
    return readHeader(path);
  } catch (thrown) {
    const replaceable = thrown instanceof BulkheadError && ['notFound', 'corrupt', 'version'].includes(thrown.kind);
    if (!replaceable) throw thrown;
    return undefined;
  }
}

function mayReattach(header: Header, geometry: Geometry): boolean {
  return sameGeometry(header, geometry) && header.bootTag === bootTag();
}

/** What no sequence of steps, however it was cut off, leaves otherwise. */
function countersAreSound(ring: RingMemory): boolean {
  // All of these were stored by a writer that is dead: its stores arrived before its lock was free.
  const head = loadWord(ring, HEAD_AT);
  const begun = loadWord(ring, INTENT_SEQ_AT) - head;
  const pos = loadWord(ring, INTENT_POS_AT);
  const key = loadWord(ring, LAST_KEY_AT);
  const table = loadWord(ring, TABLE_VERSION_AT);
  const tableBegun = loadWord(ring, TABLE_INTENT_AT) - table;
  // Where the boot is unknown: a clock that ran further than ours belongs to an earlier one.
  const beat = loadWord(ring, HEARTBEAT_AT);
  return (
    [head, pos, key, table].every((word) => word >= 0 && Number.isSafeInteger(word)) &&
    (begun === 0 || begun === 1) &&
    (tableBegun === 0 || tableBegun === 1) &&
    key <= head &&
    head <= pos &&
    beat <= Number(process.hrtime.bigint() / 1000n)
  );
}

/** A new, empty ring under the path, in one rename. Throws `exhausted` and leaves what was there. */
function replaceRing(path: string, geometry: Geometry, previousEpoch: number): void {
  const fresh = `${path}.tmp`; // ours alone: we hold the lock
  rmSync(fresh, { force: true });
  createReserved(fresh, fileBytes(geometry));
  try {
    const header = encodeHeader({
      ...geometry,
      ringId: randomBytes(16).toString('hex'),
      createdMs: Date.now(),
      bootTag: bootTag(),
    });
    const epoch = Buffer.alloc(4);
    epoch.writeUInt32LE(previousEpoch);
    const descriptor = openSync(fresh, 'r+');
    try {
      writeSync(descriptor, header, 0, header.length, HEADER_AT);
      writeSync(descriptor, epoch, 0, epoch.length, EPOCH_AT);
    } finally {
      closeSync(descriptor);
    }
    renameSync(fresh, path);
  } catch (thrown) {
    rmSync(fresh, { force: true });
    throw toBulkheadError(thrown, `creating the ring ${path}`, { path });
  }
}
