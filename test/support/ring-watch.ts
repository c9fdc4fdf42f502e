/**
 * Reads a ring as one more reader and remembers what a viewer would care about: was anything missed, did the writer change, when was a picture
 * captured?
 */
import { decodeStreamTable } from '../../runtime/media/track.ts';
import { listenBell } from '../../runtime/ring/bell.ts';
import { RingReader, type RingRecord } from '../../runtime/ring/reader.ts';

export type Picture = {
  readonly seq: number;
  /** Monotonic microseconds. */
  readonly captureUs: number;
  /** Decode time on the ring's timeline, in seconds. */
  readonly dtsSeconds: number;
};

export type RingWatch = {
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** Numbers that are missing, in words; empty while nothing is. */
  readonly gaps: readonly string[];
  readonly epochs: ReadonlySet<number>;
  /** The newest pictures, oldest first. */
  readonly pictures: ReadonlyMap<number, Picture>;
  /** Reads what is there now, without waiting for the bell. */
  look(): void;
  close(): void;
};

/** Some minutes of pictures. */
const MOST_PICTURES = 8192;

/** Follows a ring from its newest record on. */
export function watchRing(path: string, mostPictures = MOST_PICTURES): RingWatch {
  const reader = RingReader.open(path);
  reader.seekLatest();
  let first = 0;
  let last = 0;
  let count = 0;
  const gaps: string[] = [];
  const epochs = new Set<number>();
  const pictures = new Map<number, Picture>();
  let table = { version: 0, videoTrack: 0, timescale: 1 };

  const note = ({ seq, track, tableVersion, captureUs, dts }: RingRecord): void => {
    if (table.version !== tableVersion) {
      const found = reader.table(tableVersion);
      const tracks = found === undefined ? [] : decodeStreamTable(found.bytes).tracks;
      const video = tracks.find(({ kind }) => kind === 'video');
      table = { version: tableVersion, videoTrack: video?.id ?? 0, timescale: video?.timescale ?? 1 };
    }
    if (track !== table.videoTrack) return;
    pictures.set(seq, { seq, captureUs, dtsSeconds: dts / table.timescale });
    if (pictures.size > mostPictures) pictures.delete(pictures.keys().next().value!);
  };
  const look = (): void => {
    for (let result = reader.read(); result.type !== 'empty'; result = reader.read()) {
      if (result.type === 'gap') {
        gaps.push(`${result.reason} ${result.from}-${result.to}`);
        continue;
      }
      const { seq, epoch } = result.record;
      if (last !== 0 && seq !== last + 1) gaps.push(`${last} -> ${seq}`);
      first ||= seq;
      last = seq;
      count += 1;
      epochs.add(epoch);
      note(result.record);
    }
  };
  const bell = listenBell(path, look);
  return {
    get first() {
      return first;
    },
    get last() {
      return last;
    },
    get count() {
      return count;
    },
    gaps,
    epochs,
    pictures,
    look,
    close: () => {
      bell.close();
      reader.close();
    },
  };
}
