/**
 * The part of Node-RED's API for nodes that ours use, as types. Node-RED ships none, and this says at a glance what we depend on; it is the same in 4.1 and 5.
 */
import type { EventEmitter } from 'node:events';
import type { IRouter, RequestHandler } from 'express';

export type NodeStatus = {
  readonly fill: 'red' | 'green' | 'yellow' | 'blue' | 'grey';
  /** A ring is not connected, a dot is. */
  readonly shape: 'ring' | 'dot';
  readonly text: string;
};

export type Message = Record<string, unknown>;

/** A node that a flow holds. Handlers tell by the number of their parameters what they want: give them all. */
export type RedNode = {
  readonly id: string;
  readonly name?: string;
  /** Its place in the flows, over subflow instances: stable where an id is made anew at each start. */
  readonly _path?: string;
  readonly credentials?: { readonly username?: string; readonly password?: string };
  readonly on: {
    (event: 'close', handler: (removed: boolean, done: () => void) => void): void;
    (
      event: 'input',
      handler: (message: Message, send: (message: Message) => void, done: (error?: Error) => void) => void,
    ): void;
  };
  readonly send: (message: Message) => void;
  readonly status: (status: NodeStatus | Record<string, never>) => void;
  /** With a message the error reaches Catch nodes, without one only the log. */
  readonly error: (text: string, message?: Message) => void;
  readonly warn: (text: string) => void;
};

/** What Node-RED hands to a node's constructor: its settings, and properties of Node-RED's own. */
export type NodeConfig = Readonly<Record<string, unknown>>;

type RegisterOptions = { readonly credentials?: Readonly<Record<string, { readonly type: 'text' | 'password' }>> };

export type NodeAPI = {
  readonly nodes: {
    readonly createNode: (node: RedNode, config: NodeConfig) => void;
    readonly getNode: (id: string) => RedNode | null;
    readonly getCredentials: (id: string) => { readonly username?: string; readonly password?: string } | undefined;
    readonly registerType: (
      type: string,
      /** Called with `new`: its `this` is a node that `createNode` completes. */
      constructor: (this: never, config: NodeConfig) => void,
      options?: RegisterOptions,
    ) => void;
  };
  readonly events: EventEmitter;
  readonly settings: { readonly userDir?: string };
  readonly log: Readonly<Record<'error' | 'warn' | 'info' | 'debug', (text: string) => void>>;
  readonly auth: { readonly needsPermission: (permission: string) => RequestHandler };
  readonly httpAdmin: IRouter;
  readonly util: { readonly evaluateNodeProperty: (value: string, type: 'env', node: RedNode | null) => unknown };
};
