import * as fc from 'fast-check';
import { avcConfigFromAnnexB, avcConfigFromParameterSets, parseAvcConfig } from '../../runtime/media/avc-config.ts';
import { hevcCodecString } from '../../runtime/media/codec-string.ts';
import { parseH264Sps } from '../../runtime/media/h264.ts';
import { parseH265Sps, parseH265VpsFps } from '../../runtime/media/h265.ts';
import { hevcConfigFromAnnexB, hevcConfigFromParameterSets, parseHevcConfig } from '../../runtime/media/hevc-config.ts';
import { joinAnnexB } from '../../runtime/media/nal.ts';
import { readExtradata, videoConfigFromParameterSets } from '../../runtime/media/video-config.ts';
import { damaged, expectResultOrCorrupt, noise } from './arbitrary.ts';
import { videoTrack } from './clips.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const H264_CLIPS = ['main.mp4', 'sub.mp4', 'longgop.mp4', 'bframes.mp4'];

describe('H.264', () => {
  test.each(H264_CLIPS)('the record built from the parameter sets of %s is the one its muxer wrote', (name) => {
    const { config, width, height } = videoTrack(name);
    const { parameterSets } = parseAvcConfig(config);
    const built = avcConfigFromAnnexB(joinAnnexB(parameterSets));
    expect(Buffer.from(built.config).toString('hex')).toBe(config.toString('hex'));
    expect(built).toMatchObject({ width, height });
    expect(built.codecString).toBe(`avc1.${config.toString('hex', 1, 4)}`);
  });

  test('size is counted after cropping: 1920x1080 of a real encoder, with its rate', () => {
    const sps = parseH264Sps(hex('67 64 00 28 ac d9 40 78 02 27 e5 c0 44 00 00 03 00 04 00 00 03 00 c8 3c 60 c6 58'));
    expect(sps).toMatchObject({
      profileIdc: 100,
      levelIdc: 40,
      width: 1920,
      height: 1080,
      fps: 25,
      sampleAspect: [1, 1],
    });
  });

  test('an interlaced stream counts map units and cropping in field lines; its pixels need not be square', () => {
    const sps = parseH264Sps(hex('67 64 00 28 ac d9 40 78 04 4f de 1c 20 00 00 03 00 20 00 00 06 43 e2 c5 b2 c0'));
    expect(sps).toMatchObject({ width: 1920, height: 1080, sampleAspect: [4, 3], fps: 25 });
  });

  test('a VUI that ends too early costs the rate and nothing else', () => {
    const whole = hex('67 64 00 28 ac d9 40 78 02 27 e5 c0 44 00 00 03 00 04 00 00 03 00 c8 3c 60 c6 58');
    expect(parseH264Sps(whole.subarray(0, 17))).toMatchObject({ width: 1920, height: 1080, fps: 0 });
  });

  test('without parameter sets there is no configuration, and the error says so', () => {
    expect(() => avcConfigFromParameterSets([])).toThrow(/no parameter sets yet/);
  });
});

