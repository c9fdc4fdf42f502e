/**
 * Sound whose format changes in the middle, as when somebody changes a camera's settings: no picture may be lost to it, let alone the process.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { RingTape, captureConfig, ringFolder, startRunner, type KeptRecord } from '../support/capture.ts';
import { decodeAac } from '../support/decode-aac.ts';

const CLIP = path.resolve(import.meta.dirname, '../clips/sub.mp4');
const HERTZ = 1000;
const PART_SECONDS = 2;
const RATE = 48_000;
/** What the camera sends, one part after the other. */
const PARTS = [
  ['-ac', '2', '-ar', '48000'],
  ['-ac', '1', '-ar', '48000'],
  ['-ac', '1', '-ar', '44100'],
];

const folder = ringFolder();
afterAll(() => folder.remove());

/** A transport stream in which a whistle of one pitch changes its form twice. */
function makeClip(): string {
  const whole = path.join(folder.path, 'changing-sound.mpegts');
  PARTS.forEach((form, i) => {
    const part = path.join(folder.path, `${i}.mpegts`);
    const whistle = `sine=frequency=${HERTZ}:duration=${PART_SECONDS}`;
    // One line for each idea: two inputs, the length, picture, sound, place in time.
    // prettier-ignore
    execFileSync('ffmpeg', [
      '-v', 'error', '-i', CLIP, '-f', 'lavfi', '-i', whistle,
      '-t', `${PART_SECONDS}`,
      '-map', '0:v', '-c:v', 'copy',
      '-map', '1:a', '-c:a', 'mp2', ...form,
      '-output_ts_offset', `${i * PART_SECONDS}`, '-f', 'mpegts', part,
    ]);
    appendFileSync(whole, readFileSync(part));
  });
  return whole;
}

/** Oscillations a second between two moments, by the zero crossings. */
function pitch(samples: Int16Array, fromSeconds: number, toSeconds: number): number {
  let crossings = 0;
  for (let i = fromSeconds * RATE; i < toSeconds * RATE; i++) {
    if (samples[i]! < 0 !== samples[i + 1]! < 0) crossings++;
  }
  return crossings / 2 / (toSeconds - fromSeconds);
}

test('sound that turns from stereo to mono, and to another rate, goes on as one AAC track at its own pitch', async () => {
  const ringPath = path.join(folder.path, 'sound.ring');
  const capture = startRunner(captureConfig({ type: 'file', path: makeClip() }, ringPath), ringPath);
  const tape = new RingTape(ringPath);
  const sound = (records: readonly KeptRecord[]): KeptRecord[] => records.filter(({ track }) => track === 2);
  const wantedUnits = (PARTS.length * PART_SECONDS * RATE) / 1024 - 10;
  try {
    await tape.until((records) => sound(records).length >= wantedUnits, 40_000);
  } finally {
    await capture.stop();
    tape.now();
    tape.close();
  }
  expect(await capture.exited).toEqual({ code: 0, signal: null });
  expect(tape.tables.size).toBe(1);
  expect(tape.table(tape.records[0]!).tracks[1]).toMatchObject({
    channels: 2,
    sampleRate: RATE,
    transcodedFrom: expect.stringMatching(/^mp[23]$/),
  });
  const samples = decodeAac(
    sound(tape.records).map(({ payload }) => payload),
    RATE,
    2,
  );
  PARTS.forEach((_, i) => {
    const heard = pitch(samples, i * PART_SECONDS + 0.5, (i + 1) * PART_SECONDS - 0.5);
    expect(Math.abs(heard - HERTZ)).toBeLessThan(20);
  });
});
