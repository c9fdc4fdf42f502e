/** `bulkhead stop`, and its `npm stop`: whatever there was to end is ended, and whoever asked is told. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathsOf } from '../../runtime/paths.ts';
import { cameraFlows, freePorts, Host } from '../support/host.ts';
import { exists } from '../support/supervised.ts';

const COMMAND = path.resolve(__dirname, '../../dist/runtime/server/main.js');

async function run(program: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(program, args, { cwd: path.resolve(__dirname, '../..'), stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

const stop = (home: string) => run(process.execPath, [COMMAND, 'stop', '--home', home]);

let host: Host;
let pids: number[];
beforeEach(async () => {
  host = await Host.start();
  const [port] = await freePorts(1);
  await host.deploy(cameraFlows([{ channel: 'one', port: port!, camera: { source: 'test' } }]));
  const channels = await host.live('one');
  pids = channels.flatMap(({ daemons }) => daemons.flatMap(({ pid }) => pid ?? []));
});
afterEach(() => host.remove());

function remains(): unknown[] {
  const kept = readdirSync(path.join(host.home, 'run')).filter((name) => name.endsWith('.sock') || name.includes('_'));
  return [...pids.filter(exists), ...kept, ...(existsSync(pathsOf(host.home).rings) ? ['rings'] : [])];
}

test('stop ends a Bulkhead that runs, with everything that it runs', async () => {
  const { pid } = host;
  expect(pids).toHaveLength(2);
  expect(await run('npm', ['stop', '--silent', '--', '--home', host.home])).toEqual({
    code: 0,
    output: `Stopped process ${pid}, and everything that it ran.\n`,
  });
  expect(await host.stop()).toBe(0);
  expect(remains()).toEqual([]);
});

test('stop ends the daemons that a killed Bulkhead left behind', async () => {
  await host.stop('SIGKILL');
  expect(pids.filter(exists)).toHaveLength(2);
  expect(await stop(host.home)).toEqual({
    code: 0,
    output: `Ended 2 daemons that had been left behind in ${host.home}.\n`,
  });
  expect(remains()).toEqual([]);
});

test('where nothing runs, stop says so and makes nothing', async () => {
  await host.stop();
  expect(await stop(host.home)).toEqual({ code: 0, output: `Nothing runs in ${host.home}.\n` });
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-stop-'));
  const nowhere = path.join(folder, 'nowhere');
  expect(await stop(nowhere)).toEqual({ code: 0, output: `Nothing runs in ${nowhere}.\n` });
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});
