import path from 'node:path';
import { VideoIntake } from '../../daemon/capture/video-intake.ts';
import { readExtradata } from '../../runtime/media/video-config.ts';
import { joinAnnexB, splitLengthPrefixed } from '../../runtime/media/nal.ts';
import { readMp4Clip, type ClipTrack } from '../support/mp4-clip.ts';

const CLIPS = path.resolve(import.meta.dirname, '../clips');
const clip = (name: string): ClipTrack => readMp4Clip(path.join(CLIPS, name))[0]!;
const small = clip('sub.mp4');
const large = clip('main.mp4');
const setsOf = (track: ClipTrack): readonly Uint8Array[] => readExtradata('h264', track.config).parameterSets;

/** A clip's packet as a camera sends it over RTSP: Annex B, parameter sets in front where they are asked for. */
function annexB(track: ClipTrack, at: number, sets: readonly Uint8Array[] = []): Uint8Array {
  return joinAnnexB([...sets, ...splitLengthPrefixed(track.packets[at]!.data)]);
}

test('pictures before the first keyframe are skipped, and so are keyframes that nothing describes', () => {
  const intake = new VideoIntake('h264', undefined);
  expect(intake.take(annexB(small, 1), false, undefined).type).toBe('skipped');
  expect(intake.take(annexB(small, 0), true, undefined).type).toBe('skipped');
  expect(intake.take(annexB(small, 0, setsOf(small)), true, undefined)).toMatchObject({ type: 'picture', key: true });
  expect(intake.take(annexB(small, 1), false, undefined)).toMatchObject({ type: 'picture', key: false });
});

test('what the source says beforehand describes the first keyframe', () => {
  const intake = new VideoIntake('h264', joinAnnexB(setsOf(small)));
  expect(intake.config).toMatchObject({ width: 320, height: 180 });
  expect(intake.take(annexB(small, 0), true, undefined).type).toBe('picture');
});

test('after a break it begins with a keyframe again', () => {
  const intake = new VideoIntake('h264', small.config);
  intake.take(small.packets[0]!.data, true, undefined);
  intake.begin();
  expect(intake.take(small.packets[1]!.data, false, undefined).type).toBe('skipped');
  expect(intake.take(small.packets[30]!.data, true, undefined).type).toBe('picture');
});

test('the configuration is the same object until it changes, and changes with a keyframe only', () => {
  const intake = new VideoIntake('h264', joinAnnexB(setsOf(small)));
  const first = intake.take(annexB(small, 0, setsOf(small)), true, undefined);
  const again = intake.take(annexB(small, 30, setsOf(small)), true, undefined);
  const changed = intake.take(annexB(large, 0, setsOf(large)), true, undefined);
  if (first.type !== 'picture' || again.type !== 'picture' || changed.type !== 'picture') throw new Error('skipped');
  expect(again.config).toBe(first.config);
  expect(changed.config).toMatchObject({ width: 640, height: 360 });
});

test('parameter sets that come as an access unit of their own are kept for the keyframe that follows', () => {
  const intake = new VideoIntake('h264', joinAnnexB(setsOf(small)));
  intake.take(annexB(small, 0), true, undefined);
  expect(intake.take(joinAnnexB(setsOf(large)), false, undefined).type).toBe('skipped');
  const picture = intake.take(annexB(small, 1), false, undefined);
  expect(picture).toMatchObject({ type: 'picture', config: { width: 320 } });
  expect(intake.take(annexB(large, 0), true, undefined)).toMatchObject({ type: 'picture', config: { width: 640 } });
});

test('a picture parameter set that is not repeated stays in force', () => {
  const [sps, pps] = setsOf(small);
  const intake = new VideoIntake('h264', undefined);
  intake.take(annexB(small, 0, [sps!, pps!]), true, undefined);
  const [otherSps] = setsOf(large);
  const taken = intake.take(annexB(large, 0, [otherSps!]), true, undefined);
  if (taken.type !== 'picture') throw new Error('skipped');
  expect(Buffer.from(taken.config.config).includes(Buffer.from(pps!))).toBe(true);
  expect(taken.config.width).toBe(640);
});

test('nonsense beforehand is forgiven as soon as a keyframe tells the truth', () => {
  const intake = new VideoIntake('h264', new Uint8Array([1, 2, 3]));
  expect(intake.config).toBeUndefined();
  expect(intake.take(annexB(small, 0, setsOf(small)), true, undefined).type).toBe('picture');
});

test('an unreadable change leaves the configuration in force', () => {
  const intake = new VideoIntake('h264', joinAnnexB(setsOf(small)));
  const broken = new Uint8Array([0x67, 0xff]);
  expect(intake.take(annexB(small, 0, [broken]), true, undefined)).toMatchObject({
    type: 'picture',
    config: { width: 320 },
  });
});
