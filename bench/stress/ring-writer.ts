/**
 * The writer under stress, a process of its own: loads, says `standby`, and on `go` writes until it is killed. Bursts of records, as a camera sends
 * them, with pauses in which it hears `hurry` (no pause for some milliseconds, so that a kill is likely to hit it inside a write) and `stop`.
 */
import { openBell } from '../../runtime/ring/bell.ts';
import { RingWriter } from '../../runtime/ring/writer.ts';
import { contentOf, metaOf, tableOf } from './payload.ts';

const [path, slots, dataBytes] = process.argv.slice(2);
const BURST = 16;
const PIECES = 12;

function run(): void {
  const writer = RingWriter.open({ path: path!, slots: Number(slots), dataBytes: Number(dataBytes) });
  const bell = openBell(path!);
  writer.setTable(tableOf(writer.epoch));
  console.log(`attached ${writer.epoch}`);

  const burst = (): void => {
    for (let record = 0; record < BURST; record++) {
      const seq = writer.head + 1;
      const content = contentOf(seq, writer.epoch);
      // in pieces, as access units come
      const size = Math.ceil(content.length / PIECES);
      const pieces = Array.from({ length: PIECES }, (_, index) => content.subarray(index * size, (index + 1) * size));
      writer.write(metaOf(seq), pieces);
      bell.ring();
    }
    writer.heartbeat();
  };
  const timer = setInterval(burst, 1);
  process.stdin.on('data', (word) => {
    if (word.toString() === 'hurry') {
      for (let more = 0; more < 12; more++) burst();
      return;
    }
    clearInterval(timer);
    bell.close();
    writer.close();
    process.stdin.destroy();
  });
}

console.log('standby');
process.stdin.once('data', run);
