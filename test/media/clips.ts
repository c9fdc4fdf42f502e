/** The project's own clips, read once a test file. */
import path from 'node:path';
import { type ClipTrack, readMp4Clip } from '../support/mp4-clip.ts';

/** The picture track of a clip in test/clips. */
export function videoTrack(name: string): ClipTrack {
  return trackOf(name, (track) => track.width > 0);
}

/** The sound track of a clip in test/clips. */
export function audioTrack(name: string): ClipTrack {
  return trackOf(name, (track) => track.format === 'mp4a');
}

function trackOf(name: string, wanted: (track: ClipTrack) => boolean): ClipTrack {
  const track = readMp4Clip(path.join(import.meta.dirname, '../clips', name)).find(wanted);
  if (!track) throw new Error(`${name} has no such track`);
  return track;
}
