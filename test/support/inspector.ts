/**
 * Node's inspector as a way into a process that was not built for it: opened by SIGUSR1, found by its socket, spoken to over its WebSocket.
 *
 * Belongs here: opening, one evaluation, closing. Does not belong here: what is evaluated (inject.ts). Linux only: the port is found in /proc, because the
 * line in the process's log that names it may be in a file that several processes share.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';

const LISTENING = '0A';
const LIMIT_MS = 15_000;
const TRIES_APART_MS = 10;

/** Ports on which this process listens on loopback. */
function listeningPorts(pid: number): number[] {
  const inodes = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch {
      // Closed meanwhile.
    }
  }
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTENING && inodes.has(fields[9] ?? ''))
    .map((fields) => Number.parseInt(fields[1]!.split(':')[1]!, 16));
}

/** The debugger's address when this port is an inspector's, and that of this process. */
async function debuggerUrl(port: number): Promise<string | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/json/list`, { signal: AbortSignal.timeout(1000) });
    const [target] = (await answer.json()) as { webSocketDebuggerUrl?: string }[];
    return target?.webSocketDebuggerUrl;
  } catch {
    return undefined;
  }
}

/**
 * Opens the inspector of a running Node process, if it is not open, and gives its address. Throws when it does not open in time. A process that
 * has just been spawned and has not set up Node's handler yet is ended by SIGUSR1: it must be up.
 */
async function openInspector(pid: number): Promise<string> {
  const before = new Set(listeningPorts(pid));
  process.kill(pid, 'SIGUSR1');
  for (const endMs = Date.now() + LIMIT_MS; Date.now() < endMs; await sleep(TRIES_APART_MS)) {
    const ports = listeningPorts(pid);
    // What is new first; an inspector that was open before is among the others.
    for (const port of ports.toSorted((a, b) => Number(before.has(a)) - Number(before.has(b)))) {
      const url = await debuggerUrl(port);
      if (url !== undefined) return url;
    }
  }
  throw new Error(`the inspector of process ${pid} did not open within ${LIMIT_MS} ms`);
}

type Answer = { result?: { result?: { value?: unknown }; exceptionDetails?: { text: string } } };

/**
 * Evaluates an expression in a running Node process and gives its value (JSON). The connection is closed before this returns: a process that
 * exits while a debugger is attached waits for it.
 */
export async function evaluate(pid: number, expression: string): Promise<unknown> {
  const socket = new WebSocket(await openInspector(pid), { perMessageDeflate: false });
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const timer = setTimeout(() => reject(new Error(`process ${pid} did not evaluate within ${LIMIT_MS} ms`)), LIMIT_MS);
  socket.on('error', reject);
  socket.on('close', () => reject(new Error(`process ${pid} ended before it had evaluated`)));
  socket.on('open', () => {
    socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression, returnByValue: true } }));
  });
  socket.on('message', (text: Buffer) => {
    const message = JSON.parse(text.toString()) as Answer & { id?: number };
    if (message.id === 1) resolve(message);
  });
  try {
    const { result } = await promise;
    if (result?.exceptionDetails) throw new Error(`process ${pid}: ${result.exceptionDetails.text}`);
    return result?.result?.value;
  } finally {
    clearTimeout(timer);
    socket.terminate();
  }
}
