/**
 * What a line of the journal of events is: JSON that ends with the CRC-32 of everything before it, so that `jq` reads it, and a line that a power cut or a bad
 * disk has damaged is known.
 *
 *   {"id":1795300000000000,"time":1795300000000,"type":"daemon.exited",...,"crc":"5f2d9c01"}\n
 *
 * Belongs here: text to records and back. Pure. Does not belong here: files (journal.ts), and what is concluded from records (recollection.ts).
 */
import { crc32 } from 'node:zlib';
import { tryParse } from '../../message/parse.ts';
import { memorySchema, type Memory } from './recollection.ts';
import type { BulkheadEvent } from '../view.ts';

export type JournalRecord =
  /** `number` = which of its daemon's own events it is; null for one that the supervisor told. */
  | { readonly type: 'event'; readonly event: BulkheadEvent; readonly number: number | null }
  /** What is to be remembered of everything before: begins a file, so that older ones may go. */
  | { readonly type: 'memory'; readonly memory: Memory }
  /** A daemon that is not wanted any more: nothing that was before is to be remembered of it. */
  | { readonly type: 'forgotten'; readonly id: string };

/** `,"crc":"01234567"}` */
const SEAL = /^,"crc":"([0-9a-f]{8})"\}$/;
const SEAL_LENGTH = ',"crc":"01234567"}'.length;
const NEWLINE = 0x0a;

/** One line, its newline included. */
export function encodeLine(record: JournalRecord): string {
  const json = JSON.stringify(contents(record));
  return `${json.slice(0, -1)},"crc":"${checksum(json)}"}\n`;
}

function contents(record: JournalRecord): object {
  if (record.type === 'memory') return { memory: record.memory };
  if (record.type === 'forgotten') return { forgotten: record.id };
  return { ...record.event, ...(record.number === null ? {} : { number: record.number }) };
}

/** The record of a line without its newline; null when it is damaged, or whole and of a kind that this version does not know. */
export function decodeLine(line: string): { readonly whole: boolean; readonly record: JournalRecord | null } {
  const seal = SEAL.exec(line.slice(-SEAL_LENGTH));
  const json = `${line.slice(0, -SEAL_LENGTH)}}`;
  if (seal === null || checksum(json) !== seal[1]) return { whole: false, record: null };
  return { whole: true, record: understand(JSON.parse(json) as Record<string, unknown>) };
}

/** The seal says that we wrote it. Which version of us it does not say, so the shape is looked at; by hand, because a start waits for 10,000 of them. */
function understand(value: Record<string, unknown>): JournalRecord | null {
  if ('memory' in value) {
    const memory = tryParse(memorySchema, value['memory']);
    return memory.success ? { type: 'memory', memory: memory.output } : null;
  }
  if (typeof value['forgotten'] === 'string') return { type: 'forgotten', id: value['forgotten'] };
  const { number = null, ...event } = value as { readonly number?: number } & BulkheadEvent;
  const known =
    typeof event.id === 'number' &&
    typeof event.time === 'number' &&
    typeof event.type === 'string' &&
    typeof event.channel === 'string' &&
    typeof event.daemon?.id === 'string' &&
    typeof event.detail === 'object';
  return known ? { type: 'event', event, number } : null;
}

/**
 * The records of a file. `endBytes` = where its last whole line ends: what follows is torn and may be cut off. `damaged` = lines before it that cannot be read;
 * each stands for itself, so the others are kept.
 */
export function scanLines(bytes: Buffer): {
  records: JournalRecord[];
  endBytes: number;
  lines: number;
  damaged: number;
} {
  const records: JournalRecord[] = [];
  let [endBytes, lines, damaged, damagedSince] = [0, 0, 0, 0];
  for (let from = 0; ;) {
    const newline = bytes.indexOf(NEWLINE, from);
    if (newline === -1) return { records, endBytes, lines, damaged };
    const { whole, record } = decodeLine(bytes.toString('utf8', from, newline));
    from = newline + 1;
    if (!whole) {
      damagedSince += 1;
      continue;
    }
    endBytes = from;
    lines += 1;
    damaged += damagedSince;
    damagedSince = 0;
    if (record !== null) records.push(record);
  }
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
