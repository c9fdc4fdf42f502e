/**
 * A channel: reads the ring, knows what is being received and whether it is live, and gives every packet to all viewers.
 *
 * Belongs here: the order in which a record changes format, GOP and viewers. Does not belong here: how the ring is followed (ring-follower.ts),
 * the policies (starvation.ts, audio-presence.ts), HTTP.
 */
import { systemClock, type Clock } from '../../runtime/clock.ts';
import { type BulkheadError, toBulkheadError } from '../../runtime/errors.ts';
import { writeFragment } from '../../runtime/media/fmp4/fragment.ts';
import {
  type MediaDescription,
  type StreamTable,
  decodeStreamTable,
  describeTable,
} from '../../runtime/media/track.ts';
import type { RingReader, RingRecord } from '../../runtime/ring/reader.ts';
import { Audience } from './audience.ts';
import { AudioPresence } from './audio-presence.ts';
import { planCatchUp } from './catch-up.ts';
import { formatOf } from './format.ts';
import { Gop } from './gop.ts';
import { Placer, isKey, soundLength } from './placer.ts';
import { RateMeter } from './rate-meter.ts';
import { RingFollower } from './ring-follower.ts';
import { Scratch } from './scratch.ts';
import { type Liveness, Starvation } from './starvation.ts';
import type { Source } from './viewer.ts';

export type ChannelOptions = {
  readonly ringPath: string;
  readonly starvationMs: number;
  readonly maxViewers: number;
  readonly clock?: Clock;
  /** So many records have been written to the ring since the last time, whether or not they were read. */
  readonly onWaiting: (records: number) => void;
  /** For every record that was dealt with. */
  readonly onRecord: () => void;
  readonly onViewers: (count: number) => void;
  /** So many more times than before the writer has lapped us. */
  readonly onLaps: (count: number) => void;
  /** Why the channel cannot be shown, for people; `null` = it can (again). */
  readonly onTrouble: (error: BulkheadError | null) => void;
  /** Once: no packets for the starvation time. */
  readonly onStarved: () => void;
};

/** For /health. */
export type ChannelView = {
  readonly state: Liveness;
  readonly lastPacketAgeMs: number | null;
  readonly media: MediaDescription | null;
  readonly trouble: string | null;
  readonly packets: number;
  readonly laps: number;
};

const LOOK_MS = 250;

