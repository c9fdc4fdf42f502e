import * as fc from 'fast-check';
import { buildAudioSpecificConfig, isAdts, parseAudioSpecificConfig, splitAdts } from '../../runtime/media/aac.ts';
import { damaged, expectResultOrCorrupt, noise } from './arbitrary.ts';
import { audioTrack } from './clips.ts';

/** An ADTS frame around `payload`: MPEG-4, AAC-LC, no CRC. */
function adts(payload: Uint8Array, rateIndex: number, channels: number): Uint8Array {
  const length = payload.length + 7;
  const header = [
    0xff,
    0xf1,
    (1 << 6) | (rateIndex << 2) | (channels >> 2),
    ((channels & 3) << 6) | (length >> 11),
    (length >> 3) & 255,
    ((length & 7) << 5) | 0x1f,
    0xfc,
  ];
  return Uint8Array.of(...header, ...payload);
}

test('the configuration of a real encoder is understood', () => {
  expect(parseAudioSpecificConfig(audioTrack('main.mp4').config)).toEqual({
    objectType: 2,
    sampleRate: 48000,
    channels: 1,
    samplesPerFrame: 1024,
    codecString: 'mp4a.40.2',
  });
});

test.each([
  ['AAC-LC 44.1 kHz stereo', '1210', { objectType: 2, sampleRate: 44100, channels: 2, samplesPerFrame: 1024 }],
  ['AAC-LC 8 kHz mono', '1588', { objectType: 2, sampleRate: 8000, channels: 1, samplesPerFrame: 1024 }],
  ['HE-AAC 24 to 48 kHz', '2b118800', { objectType: 5, sampleRate: 48000, channels: 2, samplesPerFrame: 2048 }],
  ['HE-AAC v2, mono carried, stereo heard', 'eb098800', { objectType: 29, sampleRate: 48000, channels: 2 }],
  ['a rate said in full', '178000fa08', { objectType: 2, sampleRate: 500, channels: 1 }],
])('%s', (_name, bytes, expected) => {
  expect(parseAudioSpecificConfig(Buffer.from(bytes, 'hex'))).toMatchObject(expected);
});

test('what is built is what is read', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(8000, 11025, 16000, 22050, 44100, 48000, 96000),
      fc.constantFrom(1, 2, 3, 6, 8),
      (sampleRate, channels) => {
        const config = buildAudioSpecificConfig({ objectType: 2, sampleRate, channels });
        expect(parseAudioSpecificConfig(config)).toMatchObject({ objectType: 2, sampleRate, channels });
      },
    ),
  );
});

test('a configuration that no short form can say is refused', () => {
  expect(() => buildAudioSpecificConfig({ objectType: 2, sampleRate: 12345, channels: 1 })).toThrow(
    /no short AudioSpecificConfig/,
  );
});

test('ADTS headers come off, several frames in one packet too', () => {
  const first = Uint8Array.of(1, 2, 3);
  const second = Uint8Array.of(4, 5);
  const packet = Uint8Array.of(...adts(first, 3, 2), ...adts(second, 3, 2));
  expect(isAdts(packet)).toBe(true);
  const frames = splitAdts(packet);
  expect(frames.map(({ payload }) => [...payload])).toEqual([[...first], [...second]]);
  expect(parseAudioSpecificConfig(frames[0]?.config ?? new Uint8Array())).toMatchObject({
    sampleRate: 48000,
    channels: 2,
  });
});

test('raw AAC is not taken for ADTS', () => {
  expect(audioTrack('main.mp4').packets.some(({ data }) => isAdts(data))).toBe(false);
});

test('hostile configurations and headers never fail other than as corrupt', () => {
  for (const good of ['1210', '2b118800', '1200000000ffff']) {
    expectResultOrCorrupt(damaged(Uint8Array.from(Buffer.from(good, 'hex'))), parseAudioSpecificConfig);
  }
  expectResultOrCorrupt(noise, parseAudioSpecificConfig);
  expectResultOrCorrupt(noise, splitAdts);
  expectResultOrCorrupt(
    damaged(Uint8Array.of(...adts(Uint8Array.of(1, 2, 3), 4, 1), ...adts(Uint8Array.of(4), 4, 1))),
    splitAdts,
  );
});
