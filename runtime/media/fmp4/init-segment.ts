/**
 * The initialisation segment of a fragmented MP4 (ISO/IEC 14496-12): what the tracks are, and not a single sample.
 *
 *   ftyp
 *   moov
 *     mvhd
 *     trak (one a track)
 *       tkhd, edts/elst?, mdia (mdhd, hdlr, minf (vmhd | smhd, dinf, stbl (stsd, and empty tables)))
 *     mvex (trex, one a track)
 *
 * Belongs here: the boxes down to the sample entries' common part. Does not belong here: codec entries (sample-entry.ts), fragments.
 */
import type { Track } from '../track.ts';
import { type Bytes, ascii, box, fixed32, flatten, fullBox, u16, u32, u64, zeros } from './box.ts';
import { type SampleAspect, displayWidth, sampleEntry, sampleAspectOf } from './sample-entry.ts';

/** Ticks per second of what belongs to no track. */
const MOVIE_TIMESCALE = 1000;
// prettier-ignore
const UNITY_MATRIX: Bytes = [
  fixed32(1), u32(0), u32(0),
  u32(0), fixed32(1), u32(0),
  u32(0), u32(0), u32(0x40000000),
];
const UNDETERMINED_LANGUAGE = 0x55c4; // 'und', three letters of 5 bits

/**
 * Builds the segment. `startsAt` (ticks by track id) makes presentation begin there, by an edit list: for a file that is played from its
 * beginning. MediaSource needs none, and with none a fragment's times are the ring's own.
 */
export function initSegment(tracks: readonly Track[], startsAt: ReadonlyMap<number, number> = new Map()): Uint8Array {
  return flatten([ftyp(), moov(tracks, startsAt)]);
}

function ftyp(): Bytes {
  return [
    box(
      'ftyp',
      ascii('iso5'), // major_brand
      u32(512), // minor_version
      ascii('iso5'), // compatible_brands: tfdt, default-base-is-moof
      ascii('iso6'),
      ascii('mp41'),
    ),
  ];
}

function moov(tracks: readonly Track[], startsAt: ReadonlyMap<number, number>): Bytes {
  return [
    box(
      'moov',
      mvhd(Math.max(0, ...tracks.map((track) => track.id)) + 1),
      tracks.map((track) => trak(track, startsAt.get(track.id))),
      [
        box(
          'mvex',
          tracks.map((track) => trex(track)),
        ),
      ],
    ),
  ];
}

function mvhd(nextTrackId: number): Bytes {
  return [
    fullBox(
      'mvhd',
      0,
      0,
      u32(0), // creation_time
      u32(0), // modification_time
      u32(MOVIE_TIMESCALE), // timescale
      u32(0), // duration: not known, it is live
      fixed32(1), // rate
      u16(0x0100), // volume
      zeros(2 + 8), // reserved
      UNITY_MATRIX, // matrix
      zeros(24), // pre_defined
      u32(nextTrackId), // next_track_ID
    ),
  ];
}

function trak(track: Track, startsAt: number | undefined): Uint8Array {
  const aspect = sampleAspectOf(track);
  return box('trak', tkhd(track, aspect), startsAt === undefined ? [] : edts(startsAt), mdia(track, aspect));
}

function tkhd(track: Track, aspect: SampleAspect): Bytes {
  const video = track.kind === 'video';
  return [
    fullBox(
      'tkhd',
      0,
      0x000003, // track_enabled, track_in_movie
      u32(0), // creation_time
      u32(0), // modification_time
      u32(track.id), // track_ID
      u32(0), // reserved
      u32(0), // duration
      zeros(8), // reserved
      u16(0), // layer
      u16(0), // alternate_group
      u16(video ? 0 : 0x0100), // volume
      zeros(2), // reserved
      UNITY_MATRIX, // matrix
      fixed32(video ? displayWidth(track, aspect) : 0), // width
      fixed32(video ? track.height : 0), // height
    ),
  ];
}

function edts(startsAt: number): Bytes {
  const elst = fullBox(
    'elst',
    1,
    0,
    u32(1), // entry_count
    u64(0), // segment_duration: as long as there are fragments
    u64(startsAt), // media_time
    u16(1), // media_rate_integer
    u16(0), // media_rate_fraction
  );
  return [box('edts', [elst])];
}

function mdia(track: Track, aspect: SampleAspect): Bytes {
  return [box('mdia', mdhd(track.timescale), hdlr(track), minf(track, aspect))];
}

function mdhd(timescale: number): Bytes {
  return [
    fullBox(
      'mdhd',
      0,
      0,
      u32(0), // creation_time
      u32(0), // modification_time
      u32(timescale), // timescale
      u32(0), // duration
      u16(UNDETERMINED_LANGUAGE), // language
      u16(0), // pre_defined
    ),
  ];
}

function hdlr(track: Track): Bytes {
  return [
    fullBox(
      'hdlr',
      0,
      0,
      u32(0), // pre_defined
      ascii(track.kind === 'video' ? 'vide' : 'soun'), // handler_type
      zeros(12), // reserved
      ascii('Bulkhead\0'), // name
    ),
  ];
}

function minf(track: Track, aspect: SampleAspect): Bytes {
  const header =
    track.kind === 'video'
      ? fullBox('vmhd', 0, 1, u16(0), zeros(6)) // graphicsmode, opcolor
      : fullBox('smhd', 0, 0, u16(0), u16(0)); // balance, reserved
  return [box('minf', [header], dinf(), stbl(track, aspect))];
}

function dinf(): Bytes {
  const url = fullBox('url ', 0, 0x000001); // self-contained
  return [box('dinf', [fullBox('dref', 0, 0, u32(1), [url])])];
}

/** All tables are empty: the samples are in the fragments. */
function stbl(track: Track, aspect: SampleAspect): Bytes {
  return [
    box('stbl', [
      fullBox('stsd', 0, 0, u32(1), [sampleEntry(track, aspect)]),
      fullBox('stts', 0, 0, u32(0)), // entry_count
      fullBox('stsc', 0, 0, u32(0)), // entry_count
      fullBox('stsz', 0, 0, u32(0), u32(0)), // sample_size, sample_count
      fullBox('stco', 0, 0, u32(0)), // entry_count
    ]),
  ];
}

function trex(track: Track): Uint8Array {
  return fullBox(
    'trex',
    0,
    0,
    u32(track.id), // track_ID
    u32(1), // default_sample_description_index
    u32(0), // default_sample_duration
    u32(0), // default_sample_size
    u32(0), // default_sample_flags
  );
}
