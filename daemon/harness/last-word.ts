/**
 * What a daemon leaves behind that ends while there is no supervisor to tell: its state file says how it ended, for the next one to find.
 *
 * Does not belong here: what the next one makes of it (runtime/supervisor/adoption.ts).
 */
import { existsSync, rmSync } from 'node:fs';
import { identify } from '../../runtime/supervisor/process/identity.ts';
import { writeStateFile, type StateFile } from '../../runtime/supervisor/process/state-file.ts';

type LastWord = Omit<NonNullable<StateFile['ended']>, 'time'>;

export function leaveWord(path: string, state: StateFile, ended: LastWord): void {
  // It lies in memory, and nobody else would remove it.
  rmSync(state.statusPage, { force: true });
  const self = identify(process.pid);
  // Without its file a supervisor has swept it away already: then nobody waits for word.
  if (!existsSync(path)) return;
  try {
    if (state.kind === 'probe' || state.kind === 'standby') rmSync(path, { force: true });
    else writeStateFile(path, { ...state, ...(self && { process: self }), ended: { ...ended, time: Date.now() } });
  } catch {
    // A disk that takes nothing, or a folder that is gone: then the end is told without its reason.
  }
}
