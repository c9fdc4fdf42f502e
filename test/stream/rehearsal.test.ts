import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { rehearse } from '../../daemon/stream/rehearsal.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'bulkhead-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Watches that are open: each takes one of the few inotify instances that a user has. */
const watches = (): number => process.getActiveResourcesInfo().filter((name) => name === 'FSEventWrap').length;

test('a rehearsal gets from the ring to a viewer, and leaves nothing behind', async () => {
  await rehearse(path.join(directory, 'rehearsal'));
  expect(readdirSync(directory)).toEqual([]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(watches()).toBe(0);
});

test('where there can be no ring, it says so', async () => {
  writeFileSync(path.join(directory, 'file'), '');
  await expect(rehearse(path.join(directory, 'file', 'rehearsal'))).rejects.toThrow();
});
