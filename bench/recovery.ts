/**
 * How soon a viewer sees a fresh picture after a daemon of its channel was killed: `npm run bench:recovery`.
 *
 * Starts the product with two channels of the test camera, watches both, and kills the first one's stream daemon (or `--daemon capture`) again and
 * again, `--trials` times. A viewer that lost its connection dials again every few milliseconds. Fresh = a picture that was captured after the
 * kill, by more than a frame: live pictures carry the machine's monotonic time, and the test camera's may be a little ahead of it. Says as well what
 * the other channel lost, and how often the port refused.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { monotonicUs } from '../runtime/clock.ts';
import { cameraFlows, eventually, freePorts, Host } from '../test/support/host.ts';
import { watchRing } from '../test/support/ring-watch.ts';
import { readFragment, readTracks } from '../ui/player/mp4-times.ts';
import { describeMachine, numberOption, percentiles, table } from './report.ts';

const TRIALS = numberOption('trials', 30);
const at = process.argv.indexOf('--daemon');
const kind = at < 0 ? 'stream' : process.argv[at + 1];
if (kind !== 'stream' && kind !== 'capture') throw new Error('--daemon is stream or capture');
const REDIAL_MS = 5;
const FRAME_US = 1e6 / 15;

/** A viewer that never gives up, and what it saw. */
class Viewer {
  refused = 0;
  /** When the newest picture was captured, in microseconds of the monotonic clock. */
  newestUs = 0;
  readonly #url: string;
  #socket: WebSocket | undefined;
  #closed = false;

  constructor(url: string) {
    this.#url = url;
    this.#dial();
  }

  close(): void {
    this.#closed = true;
    this.#socket?.terminate();
  }

  #dial(): void {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    let tracks: ReturnType<typeof readTracks> | undefined;
    socket.on('message', (bytes: Buffer, isBinary) => {
      if (!isBinary) tracks = undefined;
      else if (!tracks) tracks = readTracks(bytes);
      else {
        const time = readFragment(bytes, tracks);
        if (time && tracks.get(time.track)?.kind === 'video')
          this.newestUs = Math.max(this.newestUs, time.seconds * 1e6);
      }
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') this.refused += 1;
    });
    socket.on('close', () => {
      if (!this.#closed) setTimeout(() => this.#dial(), REDIAL_MS);
    });
  }
}

/** Kills the daemon that is there now, and not the one that was killed before; gives milliseconds and whom it killed. */
async function trial(host: Host, viewer: Viewer, lastPid: number | null): Promise<{ ms: number; pid: number }> {
  const victim = await eventually('the victim is well', async () => {
    const channel = await host.channel('victim');
    const daemon = channel?.daemons.find((one) => one.kind === kind);
    const isWell =
      daemon?.state === 'ready' &&
      daemon.pid !== lastPid &&
      (daemon.uptimeMs ?? 0) > 11_000 &&
      channel?.state === 'live';
    return isWell && daemon;
  });
  await sleep(Math.random() * 1000);
  const killedUs = monotonicUs();
  process.kill(victim.pid!, 'SIGKILL');
  while (viewer.newestUs <= killedUs + FRAME_US) await sleep(1);
  return { ms: (monotonicUs() - killedUs) / 1000, pid: victim.pid! };
}

console.log(describeMachine());
const host = await Host.start();
const ports = await freePorts(2);
const viewers: Viewer[] = [];
try {
  await host.deploy(
    cameraFlows([
      { channel: 'victim', port: ports[0]!, camera: { source: 'test' } },
      { channel: 'other', port: ports[1]!, camera: { source: 'test' } },
    ]),
  );
  await host.live('victim', 'other');
  viewers.push(...ports.map((port) => new Viewer(`ws://127.0.0.1:${port}/live.ws`)));
  await eventually('pictures', () => viewers.every(({ newestUs }) => newestUs > 0));
  const other = watchRing(host.ringOf('tab', 'camera-other'));
  const before = await host.channel('other');
  const times: number[] = [];
  for (let n = 0, lastPid: number | null = null; n < TRIALS; n += 1) {
    const { ms, pid } = await trial(host, viewers[0]!, lastPid);
    times.push(ms);
    lastPid = pid;
  }
  const after = await host.channel('other');
  console.log(
    `\nSIGKILL of the ${kind} daemon, each after at least 11 s of health, to a fresh picture at a viewer, ms\n`,
  );
  console.log(table([percentiles(times)]));
  console.log(`\nconnections refused: ${viewers[0]!.refused}`);
  console.log(
    `packets that the other channel lost: ${other.gaps.length === 0 ? 0 : other.gaps.join('; ')} of ${other.count}`,
  );
  const pids = (channel: typeof before): string => channel!.daemons.map(({ pid }) => pid).join(' ');
  console.log(`daemons of the other channel are the same: ${pids(before) === pids(after) ? 'yes' : 'NO'}`);
  other.close();
} finally {
  for (const viewer of viewers) viewer.close();
  await host.remove();
}
console.log(describeMachine());
