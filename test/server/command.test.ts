/** The `bulkhead` command as a person meets it: the first start, the second, what goes wrong, and how it ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { pathsOf } from '../../runtime/paths.ts';
import { eventually, freePorts } from '../support/host.ts';

const COMMAND = path.resolve(__dirname, '../../dist/runtime/server/main.js');

type Run = {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
  /** Resolves with the output when the banner is there. */
  readonly running: () => Promise<string>;
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>;
};

let folder: string;
const started: Run[] = [];

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-command-'));
});
afterEach(async () => {
  for (const run of started.splice(0)) await run.stop();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Run {
  const child = spawn(process.execPath, [COMMAND, ...args], {
    env: { ...process.env, BULKHEAD_ADMIN_PASSWORD: undefined, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const run: Run = {
    child,
    output: () => text,
    ended,
    running: () =>
      eventually('the banner', () => {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${text}`);
        return text.includes('is running') && text.includes('Home') && text;
      }),
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return ended;
    },
  };
  started.push(run);
  return run;
}

/** A home of its own and a free port. The default flow wants port 8101 as well: these tests run one after the other. */
async function newHome(name: string): Promise<{ home: string; args: string[]; port: number }> {
  const home = path.join(folder, name);
  const [port = 0] = await freePorts(1);
  return { home, args: ['--home', home, '--port', String(port)], port };
}

async function token(port: number, password: string): Promise<string | undefined> {
  const body = new URLSearchParams({ client_id: 'node-red-admin', grant_type: 'password', scope: '*' });
  body.set('username', 'admin');
  body.set('password', password);
  const answer = await fetch(`http://127.0.0.1:${port}/auth/token`, { method: 'POST', body });
  return answer.ok ? ((await answer.json()) as { access_token: string }).access_token : undefined;
}

/** A request with headers that `fetch` does not let anybody set. */
async function status(port: number, route: string, headers: IncomingHttpHeaders, method = 'GET'): Promise<number> {
  const call = request({ host: '127.0.0.1', port, path: route, method, headers: headers as never });
  call.end();
  return new Promise((resolve, reject) => {
    call.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response.statusCode ?? 0);
    });
    call.on('error', reject);
  });
}

test('the first start says where to look and shows a password once; it opens the editor, and a wrong one does not', async () => {
  const { home, args, port } = await newHome('first');
  const first = start(args);
  const text = await first.running();
  expect(text).toContain(`http://127.0.0.1:${port}/`);
  expect(text).toContain('http://127.0.0.1:8101/   Test camera');
  const password = /Password\s+(\S+)/.exec(text)?.[1] ?? '';

  expect(await token(port, `${password}x`)).toBeUndefined();
  const bearer = await token(port, password);
  const flows = await fetch(`http://127.0.0.1:${port}/flows`, { headers: { Authorization: `Bearer ${bearer}` } });
  expect(await flows.json()).toContainEqual(
    expect.objectContaining({ type: 'bulkhead-camera', channel: 'test-camera' }),
  );

  expect(await first.stop()).toBe(0);
  const second = start(args);
  expect(await second.running()).not.toMatch(/password/i);
  expect(second.output()).not.toContain(password);
  expect(await token(port, password)).toEqual(expect.any(String));
  expect(statSync(home).mode & 0o077).toBe(0);
});

test('everything but health asks who is there', async () => {
  const { args, port } = await newHome('closed');
  await start(args).running();
  const routes = ['/flows', '/settings', '/nodes', '/bulkhead/api/channels', '/bulkhead/api/events', '/icons'];
  for (const route of routes) expect([route, await status(port, route, {})]).toEqual([route, 401]);
  for (const route of ['/bulkhead/api/probe', '/bulkhead/api/channels/test-camera/restart', '/flows']) {
    expect([route, await status(port, route, {}, 'POST')]).toEqual([route, 401]);
  }
  expect(await status(port, '/bulkhead/health', {})).toBe(200);
});

test('other sites are kept out: by their name, by their origin, on WebSockets as well', async () => {
  const { args, port } = await newHome('guarded');
  await start(args).running();
  const own = `127.0.0.1:${port}`;
  expect(await status(port, '/', { host: own })).toBe(200);
  expect(await status(port, '/', { host: 'rebound.example' })).toBe(403);
  expect(await status(port, '/bulkhead/health', { host: own, origin: 'http://evil.example' })).toBe(403);
  expect(await status(port, '/auth/token', { host: own, origin: 'null' }, 'POST')).toBe(403);

  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.alloc(16).toString('base64'),
  };
  expect(await status(port, '/comms', { ...upgrade, host: own, origin: `http://${own}` })).toBe(101);
  expect(await status(port, '/comms', { ...upgrade, host: own, origin: 'http://evil.example' })).toBe(403);
  expect(await status(port, '/comms', { ...upgrade, host: 'rebound.example' })).toBe(403);
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s ends it with 0 and leaves no process and no shared memory',
  async (signal) => {
    const { home, args } = await newHome(`stop-${signal}`);
    const run = start(args);
    await run.running();
    const { rings } = pathsOf(home);
    const daemons = await eventually('daemons', () => {
      const pids = daemonsOf(home);
      return pids.length > 0 && pids;
    });
    await eventually('a ring', () => readdirSync(rings).some((file) => file.endsWith('.ring')));
    expect(await run.stop(signal)).toBe(0);
    await eventually('no daemon is alive', () => daemons.every((pid) => !isAlive(pid)));
    expect(existsSync(rings)).toBe(false);
  },
);

test('a password that is preset is not handed on to the daemons', async () => {
  const { home, args, port } = await newHome('preset');
  const run = start(args, { BULKHEAD_ADMIN_PASSWORD: 'preset-for-this-test' });
  expect(await run.running()).not.toContain('preset-for-this-test');
  expect(await token(port, 'preset-for-this-test')).toEqual(expect.any(String));
  const pids = await eventually('daemons', () => {
    const found = daemonsOf(home);
    return found.length > 0 && found;
  });
  for (const pid of pids) expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).not.toContain('preset-for-this-test');
});

test('a second one on the same home is refused with one sentence, and the first goes on', async () => {
  const { args } = await newHome('twice');
  const first = start(args);
  await first.running();
  const [other = 0] = await freePorts(1);
  const second = start([...args.slice(0, 2), '--port', String(other)]);
  expect(await second.ended).toBe(1);
  expect(second.output()).toMatch(/^bulkhead: Another Bulkhead works in .*\n$/);
  expect(first.child.exitCode).toBeNull();
});

test('a port that is taken is refused with one sentence that says what to do, and nothing is left running', async () => {
  const blocker = createServer();
  blocker.listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const { port } = blocker.address() as AddressInfo;
  const home = path.join(folder, 'taken');
  const run = start(['--home', home, '--port', String(port)]);
  expect(await run.ended).toBe(1);
  expect(run.output()).toBe(
    `bulkhead: Port ${port} on 127.0.0.1 is taken. Stop what uses it, or choose another one with --port.\n`,
  );
  expect(daemonsOf(home)).toEqual([]);
  blocker.close();
});

test.each([
  [['--port', 'x'], /^bulkhead: The port must be a number/],
  [['--host', '203.0.113.7'], /^bulkhead: This machine has no address 203\.0\.113\.7\./],
  [['--home', __filename], /^bulkhead: The home folder .*command\.test\.ts cannot be used: a file is in its way\./],
  [['--home', '/proc/nowhere'], /^bulkhead: .*\/proc\/nowhere/],
])('%j is refused with one sentence', async (args, message) => {
  const run = start([...args, ...(args.includes('--home') ? [] : ['--home', path.join(folder, 'refused')])]);
  expect(await run.ended).toBe(1);
  expect(run.output()).toMatch(message);
  expect(run.output().trimEnd()).not.toContain('\n');
});

test('--version and --help answer and start nothing', async () => {
  const version = start(['--version']);
  expect(await version.ended).toBe(0);
  expect(version.output()).toMatch(/^\d+\.\d+\.\d+\n$/);
  const help = start(['--help']);
  expect(await help.ended).toBe(0);
  expect(help.output()).toContain('BULKHEAD_ADMIN_PASSWORD');
});

test('an old Node says that it is too old, not where it cannot parse', async () => {
  // The command's first file must do with what an old Node knows: it is run with the version that such a one would report.
  const program = path.join(folder, 'old-node.mjs');
  const pretend = "Object.defineProperty(process.versions, 'node', { value: '18.19.0' });";
  writeFileSync(program, `${pretend}\nawait import(${JSON.stringify(COMMAND)});\n`);
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(1);
  expect(text).toBe(
    'bulkhead needs Node.js 22.18 or newer; this is 18.19.0. Get a current one from https://nodejs.org.\n',
  );
});

/** The daemons of a home, by their state files. */
function daemonsOf(home: string): number[] {
  const run = path.join(home, 'run');
  if (!existsSync(run)) return [];
  return readdirSync(run)
    .filter((file) => file.endsWith('.json') && !file.startsWith('generations'))
    .map((file) => JSON.parse(readFileSync(path.join(run, file), 'utf8')) as { process?: { pid?: number } })
    .flatMap(({ process: found }) => (found?.pid === undefined ? [] : [found.pid]));
}

function isAlive(pid: number): boolean {
  try {
    // A process that nobody has waited for yet is a zombie: it is not alive.
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
  } catch {
    return false;
  }
}
