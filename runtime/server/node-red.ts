/**
 * Node-RED as the standalone host embeds it: the few things of its API that we use, and the settings that make it ours. It ships no types of its own.
 */
import type { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { BulkheadError } from '../errors.ts';
import type { Home } from './first-start.ts';

type ExpressApp = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

export type NodeRed = {
  readonly init: (server: Server, settings: object) => void;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly httpAdmin: ExpressApp;
  readonly httpNode: ExpressApp;
  readonly events: EventEmitter;
  readonly version: () => string;
};

/** One entry of Node-RED's log; `msg` may be anything that somebody threw. */
export type NodeRedLogEntry = {
  readonly level: number;
  readonly msg: unknown;
  readonly type?: string;
  readonly name?: string;
  readonly id?: string;
};

/** Loads Node-RED, which is not a dependency of the package: in a palette it is there already. */
export function loadNodeRed(): NodeRed {
  const require = createRequire(import.meta.url);
  try {
    return require('node-red') as NodeRed;
  } catch (cause) {
    throw new BulkheadError(
      'notFound',
      'The bulkhead command needs Node-RED and Express beside it: npm install node-red express',
      { cause },
    );
  }
}

export type NodeRedOptions = {
  readonly home: string;
  readonly prepared: Home;
  readonly packageRoot: string;
  readonly host: string;
  readonly port: number;
  readonly log: (entry: NodeRedLogEntry) => void;
};

/** Node-RED's settings: everything in the home folder, one administrator, no telemetry. */
export function nodeRedSettings({ home, prepared, packageRoot, host, port, log }: NodeRedOptions): object {
  const assets = path.join(import.meta.dirname, 'assets');
  const { admin, credentialSecret } = prepared;
  const user = { username: admin.username, permissions: '*' };
  return {
    userDir: home,
    flowFile: 'flows.json',
    flowFilePretty: true,
    credentialSecret,
    nodesDir: [packageRoot],
    httpAdminRoot: '/',
    httpNodeRoot: '/',
    uiHost: host,
    uiPort: port,
    adminAuth: {
      type: 'credentials',
      users: (username: string) => Promise.resolve(username === user.username ? user : null),
      authenticate: async (username: string, password: string) =>
        username === user.username && (await admin.check(password)) ? user : null,
    },
    telemetry: { enabled: false, updateNotification: false },
    logging: { console: { level: 'info', metrics: false, audit: false, handler: () => log } },
    editorTheme: {
      page: { title: 'Bulkhead', favicon: path.join(assets, 'favicon.svg'), tabicon: path.join(assets, 'favicon.svg') },
      header: { title: 'Bulkhead', image: path.join(assets, 'logo.svg') },
      login: { image: path.join(assets, 'login.svg') },
      tours: false,
      palette: { categories: ['cameras', 'common', 'function', 'network', 'sequence', 'parser', 'storage'] },
    },
  };
}
