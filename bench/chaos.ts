/**
 * Random faults on random daemons, and whether every promise still held: `npm run chaos -- --minutes 10 [--channels 8] [--seed N] [--apart MS]`.
 *
 * Prints every fault and a summary, and ends with 1 when a promise was broken. The same seed gives the same faults in the same order; what they meet depends on
 * the machine. Does not belong here: the run itself (chaos/).
 */
import { runChaos } from './chaos/run-chaos.ts';
import type { Strike } from './chaos/strike.ts';
import { describeMachine, numberOption } from './report.ts';

const minutes = numberOption('minutes', 10);
const channels = numberOption('channels', 8);
const seed = numberOption('seed', Math.floor(Math.random() * 2 ** 32));
const apartMs = numberOption('apart', 1_500);

function say({ verb, target, channel, pid, atMs }: Strike): void {
  const whom = channel === null ? target : `${target} of ${channel}`;
  const time = new Date(atMs).toISOString().slice(11, 23);
  console.log(`${time}  ${verb} ${whom}${channel !== null && pid === null ? ' (which was not there)' : ''}`);
}

console.log(describeMachine());
console.log(`${minutes} min of faults on ${channels} channels, seed ${seed}`);
const { strikes, exits, packets, broken } = await runChaos({
  channels,
  durationMs: minutes * 60_000,
  seed,
  apartMs,
  say,
});

const counts = new Map<string, number>();
for (const { verb, target, channel, pid } of strikes) {
  const name = channel !== null && pid === null ? 'missed' : `${verb} ${target}`;
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
const listed = (map: ReadonlyMap<string, number>): string =>
  [...map].map(([name, count]) => `${count} x ${name}`).join(', ');
console.log(`\n${strikes.length} faults: ${listed(counts)}`);
console.log(`ends of daemons by reason: ${listed(exits)}`);
console.log(`${packets} packets read from ${channels} rings`);
for (const one of broken) console.log(`BROKEN: ${one}`);
console.log(
  broken.length === 0 ? `every promise held (seed ${seed})` : `${broken.length} promises broken (seed ${seed})`,
);
console.log(describeMachine());
process.exit(broken.length === 0 ? 0 : 1);
