/**
 * The command line and environment of the `bulkhead` command: what can be said, what it means, and what is wrong with it. Pure.
 */
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

export type HostOptions = {
  readonly home: string;
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Further names under which browsers may call this host, e.g. behind a reverse proxy. */
  readonly allowedHosts: readonly string[];
  /** The password of the first start; later starts ignore it. */
  readonly adminPassword: string | undefined;
  /** Daemons end with this process, however it ends. */
  readonly development: boolean;
  /** How long daemons work on without this process; undefined = as is usual for each kind. */
  readonly orphanGraceMs: number | undefined;
};

export type Command =
  | { readonly type: 'run'; readonly options: HostOptions }
  /** End what works in this home, and what it left behind. */
  | { readonly type: 'stop'; readonly home: string }
  | { readonly type: 'version' }
  | { readonly type: 'help'; readonly text: string }
  | { readonly type: 'refuse'; readonly message: string };

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 1880;
const SHORTEST_PASSWORD = 8;

const HELP = `bulkhead: a visual flow runtime for cameras

  bulkhead [--home DIR] [--host ADDRESS] [--port NUMBER] [--allow-host NAME]...
  bulkhead stop [--home DIR]    ends what works in that home, and daemons that a crash has left behind

  --home DIR          flows, recordings and logs            (BULKHEAD_HOME, default ~/.bulkhead)
  --host ADDRESS      where the editor listens              (BULKHEAD_HOST, default ${DEFAULT_HOST})
  --port NUMBER       its port                              (BULKHEAD_PORT, default ${DEFAULT_PORT})
  --allow-host NAME   a further name in the browser's address bar, e.g. of a reverse proxy
                                                            (BULKHEAD_ALLOW_HOST, separated by commas)
  --development       daemons end with this process, however it ends; without, they work on and the next one takes them over
                                                            (BULKHEAD_DEVELOPMENT=1)
  --version, --help

  BULKHEAD_ORPHAN_GRACE_S sets after how many seconds without this process daemons stop by themselves (default 600).
  BULKHEAD_ADMIN_PASSWORD presets the password of the first start; without it one is generated and printed once.
`;

/** Reads the command line; an option wins over its environment variable. */
export function readCommand(args: readonly string[], given: Readonly<Record<string, string | undefined>>): Command {
  // A variable that is set to nothing is not set: that is how people leave one out in a compose file.
  const env = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''));
  let values;
  let positionals;
  try {
    ({ values, positionals } = parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: true,
      options: {
        home: { type: 'string' },
        host: { type: 'string' },
        port: { type: 'string' },
        'allow-host': { type: 'string', multiple: true },
        development: { type: 'boolean' },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }));
  } catch (error) {
    return refuse(`${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
  }
  if (values.help) return { type: 'help', text: HELP };
  if (values.version) return { type: 'version' };
  const [command, ...more] = positionals;
  if ((command !== undefined && command !== 'stop') || more.length > 0) {
    return refuse(`There is no command "${positionals.join(' ')}".`);
  }
  const home = values.home ?? env['BULKHEAD_HOME'] ?? path.join(os.homedir(), '.bulkhead');
  if (home.trim() === '') return refuse('The home must be a folder.');
  if (command === 'stop') return { type: 'stop', home: path.resolve(home) };

  const portText = values.port ?? env['BULKHEAD_PORT'] ?? String(DEFAULT_PORT);
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  if (!(port <= 65_535)) return refuse(`The port must be a number from 0 to 65535, not "${portText}".`);

  const host = values.host ?? env['BULKHEAD_HOST'] ?? DEFAULT_HOST;
  if (host.trim() === '') return refuse('The host must be an address of this machine, such as 127.0.0.1 or 0.0.0.0.');

  const adminPassword = env['BULKHEAD_ADMIN_PASSWORD'];
  if (adminPassword !== undefined && adminPassword.length < SHORTEST_PASSWORD) {
    return refuse(`BULKHEAD_ADMIN_PASSWORD must have at least ${SHORTEST_PASSWORD} characters.`);
  }
  const allowedHosts = (values['allow-host'] ?? (env['BULKHEAD_ALLOW_HOST'] ?? '').split(','))
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
  const graceText = env['BULKHEAD_ORPHAN_GRACE_S'];
  if (graceText !== undefined && !/^\d{1,6}$/.test(graceText)) {
    return refuse(`BULKHEAD_ORPHAN_GRACE_S must be a number of seconds, not "${graceText}".`);
  }
  const developmentText = env['BULKHEAD_DEVELOPMENT'];
  if (developmentText !== undefined && !/^[01]$/.test(developmentText)) {
    return refuse(`BULKHEAD_DEVELOPMENT must be 1 or 0, not "${developmentText}".`);
  }
  return {
    type: 'run',
    options: {
      home: path.resolve(home),
      host: host.trim(),
      port,
      allowedHosts,
      adminPassword,
      development: values.development ?? developmentText === '1',
      orphanGraceMs: graceText === undefined ? undefined : Number(graceText) * 1000,
    },
  };
}

function refuse(message: string): Command {
  return { type: 'refuse', message: `${message} See bulkhead --help.` };
}
