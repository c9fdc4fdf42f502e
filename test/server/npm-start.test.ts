/** `npm start` as a service manager and a terminal end it: a signal reaches the product through npm, and the exit code is 0. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { eventually, freePorts } from '../support/host.ts';
import { pathsOf } from '../../runtime/paths.ts';

const root = path.resolve(__dirname, '../..');
let home: string;
let npm: ChildProcess;
let output = '';

beforeEach(async () => {
  home = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-npm-'));
  const [port, live] = await freePorts(2);
  const flows = [
    { id: 'tab', type: 'tab', label: 'Cameras' },
    { id: 'c', z: 'tab', x: 1, y: 1, type: 'bulkhead-camera', channel: 'one', source: 'test', wires: [['s']] },
    { id: 's', z: 'tab', x: 2, y: 1, type: 'bulkhead-stream', number: 1, port: live, wires: [] },
  ];
  writeFileSync(path.join(home, 'flows.json'), JSON.stringify(flows));
  output = '';
  npm = spawn('npm', ['start', '--', '--home', home, '--port', String(port)], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [npm.stdout, npm.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await eventually('the channel is live', () =>
    fetch(`http://127.0.0.1:${live}/health`)
      .then(async (answer) => ((await answer.json()) as { state: string }).state === 'live')
      .catch(() => false),
  );
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Every process that has the home in its command line, and what lies in memory for it. */
function remains(): string[] {
  const processes = readdirSync('/proc').filter((entry) => {
    try {
      return /^\d+$/.test(entry) && readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes(home);
    } catch {
      return false;
    }
  });
  const state = readdirSync(path.join(home, 'run')).filter(
    (file) => !/^(supervisor\.lock|generations\.json)$/.test(file),
  );
  const rings = path.basename(pathsOf(home).rings);
  return [...processes, ...state, ...readdirSync('/dev/shm').filter((folder) => folder === rings)];
}

test('SIGTERM to npm ends everything with exit code 0', async () => {
  const ended = once(npm, 'exit');
  process.kill(npm.pid!, 'SIGTERM');
  expect({ exit: await ended, output }).toMatchObject({ exit: [0, null] });
  expect(remains()).toEqual([]);
});

test("a terminal's Ctrl+C, which reaches npm and Node, ends everything with exit code 0", async () => {
  const ended = once(npm, 'exit');
  process.kill(-npm.pid!, 'SIGINT');
  expect({ exit: await ended, output }).toMatchObject({ exit: [0, null] });
  expect(remains()).toEqual([]);
});