export class Channel {
  readonly audience: Audience;
  readonly #options: ChannelOptions;
  readonly #clock: Clock;
  readonly #follower: RingFollower;
  readonly #starvation: Starvation;
  readonly #rate = new RateMeter();
  readonly #gop = new Gop();
  readonly #cancelLook: () => void;
  #table: { version: number; content: StreamTable } | undefined;
  #presence = new AudioPresence();
  #placer: Placer | undefined;
  #secondCursor: RingReader | undefined;
  #lastSeq = 0;
  /** The ring's newest record when it was last looked at. */
  #head = 0;
  #packets = 0;
  /** Those that have been told. */
  #laps = 0;
  #trouble: BulkheadError | null = null;
  #starved = false;
  #closed = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#starvation = new Starvation(options.starvationMs, this.#clock.nowMs());
    const source: Source = {
      begin: () => this.#beginFor(),
      cursor: () => this.#cursor(),
      scratch: new Scratch(),
      lastSeq: () => this.#lastSeq,
      keySeq: () => this.#gop.keySeq,
    };
    this.audience = new Audience(source, options.maxViewers, options.onViewers);
    this.#follower = new RingFollower(options.ringPath, {
      opened: (reader) => this.#reset(reader),
      caughtUp: () => this.audience.startWaiting(),
      record: (record) => this.#take(record),
      gap: () => this.#miss(),
      unusable: (error) => this.#setTrouble(error.kind === 'notFound' ? null : error),
    });
    this.#follower.follow();
    this.#cancelLook = this.#clock.every(LOOK_MS, () => this.#look());
  }

  view(): ChannelView {
    const nowMs = this.#clock.nowMs();
    const ageMs = this.#starvation.ageMs(nowMs);
    return {
      state: this.#starvation.liveness(nowMs),
      lastPacketAgeMs: ageMs === null ? null : Math.round(ageMs),
      media: this.#table ? describeTable(this.#table.content) : null,
      trouble: this.#trouble?.message ?? null,
      packets: this.#packets,
      laps: this.#follower.laps,
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelLook();
    this.#closeCursor();
    this.#follower.close();
  }

  /** A ring was opened. Its predecessor's numbers and tables mean nothing any more. */
  #reset(reader: RingReader): void {
    this.#setTrouble(null);
    this.#table = undefined;
    this.#placer = undefined;
    this.#lastSeq = 0;
    this.#head = reader.head;
    this.#gop.clear();
    this.audience.resetAll();
    this.#closeCursor();
  }

  /** Records were lost to us; whoever watches needs a keyframe. */
  #miss(): void {
    if (this.#placer) this.#placer = new Placer(this.#placer.format);
    this.#gop.clear();
    this.audience.missAll();
    const laps = this.#follower.laps - this.#laps;
    this.#laps += laps;
    if (laps > 0) this.#options.onLaps(laps);
  }

  #take(record: RingRecord): void {
    this.#packets++;
    this.#options.onRecord();
    if (this.#fitFormat(record)) this.#pass(record);
    // Also for a record that is of no use: viewers who read for themselves must not wait for it.
    this.#lastSeq = record.seq;
  }

  /** Makes sure that the format in use is that of the record. False: it cannot be used (yet). */
  #fitFormat(record: RingRecord): boolean {
    if (this.#placer?.format.tableVersion === record.tableVersion) return true;
    const table = this.#loadTable(record.tableVersion);
    if (!table) return false;
    try {
      const format = formatOf(table.content, table.version, true);
      this.#presence = new AudioPresence();
      this.#starvation.expect(format.fps);
      this.#setTrouble(null);
      this.#adopt(new Placer(format));
      this.#gop.clear();
      return true;
    } catch (thrown) {
      this.#setTrouble(toBulkheadError(thrown, 'choosing tracks'));
      return false;
    }
  }

  #loadTable(version: number): { version: number; content: StreamTable } | undefined {
    if (this.#table?.version === version) return this.#table;
    const found = this.#follower.reader?.table(version);
    if (!found) return undefined;
    try {
      this.#table = { version, content: decodeStreamTable(found.bytes) };
    } catch (thrown) {
      this.#setTrouble(toBulkheadError(thrown, 'reading the stream table'));
      return undefined;
    }
    return this.#table;
  }

  /** From here on viewers get another format: all begin anew. */
  #adopt(placer: Placer): void {
    this.#placer = placer;
    this.audience.resetAll();
  }

  /** A record of the format in use: observes it, remembers it, and gives it to everybody at the live edge. */
  #pass(record: RingRecord): void {
    this.#observe(record);
    const placer = this.#placer;
    if (!placer) return;
    const { format } = placer;
    const sample = placer.place(record);
    if (!sample) return;
    const key = isKey(record, format);
    const { seq, track, pts, dts } = record;
    const duration = record.track === format.sound?.id ? soundLength(record, format.sound) : record.duration;
    const entry = { seq, track, pts, dts, duration };
    if (key) this.#gop.begin(entry);
    else this.#gop.add(entry);
    if (!this.audience.hasViewersAtEdge) return;
    this.audience.share({ bytes: writeFragment(seq, sample, record.payload), key }, this.#rate.bytesPerSecond);
  }

  /** What the record says of the camera: is it alive, and does it still send sound? */
  #observe(record: RingRecord): void {
    const placer = this.#placer;
    if (!placer) return;
    const { format } = placer;
    const nowMs = this.#clock.nowMs();
    this.#rate.add(record.payload.length, nowMs);
    if (record.track === format.lead.id) {
      // The picture alone decides: a picture that stands still is not live because there is sound.
      this.#starvation.packet(record.captureUs / 1000, nowMs);
      this.#presence.picture(record.captureUs);
    } else this.#presence.sound(record.captureUs);
    const table = this.#table;
    if (!table || format.lead.kind === 'audio') return;
    const hasSound = table.content.tracks.some((track) => track.kind === 'audio');
    if (!hasSound || this.#presence.present === (format.sound !== undefined)) return;
    this.#adopt(new Placer(formatOf(table.content, table.version, this.#presence.present), placer.leadEnd));
  }

  /** What a viewer can begin with; nothing while the channel is not live, because an old picture would pass for a fresh one. */
  #beginFor(): ReturnType<Source['begin']> {
    const format = this.#placer?.format;
    if (!format || this.#starvation.liveness(this.#clock.nowMs()) !== 'live') return undefined;
    // A ring that is small for its GOPs loses the keyframe before the next one comes.
    if (!this.#canRead(this.#gop.keySeq)) this.#gop.clear();
    const plan = planCatchUp(this.#gop.entries, format);
    return plan && { format, plan };
  }

  /** For those who catch up: a second cursor over the ring that is open now. */
  #cursor(): RingReader | undefined {
    this.#secondCursor ??= this.#follower.reader?.fork();
    return this.#secondCursor;
  }

  #canRead(seq: number | undefined): boolean {
    const cursor = this.#cursor();
    if (!cursor || seq === undefined) return false;
    cursor.seek(seq);
    return cursor.read().type === 'record';
  }

  #closeCursor(): void {
    this.#secondCursor?.close();
    this.#secondCursor = undefined;
  }

  #look(): void {
    // Seen on its own, and not by what was read: who stops reading must not look as if there were nothing to read.
    const head = this.#follower.reader?.head ?? this.#head;
    if (head > this.#head) this.#options.onWaiting(head - this.#head);
    this.#head = head;
    // First what there is, then the judgement.
    this.#follower.follow();
    if (this.#closed || this.#starved || this.#starvation.look(this.#clock.nowMs()) !== 'starved') return;
    this.#starved = true;
    this.#options.onStarved();
  }

  #setTrouble(error: BulkheadError | null): void {
    if (error?.message === this.#trouble?.message) return;
    this.#trouble = error;
    this.#options.onTrouble(error);
  }
}
