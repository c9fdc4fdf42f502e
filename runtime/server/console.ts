/**
 * What the terminal shows: one line an entry, and the banner that says where to look. Node-RED's own chatter while it starts is left out; warnings and errors never
 * are.
 */
import { inspect, stripVTControlCharacters } from 'node:util';
import type { WriteLine } from '../text-log.ts';
import type { NodeRedLogEntry } from './node-red.ts';

const LEVELS: readonly (readonly [atMost: number, name: 'error' | 'warn' | 'info'])[] = [
  [20, 'error'],
  [30, 'warn'],
  [40, 'info'],
];

/** Warnings of Node-RED about what is as it should be: no projects, and no credentials before somebody enters some. */
const EXPECTED = /^(Encrypted credentials not found$|Projects disabled )/;

function textOf(message: unknown): string {
  if (typeof message === 'string') return message;
  if (message instanceof Error) return message.message;
  const text = (message as { message?: unknown } | null | undefined)?.message;
  return typeof text === 'string' ? text : inspect(message, { depth: 2, breakLength: Infinity });
}

/** The terminal as both logs write to it. */
export type Console = {
  readonly write: WriteLine;
  readonly nodeRed: (entry: NodeRedLogEntry) => void;
  /** From now on information is shown too. */
  readonly talk: () => void;
};

export function createConsole(print: (line: string) => void, nowMs: () => number): Console {
  let talking = false;
  const write: WriteLine = (level, text) => {
    if (level === 'debug' || (level === 'info' && !talking)) return;
    const time = new Date(nowMs()).toTimeString().slice(0, 8);
    // What a camera or a message says must not drive the terminal.
    for (const line of stripVTControlCharacters(text).split('\n')) print(`${time} ${level.padEnd(5)} ${line}`);
  };
  return {
    write,
    nodeRed: ({ level, msg, type, name, id }) => {
      if (typeof msg === 'string' && EXPECTED.test(msg)) return;
      const named = LEVELS.find(([atMost]) => level <= atMost)?.[1] ?? 'debug';
      write(named, `${type === undefined ? '' : `[${type}: ${name ?? id ?? ''}] `}${textOf(msg)}`);
    },
    talk: () => {
      talking = true;
    },
  };
}

export type BannerFacts = {
  readonly version: string;
  readonly home: string;
  readonly url: string;
  readonly username: string;
  /** Only at the first start; it is shown here and nowhere else. */
  readonly newPassword: string | undefined;
  readonly channels: readonly { readonly name: string; readonly url: string }[];
};

export function banner(facts: BannerFacts): string {
  const rows: (readonly [string, string])[] = [
    ['Editor', facts.url],
    ['Panel', `${facts.url}bulkhead/`],
    ['User', facts.username],
    ...(facts.newPassword === undefined
      ? []
      : ([['Password', `${facts.newPassword}   (shown this once: write it down)`]] as const)),
    ...facts.channels.map(({ name, url }) => ['Live', `${url}   ${name}`] as const),
    ['Home', facts.home],
  ];
  const lines = rows.map(([label, value]) => `  ${label.padEnd(10)}${value}`);
  return ['', `  Bulkhead ${facts.version} is running. Ctrl+C stops it.`, '', ...lines, ''].join('\n');
}
