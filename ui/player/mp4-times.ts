/**
 * Reads times out of the fragments that pass through the player: which track, when and for how long it is shown, whether it is a keyframe.
 *
 * The player must know the live edge and the keyframes exactly: the end of what a SourceBuffer has buffered is neither (a lost packet
 * stretches the next sample), and removing up to a time that is not a keyframe's would remove what is being watched. Pure; no DOM.
 */

export type TrackInfo = { readonly kind: 'video' | 'audio'; readonly timescale: number };
export type FragmentTime = {
  readonly track: number;
  readonly seconds: number;
  readonly durationSeconds: number;
  readonly key: boolean;
};

type Box = { readonly type: string; readonly start: number; readonly end: number };

/** sample_is_non_sync_sample (ISO/IEC 14496-12 clause 8.8.3.1). */
const NON_SYNC = 0x00010000;
const TRUN_HAS = { dataOffset: 0x1, firstFlags: 0x4, duration: 0x100, size: 0x200, flags: 0x400, composition: 0x800 };

function* boxes(view: DataView, start: number, end: number): Generator<Box> {
  for (let at = start; at + 8 <= end;) {
    const size = view.getUint32(at);
    if (size < 8 || at + size > end) return;
    const type = String.fromCharCode(...[4, 5, 6, 7].map((i) => view.getUint8(at + i)));
    yield { type, start: at + 8, end: at + size };
    at += size;
  }
}

function child(view: DataView, parent: Pick<Box, 'start' | 'end'>, ...path: string[]): Box | undefined {
  let current: Box | undefined;
  let within = parent;
  for (const type of path) {
    current = [...boxes(view, within.start, within.end)].find((box) => box.type === type);
    if (!current) return undefined;
    within = current;
  }
  return current;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The tracks of an init segment by their id. */
export function readTracks(bytes: Uint8Array): Map<number, TrackInfo> {
  const view = viewOf(bytes);
  const tracks = new Map<number, TrackInfo>();
  const moov = child(view, { start: 0, end: view.byteLength }, 'moov');
  if (!moov) return tracks;
  for (const trak of boxes(view, moov.start, moov.end)) {
    const tkhd = trak.type === 'trak' && child(view, trak, 'tkhd');
    const mdhd = child(view, trak, 'mdia', 'mdhd');
    const hdlr = child(view, trak, 'mdia', 'hdlr');
    if (!tkhd || !mdhd || !hdlr) continue;
    const id = view.getUint32(tkhd.start + (view.getUint8(tkhd.start) === 1 ? 20 : 12));
    const timescale = view.getUint32(mdhd.start + (view.getUint8(mdhd.start) === 1 ? 20 : 12));
    const kind = view.getUint32(hdlr.start + 8) === 0x76696465 ? 'video' : 'audio'; // 'vide'
    tracks.set(id, { kind, timescale });
  }
  return tracks;
}

/** The first sample of a fragment; `undefined` for anything else. */
export function readFragment(bytes: Uint8Array, tracks: ReadonlyMap<number, TrackInfo>): FragmentTime | undefined {
  const view = viewOf(bytes);
  const traf = child(view, { start: 0, end: view.byteLength }, 'moof', 'traf');
  const tfhd = traf && child(view, traf, 'tfhd');
  const tfdt = traf && child(view, traf, 'tfdt');
  const trun = traf && child(view, traf, 'trun');
  if (!tfhd || !tfdt || !trun) return undefined;
  const track = view.getUint32(tfhd.start + 4);
  const info = tracks.get(track);
  if (!info) return undefined;
  const wide = view.getUint8(tfdt.start) === 1;
  const decodeTime = wide ? Number(view.getBigUint64(tfdt.start + 4)) : view.getUint32(tfdt.start + 4);
  const { duration, composition, key } = firstSample(view, trun);
  const { timescale } = info;
  return { track, seconds: (decodeTime + composition) / timescale, durationSeconds: duration / timescale, key };
}

function firstSample(view: DataView, trun: Box): { duration: number; composition: number; key: boolean } {
  const flags = view.getUint32(trun.start) & 0xffffff;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  let at = trun.start + 8;
  if (has(TRUN_HAS.dataOffset)) at += 4;
  if (has(TRUN_HAS.firstFlags)) at += 4;
  const duration = has(TRUN_HAS.duration) ? view.getUint32(at) : 0;
  if (has(TRUN_HAS.duration)) at += 4;
  if (has(TRUN_HAS.size)) at += 4;
  const sampleFlags = has(TRUN_HAS.flags) ? view.getUint32(at) : 0;
  if (has(TRUN_HAS.flags)) at += 4;
  const composition = has(TRUN_HAS.composition) ? view.getInt32(at) : 0;
  return { duration, composition, key: (sampleFlags & NON_SYNC) === 0 };
}
