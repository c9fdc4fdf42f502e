/**
 * What our nodes have in common between Node-RED and the runtime: finding the runtime, passing on when flows start and stop, opening and closing with the node,
 * and reporting each failure once where Catch nodes see it.
 */
import path from 'node:path';
import { current, openBulkhead, type Bulkhead } from '../runtime/bulkhead.ts';
import { toBulkheadError } from '../runtime/errors.ts';
import { registerApi } from '../runtime/server/api/api.ts';
import { createTextLogger } from '../runtime/text-log.ts';
import type { Message, NodeAPI, NodeStatus, RedNode } from './red.ts';
import { failureStatus } from './status.ts';

/** On Node-RED's own objects, so that it holds for every copy of this file in the process. */
const CONNECTED = Symbol.for('bulkhead.v1.connected');

type Connectable = { [CONNECTED]?: true };

function homeOf(RED: NodeAPI): string {
  const home = process.env['BULKHEAD_HOME'];
  if (home !== undefined && home !== '') return home;
  return path.join(RED.settings.userDir ?? process.cwd(), 'bulkhead');
}

/** Connects this process's Node-RED with the runtime, once, and returns what opens the runtime: when the first node or dialog needs it. */
export function connect(RED: NodeAPI): () => Bulkhead {
  const open = (): Bulkhead => {
    const opened = current();
    // Standalone, the host has opened it, in a home of its own.
    if (opened && !opened.failed) return opened;
    const log = createTextLogger((level, text) => RED.log[level](`[bulkhead] ${text}`));
    return openBulkhead({ home: opened?.paths.home ?? homeOf(RED), log });
  };
  const events: Connectable & NodeAPI['events'] = RED.events;
  if (events[CONNECTED]) return open;
  events[CONNECTED] = true;

  RED.events.on('flows:stopping', () => current()?.flowsChanging());
  RED.events.on('flows:stopped', () => current()?.flowsStopped());
  RED.events.on('flows:starting', () => current()?.flowsChanging());
  RED.events.on('flows:started', () => current()?.flowsStarted());
  registerApi(RED.httpAdmin, {
    current,
    open,
    needsPermission: RED.auth.needsPermission,
    storedCredentials: (id) => RED.nodes.getCredentials(id),
    environment: (name, id) => {
      const value = RED.util.evaluateNodeProperty(name, 'env', RED.nodes.getNode(id));
      return typeof value === 'string' && value !== '' ? value : process.env[name];
    },
  });
  return open;
}

/** The node's place in the flows, as the runtime knows it. */
export function pathOf(node: RedNode): string {
  return node._path ?? node.id;
}

export type StatusDisplay = {
  readonly show: (status: NodeStatus) => void;
  /** Shows the same once more: Status nodes may have come after it was shown first. */
  readonly again: () => void;
};

/** Shows a status when it is another one: every call goes to every open editor. */
export function statusOf(node: RedNode): StatusDisplay {
  let shown: NodeStatus | undefined;
  return {
    show: (status) => {
      if (JSON.stringify(status) === JSON.stringify(shown)) return;
      shown = status;
      node.status(status);
    },
    again: () => {
      if (shown) node.status(shown);
    },
  };
}

/** Tells failures to the log and to Catch nodes: once each, and again only after it was well in between. */
export type Reporter = {
  readonly failed: (message: string) => void;
  readonly recovered: () => void;
  /** Flows run: tells what failed while they were being started, when Catch nodes may not have been there. */
  readonly tellPending: () => void;
};

export function reporterOf(node: RedNode, bulkhead: Bulkhead, about: () => Message): Reporter {
  let last = '';
  let pending = false;
  const tellPending = (): void => {
    if (!pending || !bulkhead.announcer.running) return;
    pending = false;
    node.error(last, about());
  };
  return {
    failed: (message) => {
      if (message === last) return;
      last = message;
      pending = true;
      tellPending();
    },
    recovered: () => {
      last = '';
      pending = false;
    },
    tellPending,
  };
}

type Opened = { readonly close: (removed: boolean) => void };

export type Opening<T extends Opened> = {
  readonly node: RedNode;
  readonly bulkhead: Bulkhead;
  readonly report: Reporter;
  readonly status: StatusDisplay;
  /** Throws when it cannot be opened now; it is tried again whenever flows were started, because what stood in the way may be gone. */
  readonly open: () => T;
};

/** Opens something for as long as the node exists. Returns what is open now. */
export function openWithNode<T extends Opened>({
  node,
  bulkhead,
  report,
  status,
  open,
}: Opening<T>): () => T | undefined {
  let opened: T | undefined;
  const fail = (thrown: unknown, doing: string): void => {
    const error = toBulkheadError(thrown, doing);
    status.show(failureStatus(error.kind));
    report.failed(error.message);
  };
  const attempt = (): void => {
    if (opened) return;
    try {
      opened = open();
      report.recovered();
    } catch (error) {
      fail(error, 'opening this node');
    }
  };
  attempt();
  const endRetrying = bulkhead.announcer.onStarted(() => {
    attempt();
    status.again();
    report.tellPending();
  });
  bulkhead.supervisor.catch((error: unknown) => fail(error, 'opening the supervisor'));

  node.on('close', (removed, done) => {
    endRetrying();
    try {
      opened?.close(removed);
    } catch (error) {
      // Node-RED swallows what a close handler throws.
      node.warn(toBulkheadError(error, 'closing this node').message);
    }
    opened = undefined;
    done();
  });
  return () => opened;
}
