/**
 * The journal: every event in a file before anybody hears of it, so that it outlives the supervisor.
 *
 * Belongs here: two files, appending, rotation, cutting off what is torn, going on without a disk. Does not belong here: what a line is
 * (journal-line.ts), and ids and listeners (events.ts). The run directory's lock makes us the only writer.
 *
 * A line that `write` has taken is safe from the death of this process; the disk itself is told once a second, so a power cut may cost the last second.
 * A disk that takes nothing costs no supervision: what it did not take waits in memory, bounded, and is written when it can be.
 */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { toBulkheadError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { encodeLine, scanLines, type JournalRecord } from './journal-line.ts';
import { ensurePrivateDirectory } from '../private-directory.ts';

/** A file that has reached either becomes the older one, and the one that was is dropped. */
const MOST_LINES = 5_000;
const MOST_BYTES = 4 << 20;
const SYNC_MS = 1_000;
/** Lines that may wait for a disk. */
const MOST_WAITING = 2_000;

export class Journal {
  readonly #directory: string;
  readonly #log: Logger;
  #fd: number | null = null;
  /** Of the file, all of it whole lines. */
  #sizeBytes = 0;
  #lines = 0;
  #waiting: string[] = [];
  #failed = false;
  #syncing: NodeJS.Timeout | null = null;
  #closed = false;

  private constructor(directory: string, log: Logger) {
    this.#directory = directory;
    this.#log = log;
  }

  /** Reads what is there, oldest first, and cuts off what is torn. Never throws: without a disk the journal begins empty. */
  static open(directory: string, log: Logger): { journal: Journal; records: JournalRecord[] } {
    const journal = new Journal(directory, log);
    const older = scanLines(read(journal.#path('older')) ?? Buffer.alloc(0));
    const bytes = read(journal.#path('newer'));
    const newer = scanLines(bytes ?? Buffer.alloc(0));
    // What cannot be read is not known to be torn, and is not cut.
    journal.#sizeBytes = bytes === null ? Infinity : newer.endBytes;
    journal.#lines = newer.lines;
    const damaged = older.damaged + newer.damaged;
    if (damaged > 0) log.error({ directory, damaged }, 'lines of the journal of events are damaged; they are left out');
    try {
      journal.#openFile();
    } catch (error) {
      journal.#fail(error);
    }
    return { journal, records: [...older.records, ...newer.records] };
  }

  /** Its file is so long that it should be rotated. */
  get full(): boolean {
    return this.#lines >= MOST_LINES || this.#sizeBytes >= MOST_BYTES;
  }

  /** Some of it is only in memory for now. */
  get behind(): boolean {
    return this.#waiting.length > 0;
  }

  append(record: JournalRecord): void {
    if (this.#closed) return;
    this.#waiting.push(encodeLine(record));
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
    try {
      this.#write();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Begins a new file with `first`. */
  rotate(first: JournalRecord): void {
    try {
      this.#letGo();
      renameSync(this.#path('newer'), this.#path('older'));
      this.#sizeBytes = 0;
      this.#lines = 0;
      this.append(first);
    } catch (error) {
      this.#fail(error);
    }
  }

  close(): void {
    this.#closed = true;
    if (this.#syncing !== null) clearTimeout(this.#syncing);
    try {
      if (this.#fd !== null) fdatasyncSync(this.#fd);
    } catch (error) {
      this.#log.warn({ err: error }, 'the journal of events may not be on the disk');
    }
    this.#letGo();
  }

  #path(which: 'newer' | 'older'): string {
    return join(this.#directory, which === 'newer' ? 'journal.jsonl' : 'journal.1.jsonl');
  }

  #openFile(): number {
    ensurePrivateDirectory(this.#directory);
    const fd = openSync(this.#path('newer'), 'a', 0o600);
    try {
      // A line that was begun and not ended: by a supervisor before us, or by a write of ours that failed.
      const { size } = fstatSync(fd);
      if (size > this.#sizeBytes) ftruncateSync(fd, this.#sizeBytes);
      else this.#sizeBytes = size;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.#fd = fd;
    return fd;
  }

  #write(): void {
    const fd = this.#fd ?? this.#openFile();
    const bytes = Buffer.from(this.#waiting.join(''));
    for (let from = 0; from < bytes.length;) from += writeSync(fd, bytes, from);
    this.#sizeBytes += bytes.length;
    this.#lines += this.#waiting.length;
    this.#waiting = [];
    if (this.#failed) this.#log.warn('the journal of events can be written again');
    this.#failed = false;
    this.#syncSoon(fd);
  }

  #syncSoon(fd: number): void {
    this.#syncing ??= setTimeout(() => {
      this.#syncing = null;
      if (fd === this.#fd) fdatasync(fd, () => {});
    }, SYNC_MS).unref();
  }

  /** The next append opens the file anew, which cuts off what was written half. */
  #fail(error: unknown): void {
    this.#letGo();
    if (this.#failed) return;
    this.#failed = true;
    const err = toBulkheadError(error, 'writing the journal of events', { path: this.#directory });
    this.#log.error(
      { err },
      'events are kept in memory only: make room for them, or the next start will not know them',
    );
  }

  #letGo(): void {
    if (this.#fd === null) return;
    try {
      closeSync(this.#fd);
    } catch {
      // What a disk says last about bytes that it took before cannot be acted on.
    }
    this.#fd = null;
  }
}

/** Null = there is something that cannot be read. */
function read(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    return (error as { code?: unknown }).code === 'ENOENT' ? Buffer.alloc(0) : null;
  }
}
