/** Reads a ring as one more reader and remembers what a viewer would care about: was anything missed, did the writer change? */
import { listenBell } from '../../runtime/ring/bell.ts';
import { RingReader } from '../../runtime/ring/reader.ts';

export type RingWatch = {
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly gaps: readonly string[];
  readonly epochs: ReadonlySet<number>;
  close(): void;
};

/** Follows a ring from its newest record on. */
export function watchRing(path: string): RingWatch {
  const reader = RingReader.open(path);
  reader.seekLatest();
  let first = 0;
  let last = 0;
  let count = 0;
  const gaps: string[] = [];
  const epochs = new Set<number>();
  const drain = (): void => {
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
    }
  };
  const bell = listenBell(path, drain);
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
    close: () => {
      bell.close();
      reader.close();
    },
  };
}
