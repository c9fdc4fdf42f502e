/**
 * What a channel costs: `npm run bench:footprint`. Starts the product with `--channels` test cameras, takes private memory and processor time of every
 * daemon as the supervisor measures them, first without viewers, then with `--viewers` on each channel.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { cameraFlows, freePorts, Host } from '../test/support/host.ts';
import { describeMachine, numberOption, percentile, table } from './report.ts';

const CHANNELS = numberOption('channels', 2);
const VIEWERS = numberOption('viewers', 4);
const camera = process.argv.indexOf('--camera');
const source = camera < 0 ? { source: 'test' } : { source: 'rtsp', url: process.argv[camera + 1] };
/** The supervisor samples every 5 s; the first minute is warming up. */
const WARM_MS = numberOption('warm', 40) * 1000;
const SAMPLES = 6;

type Row = Record<string, string>;

async function measure(host: Host, viewers: number): Promise<Row[]> {
  const memory = new Map<string, number[]>();
  const cpu = new Map<string, number[]>();
  for (let n = 0; n < SAMPLES; n += 1) {
    await sleep(5000);
    for (const { kind, privateBytes, cpuPercent } of (await host.channels()).flatMap(({ daemons }) => daemons)) {
      if (privateBytes !== null) memory.set(kind, [...(memory.get(kind) ?? []), privateBytes / 2 ** 20]);
      if (cpuPercent !== null) cpu.set(kind, [...(cpu.get(kind) ?? []), cpuPercent]);
    }
  }
  return [...memory.keys()].toSorted().map((kind) => ({
    daemon: kind,
    'viewers each': String(viewers),
    'private MiB, median': percentile(memory.get(kind)!, 0.5).toFixed(1),
    'private MiB, max': percentile(memory.get(kind)!, 1).toFixed(1),
    'CPU % of a core, median': percentile(cpu.get(kind) ?? [], 0.5).toFixed(1),
  }));
}

console.log(describeMachine());
const host = await Host.start();
const sockets: WebSocket[] = [];
try {
  const names = Array.from({ length: CHANNELS }, (_, index) => `channel-${index + 1}`);
  const ports = await freePorts(CHANNELS);
  await host.deploy(cameraFlows(names.map((channel, index) => ({ channel, port: ports[index]!, camera: source }))));
  await host.live(...names);
  await sleep(WARM_MS);
  const rows = await measure(host, 0);
  for (const port of ports) {
    for (let n = 0; n < VIEWERS; n += 1) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/live.ws`);
      socket.on('message', () => {});
      socket.on('error', (error) => console.error(error.message));
      sockets.push(socket);
    }
  }
  await sleep(5000);
  rows.push(...(await measure(host, VIEWERS)));
  console.log(`\n${CHANNELS} channels\n\n${table(rows)}\n`);
} finally {
  for (const socket of sockets) socket.terminate();
  await host.remove();
}
console.log(describeMachine());