describe('H.265', () => {
  test('the record of a real encoder says size, profile, depth and parameter sets', () => {
    const { config, width, height } = videoTrack('h265.mp4');
    const { parameterSets, lengthSizeBytes } = parseHevcConfig(config);
    expect(lengthSizeBytes).toBe(4);
    // Encoders append supplemental units to the record; only parameter sets are wanted.
    const built = hevcConfigFromAnnexB(joinAnnexB(parameterSets));
    expect(built).toMatchObject({ width, height });
    expect(built.codecString).toBe('hvc1.1.6.L60.90');
    expect([...built.config.subarray(0, 13)]).toEqual([...config.subarray(0, 13)]);
    const sets = parseHevcConfig(built.config).parameterSets.map((nal) => Buffer.from(nal).toString('hex'));
    expect(sets.length).toBe(3);
    for (const set of sets) expect(parameterSets.map((nal) => Buffer.from(nal).toString('hex'))).toContain(set);
  });

  test('1080p of a camera: the conformance window is taken off', () => {
    const sps = parseH265Sps(
      hex(
        '42 01 01 01 60 00 00 03 00 90 00 00 03 00 00 03 00 78 a0 03 c0 80 10 e5 96 56 69 24 ca e0 10 00 00 03 00 10 00 00 03 01 e0 80',
      ),
    );
    expect(sps).toMatchObject({ width: 1920, height: 1080, chromaFormatIdc: 1, bitDepthLuma: 8, bitDepthChroma: 8 });
    expect(sps.profile).toMatchObject({ profileIdc: 1, tier: 0, levelIdc: 120 });
  });

  test('ten bits and 4:2:2, and the rate of the video parameter set', () => {
    const sps = parseH265Sps(
      hex(
        '42 01 01 04 08 00 00 03 00 9d 08 00 00 03 00 00 78 b0 03 c0 80 10 e4 d9 65 66 92 4c af 01 68 08 00 00 03 00 08 00 00 03 00 f0 40',
      ),
    );
    expect(sps).toMatchObject({ width: 1920, height: 1080, chromaFormatIdc: 2, bitDepthLuma: 10, bitDepthChroma: 10 });
    expect(hevcCodecString(sps.profile)).toBe('hvc1.4.10.L120.9D.8');
    expect(
      parseH265VpsFps(
        hex('40 01 0c 01 ff ff 01 60 00 00 03 00 90 00 00 03 00 00 03 00 3c 92 80 c0 00 00 03 00 40 00 00 07 94'),
      ),
    ).toBe(30);
  });

  test('without parameter sets there is no configuration, and the error says so', () => {
    expect(() => hevcConfigFromParameterSets([hex('4001'), hex('4401')])).toThrow(/no parameter sets yet/);
  });
});

test('extradata is told apart: Annex B from a record, with the samples lengths', () => {
  for (const name of H264_CLIPS) {
    const { config } = videoTrack(name);
    const record = readExtradata('h264', config);
    expect(record).toMatchObject({ form: 'lengthPrefixed', lengthSizeBytes: 4 });
    const annexB = readExtradata('h264', joinAnnexB(record.parameterSets));
    expect(annexB.form).toBe('annexb');
    expect(videoConfigFromParameterSets('h264', annexB.parameterSets)).toEqual(
      videoConfigFromParameterSets('h264', record.parameterSets),
    );
  }
});

describe('hostile parameter sets never fail other than as corrupt', () => {
  const h264 = Uint8Array.from(videoTrack('bframes.mp4').config);
  const h265 = Uint8Array.from(videoTrack('h265.mp4').config);
  const [sps264] = parseAvcConfig(h264).parameterSets as [Uint8Array];
  const [vps265, sps265] = parseHevcConfig(h265).parameterSets as [Uint8Array, Uint8Array];

  test.each<[string, Uint8Array, (bytes: Uint8Array) => unknown]>([
    ['H.264 SPS', sps264, parseH264Sps],
    ['H.265 SPS', sps265, parseH265Sps],
    ['H.265 VPS', vps265, parseH265VpsFps],
    ['AVC record', h264, (bytes) => videoConfigFromParameterSets('h264', readExtradata('h264', bytes).parameterSets)],
    ['HEVC record', h265, (bytes) => videoConfigFromParameterSets('h265', readExtradata('h265', bytes).parameterSets)],
  ])('%s', (_name, good, parse) => {
    expect(() => parse(good)).not.toThrow();
    expectResultOrCorrupt(damaged(good), parse);
    expectResultOrCorrupt(
      noise.map((bytes) => Uint8Array.of(...good.subarray(0, 4), ...bytes)),
      parse,
    );
  });

  test('what parses fits the stream table', () => {
    fc.assert(
      fc.property(damaged(sps264), (bytes) => {
        try {
          const { width, height } = parseH264Sps(bytes);
          expect(width).toBeGreaterThan(0);
          expect(Math.max(width, height)).toBeLessThanOrEqual(16_384);
        } catch (error) {
          expect(error).toMatchObject({ kind: 'corrupt' });
        }
      }),
    );
  });
});
