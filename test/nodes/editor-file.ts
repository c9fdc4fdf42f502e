/** A node's html as the editor sees it: its definition, its form and its texts. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';

const nodesFolder = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../nodes');

export const NODES = ['device', 'camera', 'stream', 'events', 'control'] as const;
export const LANGUAGES = ['en-US', 'de'] as const;

export type Property = {
  readonly value: unknown;
  readonly validate?: (this: object, value: unknown, options?: object) => boolean | string;
};

export type Definition = {
  readonly category: string;
  readonly color?: string;
  readonly icon?: string;
  readonly inputs?: number;
  readonly outputs?: number;
  readonly defaults: Readonly<Record<string, Property>>;
  readonly credentials?: Readonly<Record<string, { readonly type: string }>>;
};

export function nodeFile(...parts: readonly string[]): string {
  return path.join(nodesFolder, ...parts);
}

export function html(node: string): string {
  return readFileSync(nodeFile(node, `${node}.html`), 'utf8');
}

/** Runs the editor's script and returns what it registers. `others` are the nodes that the editor holds besides. */
export function definition(node: string, others: readonly object[] = []): { type: string; definition: Definition } {
  const script = /<script type="text\/javascript">([\s\S]*?)<\/script>/.exec(html(node))?.[1] ?? '';
  const registered: { type: string; definition: Definition }[] = [];
  const RED = {
    nodes: {
      registerType: (type: string, given: Definition) => registered.push({ type, definition: given }),
      filterNodes: ({ type }: { type: string }) => others.filter((other) => (other as { type?: string }).type === type),
    },
  };
  runInNewContext(script, { RED });
  const [only] = registered;
  if (!only || registered.length !== 1) throw new Error(`${node}.html registers ${registered.length} types`);
  return only;
}

/** What a validator says about a value on a node; the texts are their keys. */
export function validate(node: string, property: string, value: unknown, on: object = {}, others: object[] = []) {
  const { defaults } = definition(node, others).definition;
  const self = { id: 'self', [property]: value, ...on, _: (key: string) => key };
  return defaults[property]?.validate?.call(self, value) ?? true;
}

/** `a.b.c` of every text in a locale file. */
export function textKeys(node: string, language: string): string[] {
  const flatten = (value: unknown, at: string): string[] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, inner]) => flatten(inner, at === '' ? key : `${at}.${key}`))
      : [at];
  return flatten(JSON.parse(readFileSync(nodeFile(node, 'locales', language, `${node}.json`), 'utf8')), '');
}
