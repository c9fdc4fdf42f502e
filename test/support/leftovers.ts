/**
 * What a product that has ended, or goes on after faults, must not leave: processes, zombies, descriptors, shared memory, sockets, state files.
 *
 * Looked for from outside, in /proc and in folders: Linux only. Does not belong here: what a test expects to be there.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { pathsOf } from '../../runtime/paths.ts';
import { statusPageDirectory } from '../../runtime/supervisor/process/page-path.ts';

/** What of a run directory outlives a stop in order. */
const KEPT = /^(supervisor\.lock|generations\.json)$/;

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function text(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

function link(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}

/** Every process that works for this home: its arguments name it, or its output goes into it. */
export function processesOf(home: string): number[] {
  return list('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => text(`/proc/${pid}/cmdline`).includes(home) || link(`/proc/${pid}/fd/1`).startsWith(home))
    .map(Number);
}

/** Children of a process that have ended and that it has not reaped. */
export function zombiesOf(pid: number): number[] {
  return list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((child) => {
      const stat = text(`/proc/${child}/stat`);
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return state === 'Z' && parent === String(pid);
    })
    .map(Number);
}

/** What a process has open, by kind: sockets, pipes, files. */
export function descriptorsOf(pid: number): string[] {
  return list(`/proc/${pid}/fd`)
    .map((fd) => link(`/proc/${pid}/fd/${fd}`))
    .filter((target) => target !== '');
}

/** State files and status pages that belong to no generation that is there. */
export function strayFiles(
  home: string,
  alive: readonly { readonly id: string; readonly generation: number }[],
): string[] {
  const { run } = pathsOf(home);
  const stems = new Set(alive.map(({ id, generation }) => `${id.replaceAll(':', '_')}.${generation}`));
  // A standby has files of its own; its name is no daemon's.
  const isDaemons = /^((?:capture|stream|probe)_.*\.\d+)\.(?:json|status)$/;
  return [...list(run), ...list(statusPageDirectory(run))].filter((name) => {
    const stem = isDaemons.exec(name)?.[1];
    return stem !== undefined && !stems.has(stem);
  });
}

/** Everything that a home has left behind when it should have ended. */
export function leftoversOf(home: string): string[] {
  const { run, rings } = pathsOf(home);
  return [
    ...processesOf(home).map((pid) => `process ${pid}: ${text(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`),
    ...list(run).filter((name) => !KEPT.test(name)),
    ...list(statusPageDirectory(run)),
    ...list(path.dirname(rings)).filter((name) => path.join(path.dirname(rings), name) === rings),
  ];
}
