/**
 * A reader under stress, a process of its own. Checks every byte of every record it gets, and that each number is delivered once or lies in one
 * reported gap; says how far it is every 100 ms, and what it found when it is told to stop.
 *
 * - `fast` reads as soon as the bell rings;
 * - `slow` reads a few records and sleeps, so that it is lapped again and again;
 * - `edge` always goes for the record that is overwritten next, step by step, and counts the copies that only the second check threw away: without
 *   it each of them would have been a torn record.
 */
import { listenBell } from '../../runtime/ring/bell.ts';
import { READ_STEPS, createReadState, recheckIntent } from '../../runtime/ring/read-steps.ts';
import { RingReader } from '../../runtime/ring/reader.ts';
import { mapRing } from '../../runtime/ring/ring-file.ts';
import { slotEpoch, slotLength, slotMeta } from '../../runtime/ring/slot.ts';
import { findFault, tableOf } from './payload.ts';

export type Findings = {
  role: string;
  records: number;
  bytes: number;
  laps: number;
  corrupt: number;
  /** Copies that were whole by every check but the second one of the intents. */
  thrownAway: number;
  epochs: number;
  tables: number;
  /** The first few faults: torn records, numbers out of order, epochs that fall, tables that are not whole. */
  faults: string[];
};

const [role, path] = process.argv.slice(2);
const reader = RingReader.open(path!);
const found: Findings = {
  role: role!,
  records: 0,
  bytes: 0,
  laps: 0,
  corrupt: 0,
  thrownAway: 0,
  epochs: 0,
  tables: 0,
  faults: [],
};
let accounted = 0;
let epoch = 0;
let table = 0;
let afterGap = false;

function fault(text: string): void {
  if (found.faults.length < 10) found.faults.push(text);
}

/** One reading; false when there was nothing. */
function step(): boolean {
  const result = reader.read();
  if (result.type === 'empty') return false;
  if (result.type === 'gap') {
    if (result.from !== accounted + 1) fault(`gap from ${result.from} after ${accounted}`);
    if (result.to < result.from) fault(`a gap that does not move on at ${result.from}`);
    accounted = result.to;
    afterGap = true;
    return true;
  }
  const { record } = result;
  const wrong = findFault(record);
  if (wrong !== undefined) fault(wrong);
  if (record.seq !== accounted + 1) fault(`record ${record.seq} after ${accounted}`);
  if (record.epoch < epoch) fault(`epoch ${record.epoch} after ${epoch}`);
  if (record.epoch > epoch) found.epochs++;
  // The first record of an incarnation says that it is one; after a gap this one may be a later one.
  if (record.epoch > epoch && epoch !== 0 && !afterGap && !record.discontinuity) {
    fault(`record ${record.seq} begins epoch ${record.epoch} without a discontinuity`);
  }
  afterGap = false;
  epoch = record.epoch;
  if (record.tableVersion !== table) checkTable(record.tableVersion);
  accounted = record.seq;
  found.records++;
  found.bytes += record.payload.length;
  return true;
}

function checkTable(version: number): void {
  const got = reader.table(version);
  if (got === undefined) return; // a slow reader may come too late for it
  const text = Buffer.from(got.bytes).toString();
  const of = Number(/^epoch (\d+) /.exec(text)?.[1]);
  if (!tableOf(of).equals(got.bytes)) fault(`table ${version} is torn`);
  table = version;
  found.tables++;
}

let until: number | undefined;
function finish(): void {
  found.laps += reader.laps;
  found.corrupt += reader.corrupt;
  reader.close();
  process.stdout.write(`found ${JSON.stringify(found)}\n`, () => process.exit(0));
}

function fast(): void {
  while (step());
  if (until !== undefined && accounted >= until) finish();
}

function slow(): void {
  for (let record = 0; record < 4 && step(); record++);
  if (until === undefined) return;
  while (step());
  finish();
}

const ring = mapRing(path!, 'read').memory;
const state = createReadState();
/** How far behind the newest record the edge is by now. */
let behind = 1;

function edge(): void {
  for (let attempt = 0; attempt < 200; attempt++) {
    state.next = Math.max(1, reader.head - behind);
    let verdict = 'on';
    let last = READ_STEPS[0]!;
    for (const step of READ_STEPS) {
      last = step;
      verdict = step(ring, state);
      if (verdict !== 'on') break;
    }
    if (verdict === 'on') {
      behind++;
      found.records++;
      const { slot, copy, next: seq } = state;
      const payload = copy.subarray(0, slotLength(slot));
      found.bytes += payload.length;
      const wrong = findFault({ ...slotMeta(slot), seq, epoch: slotEpoch(slot), payload });
      if (wrong !== undefined) fault(wrong);
    } else if (verdict === 'lapped') {
      behind = Math.max(1, behind - 1);
      found.laps++;
      if (last === recheckIntent) found.thrownAway++;
    } else if (verdict === 'corrupt') {
      found.corrupt++;
    }
  }
  if (until !== undefined) finish();
}

if (role === 'fast') listenBell(path!, fast);
else setInterval(role === 'slow' ? slow : edge, role === 'slow' ? 10 : 2);
setInterval(() => console.log(`at ${found.records} ${accounted}`), 100);
process.stdin.once('data', (head) => {
  until = Number(head);
});
console.log('ready');
