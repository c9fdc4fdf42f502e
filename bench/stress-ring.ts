/**
 * `npm run stress:ring -- [--records N] [--kills N] [--seconds N]`: the ring under a writer that is killed again and again. Ends with code 1 when a
 * torn record was accepted, a number was lost, doubled or out of order, or an intact record was called corrupt.
 */
import { describeMachine, numberOption, table } from './report.ts';
import { runStress } from './stress/run-stress.ts';

const records = numberOption('records', 500_000);
const kills = numberOption('kills', 300);
const seconds = numberOption('seconds', 0);

console.log(describeMachine());
let shownMs = 0;
const result = await runStress({
  records,
  kills,
  seconds,
  onProgress: (line) => {
    if (performance.now() - shownMs < 2000) return;
    shownMs = performance.now();
    console.log(line);
  },
});
console.log(
  `\n${result.kills} writers killed, ${result.insideWrite} of them inside a write; ${result.head} records committed in ${result.seconds.toFixed(1)} s\n`,
);
console.log(
  table(
    result.readers.map(({ faults, bytes, ...reader }) => ({
      ...reader,
      MiB: (bytes / 2 ** 20).toFixed(0),
      faults: faults.length,
    })),
  ),
);
const faults = result.readers.flatMap((reader) => reader.faults.map((fault) => `${reader.role}: ${fault}`));
const corrupt = result.readers.reduce((sum, reader) => sum + reader.corrupt, 0);
for (const fault of faults) console.log(fault);
console.log(faults.length + corrupt === 0 ? '\n0 torn records accepted' : '\nFAILED');
process.exitCode = faults.length + corrupt === 0 ? 0 : 1;
