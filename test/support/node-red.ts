/**
 * A plain Node-RED of either release in a process of its own, with our nodes in its palette: from the folder of the package, or from the tarball that
 * a palette would install.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathsOf, ringPath } from '../../runtime/paths.ts';
import type { ChannelView } from '../../runtime/server/api/channel-view.ts';
import type { BulkheadEvent } from '../../runtime/supervisor/view.ts';
import { eventually, freePorts, type FlowNode } from './host.ts';

export const RELEASES = { '5': 'node-red', '4.1': 'node-red-4' } as const;
export type Release = keyof typeof RELEASES;

const root = path.resolve(__dirname, '../..');
const MODULE = '@bulkhead/bulkhead';

export type NodeRedOptions = {
  readonly release: Release;
  readonly install?: 'folder' | 'tarball';
  /** Where our runtime is to live, if not in the user's folder. */
  readonly home?: string;
  /** Further nodes, as files of the user's `nodes` folder. */
  readonly nodes?: Readonly<Record<string, string>>;
  /** Further settings of Node-RED, such as `httpAdminRoot`, under which `url` then is. */
  readonly settings?: { readonly httpAdminRoot?: string; readonly [name: string]: unknown };
  /** What it finds at its start, for tests that may not deploy. */
  readonly flows?: readonly FlowNode[];
};

/** What Node-RED says of one set of nodes. */
export type NodeSet = {
  readonly id: string;
  readonly module: string;
  readonly types: readonly string[];
  readonly enabled: boolean;
  readonly err?: string;
};

function manifest(): { version: string; dependencies: Record<string, string> } {
  return JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as ReturnType<typeof manifest>;
}

/** Unpacks our tarball as npm would, and puts beside it nothing but the dependencies that it declares. */
function installTarball(userDir: string): void {
  const modules = path.join(userDir, 'node_modules');
  const target = path.join(modules, MODULE);
  mkdirSync(target, { recursive: true });
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', userDir], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  execFileSync('tar', ['-xzf', path.join(userDir, filename), '-C', target, '--strip-components=1']);
  for (const dependency of Object.keys(manifest().dependencies)) {
    symlinkSync(path.join(root, 'node_modules', dependency), path.join(modules, dependency), 'dir');
  }
  const { version } = manifest();
  writeFileSync(path.join(userDir, 'package.json'), JSON.stringify({ dependencies: { [MODULE]: version } }));
}

export class PlainNodeRed {
  readonly userDir: string;
  /** Where our runtime lives in a palette. */
  readonly home: string;
  readonly url: string;
  readonly #child: ChildProcess;
  #output = '';

  private constructor(userDir: string, url: string, release: Release, home: string | undefined) {
    this.userDir = userDir;
    this.home = home ?? path.join(userDir, 'bulkhead');
    this.url = url;
    const program = path.join(root, 'node_modules', RELEASES[release], 'red.js');
    this.#child = spawn(process.execPath, [program, '--userDir', userDir], {
      cwd: userDir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, BULKHEAD_HOME: home ?? '' },
    });
    const collect = (chunk: Buffer): void => void (this.#output += chunk.toString());
    this.#child.stdout?.on('data', collect);
    this.#child.stderr?.on('data', collect);
  }

  static async start({
    release,
    install = 'folder',
    home,
    nodes = {},
    settings: further = {},
    flows,
  }: NodeRedOptions): Promise<PlainNodeRed> {
    const userDir = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-node-red-'));
    const [port = 0] = await freePorts(1);
    if (install === 'tarball') installTarball(userDir);
    mkdirSync(path.join(userDir, 'nodes'));
    for (const [file, text] of Object.entries(nodes)) writeFileSync(path.join(userDir, 'nodes', file), text);
    const settings = {
      uiPort: port,
      uiHost: '127.0.0.1',
      flowFile: 'flows.json',
      credentialSecret: 'a secret of this test',
      ...(install === 'folder' ? { nodesDir: [root] } : {}),
      editorTheme: { tours: false },
      telemetry: { enabled: false, updateNotification: false },
      logging: { console: { level: 'info' } },
      ...further,
    };
    writeFileSync(path.join(userDir, 'settings.js'), `module.exports = ${JSON.stringify(settings)};\n`);
    if (flows) writeFileSync(path.join(userDir, 'flows.json'), JSON.stringify(flows));
    const nodeRed = new PlainNodeRed(userDir, `http://127.0.0.1:${port}${further.httpAdminRoot ?? ''}`, release, home);
    await eventually('Node-RED answers', async () => {
      if (nodeRed.#child.exitCode !== null) throw new Error(`Node-RED ended:\n${nodeRed.output}`);
      return fetch(`${nodeRed.url}/settings`).then(
        (answer) => answer.ok,
        () => false,
      );
    });
    return nodeRed;
  }

  get output(): string {
    return this.#output;
  }

  async get<T>(route: string): Promise<T> {
    const answer = await fetch(this.url + route, { headers: { Accept: 'application/json' } });
    if (!answer.ok) throw new Error(`${route}: ${answer.status}`);
    return (await answer.json()) as T;
  }

  /** Our sets of nodes as Node-RED has loaded them. */
  async nodeSets(): Promise<NodeSet[]> {
    return (await this.get<NodeSet[]>('/nodes')).filter(({ module }) => module === MODULE);
  }

  async deploy(flows: readonly FlowNode[], type: 'full' | 'flows' | 'nodes' = 'full'): Promise<void> {
    const answer = await fetch(`${this.url}/flows`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'Node-RED-API-Version': 'v2',
        'Node-RED-Deployment-Type': type,
      },
      body: JSON.stringify({ flows }),
    });
    if (!answer.ok) throw new Error(`deploy: ${answer.status} ${await answer.text()}`);
  }

  channels(): Promise<ChannelView[]> {
    return this.get('/bulkhead/api/channels');
  }

  events(): Promise<BulkheadEvent[]> {
    return this.get('/bulkhead/api/events?limit=2000');
  }

  /** The ring of a camera, by the path of its node in the flows. */
  ringOf(nodePath: string): string {
    return ringPath(pathsOf(this.home), `${nodePath}:0`);
  }

  /** Stops it and removes everything; gives the exit code. */
  async remove(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await ended;
    }
    rmSync(this.userDir, { recursive: true, force: true });
    return this.#child.exitCode;
  }
}
