/**
 * Reads a small MP4 or MOV whole, without FFmpeg: its tracks, their configuration, and every packet with its exact time stamps.
 *
 * For tests and benchmarks that need real packets at hand. Belongs here: plain, unfragmented files of our own. Does not belong here: anything
 * from outside; there are no checks against hostile input.
 */
import { readFileSync } from 'node:fs';

export type ClipPacket = { pts: number; dts: number; duration: number; key: boolean; data: Buffer };

export type ClipTrack = {
  /** Four-character code of the sample entry, e.g. `avc1`, `hvc1`, `mp4a`. */
  format: string;
  timescale: number;
  width: number;
  height: number;
  /** Contents of avcC or hvcC; for mp4a the AudioSpecificConfig. */
  config: Buffer;
  packets: ClipPacket[];
};

type Box = { type: string; body: Buffer };

function boxes(bytes: Buffer): Box[] {
  const found: Box[] = [];
  for (let offset = 0; offset + 8 <= bytes.length;) {
    const short = bytes.readUInt32BE(offset);
    const header = short === 1 ? 16 : 8;
    const size = short === 0 ? bytes.length - offset : short === 1 ? Number(bytes.readBigUInt64BE(offset + 8)) : short;
    found.push({
      type: bytes.toString('latin1', offset + 4, offset + 8),
      body: bytes.subarray(offset + header, offset + size),
    });
    offset += size;
  }
  return found;
}

/** The body of the box at a path of types, e.g. `['mdia', 'minf']`. */
function find(bytes: Buffer, ...path: string[]): Buffer | undefined {
  let current: Buffer | undefined = bytes;
  for (const type of path) current = current && boxes(current).find((box) => box.type === type)?.body;
  return current;
}

/** Reads the clip at `path`; only tracks whose sample entry is known, the picture first. */
export function readMp4Clip(path: string): ClipTrack[] {
  const file = readFileSync(path);
  const moov = find(file, 'moov');
  if (!moov) throw new Error(`${path} has no moov box`);
  return boxes(moov)
    .filter((box) => box.type === 'trak')
    .flatMap((box) => readTrack(file, box.body) ?? [])
    .toSorted((a, b) => b.width - a.width);
}

function readTrack(file: Buffer, trak: Buffer): ClipTrack | undefined {
  const mdhd = find(trak, 'mdia', 'mdhd');
  const stbl = find(trak, 'mdia', 'minf', 'stbl');
  const stsd = stbl && find(stbl, 'stsd');
  const entry = stsd && boxes(stsd.subarray(8))[0];
  if (!mdhd || !stbl || !entry) return undefined;
  const video = ['avc1', 'hvc1', 'hev1'].includes(entry.type);
  const children = entry.body.subarray(video ? 78 : 28);
  const config = video ? (find(children, 'avcC') ?? find(children, 'hvcC')) : audioConfig(find(children, 'esds'));
  if (!config) return undefined;
  return {
    format: entry.type,
    timescale: mdhd.readUInt32BE(mdhd[0] === 1 ? 20 : 12),
    width: video ? entry.body.readUInt16BE(24) : 0,
    height: video ? entry.body.readUInt16BE(26) : 0,
    config,
    packets: readPackets(file, stbl, firstTime(trak)),
  };
}

/** media_time of the edit list: what a player subtracts from every time stamp. */
function firstTime(trak: Buffer): number {
  const elst = find(trak, 'edts', 'elst');
  if (!elst || elst.readUInt32BE(4) === 0) return 0;
  return Math.max(0, elst[0] === 1 ? Number(elst.readBigInt64BE(16)) : elst.readInt32BE(12));
}

/** DecoderSpecificInfo (tag 5) within the descriptors of an esds. */
function audioConfig(esds: Buffer | undefined): Buffer | undefined {
  if (!esds) return undefined;
  let offset = 4;
  for (const skipBody of [3, 13, 0]) {
    offset++;
    let length = 0;
    for (let more = true; more; offset++) {
      const byte = esds[offset] ?? 0;
      length = (length << 7) | (byte & 0x7f);
      more = byte >= 0x80;
    }
    if (skipBody === 0) return esds.subarray(offset, offset + length);
    offset += skipBody;
  }
  return undefined;
}

function readPackets(file: Buffer, stbl: Buffer, mediaTime: number): ClipPacket[] {
  const table = (type: string): Buffer => find(stbl, type) ?? Buffer.alloc(12);
  const [stsz, stsc, stss] = [table('stsz'), table('stsc'), table('stss')];
  const co64 = find(stbl, 'co64');
  const stco = find(stbl, 'stco');
  const chunks: number[] = [];
  if (co64) for (let i = 0; i < co64.readUInt32BE(4); i++) chunks.push(Number(co64.readBigUInt64BE(8 + i * 8)));
  if (stco) for (let i = 0; i < stco.readUInt32BE(4); i++) chunks.push(stco.readUInt32BE(8 + i * 4));

  const durations = expandRuns(table('stts'));
  const offsets = find(stbl, 'ctts') ? expandRuns(table('ctts')) : [];
  const keys = new Set(Array.from({ length: stss.readUInt32BE(4) }, (_, i) => stss.readUInt32BE(8 + i * 4)));
  const everyKey = !find(stbl, 'stss');

  const chunkRuns = Array.from({ length: stsc.readUInt32BE(4) }, (_, i) => ({
    first: stsc.readUInt32BE(8 + i * 12),
    samples: stsc.readUInt32BE(12 + i * 12),
  }));
  const fixedSize = stsz.readUInt32BE(4);
  const packets: ClipPacket[] = [];
  let dts = -mediaTime;
  for (const [chunk, start] of chunks.entries()) {
    const samples = chunkRuns.findLast((run) => run.first <= chunk + 1)?.samples ?? 0;
    let position = start;
    for (let i = 0; i < samples && packets.length < durations.length; i++) {
      const n = packets.length;
      const size = fixedSize || stsz.readUInt32BE(12 + n * 4);
      const duration = durations[n] ?? 0;
      packets.push({
        pts: dts + (offsets[n] ?? 0),
        dts,
        duration,
        key: everyKey || keys.has(n + 1),
        data: file.subarray(position, position + size),
      });
      position += size;
      dts += duration;
    }
  }
  return packets;
}

/** A table of (count, value) as one value a sample. */
function expandRuns(bytes: Buffer): number[] {
  return Array.from({ length: bytes.readUInt32BE(4) }, (_, i) =>
    Array<number>(bytes.readUInt32BE(8 + i * 8)).fill(bytes.readInt32BE(12 + i * 8)),
  ).flat();
}
