import * as fc from 'fast-check';
import { joinAnnexB, joinLengthPrefixed, splitAnnexB, splitLengthPrefixed } from '../../runtime/media/nal.ts';
import { expectResultOrCorrupt, noise } from './arbitrary.ts';

/** A NAL unit as an encoder makes it: no 00 00 00, 00 00 01 or 00 00 02 inside, and no zero at the end. */
const nalUnit = fc
  .tuple(fc.constantFrom(0x65, 0x41, 0x67, 0x40), fc.uint8Array({ maxLength: 60 }))
  .map(([header, body]) => {
    const nal: number[] = [header];
    for (const byte of body) {
      if (byte <= 3 && nal.at(-1) === 0 && nal.at(-2) === 0) nal.push(3);
      nal.push(byte);
    }
    nal.push(0x80);
    return Uint8Array.from(nal);
  });

test('start codes of three and four bytes, leading bytes and trailing zeros are told from the units', () => {
  const stream = Uint8Array.of(9, 0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 0, 0, 1, 0x65, 0, 0, 3, 1, 0, 0);
  expect(splitAnnexB(stream).map((nal) => [...nal])).toEqual([
    [0x67, 1, 2],
    [0x68, 3],
    [0x65, 0, 0, 3, 1],
  ]);
});

test('any units come back unchanged from Annex B and from length-prefixed form', () => {
  fc.assert(
    fc.property(fc.array(nalUnit, { maxLength: 8 }), (nals) => {
      const plain = nals.map((nal) => [...nal]);
      expect(splitAnnexB(joinAnnexB(nals)).map((nal) => [...nal])).toEqual(plain);
      expect(splitLengthPrefixed(joinLengthPrefixed(nals)).map((nal) => [...nal])).toEqual(plain);
    }),
  );
});

test('units are views of the stream, not copies', () => {
  const stream = joinAnnexB([Uint8Array.of(0x65, 1, 2, 3)]);
  expect(splitAnnexB(stream)[0]?.buffer).toBe(stream.buffer);
});

test('lengths of one and two bytes are understood', () => {
  expect(splitLengthPrefixed(Uint8Array.of(0, 2, 0x65, 7, 0, 1, 0x41), 2).map((nal) => [...nal])).toEqual([
    [0x65, 7],
    [0x41],
  ]);
  expect(splitLengthPrefixed(Uint8Array.of(1, 0x65, 0, 1, 0x41), 1).map((nal) => [...nal])).toEqual([[0x65], [0x41]]);
});

test('a length beyond the end is corrupt, also when it is huge', () => {
  expect(() => splitLengthPrefixed(Uint8Array.of(0, 0, 0, 5, 0x65))).toThrow(/5 bytes where 1 are left/);
  expect(() => splitLengthPrefixed(Uint8Array.of(255, 255, 255, 255, 0x65))).toThrow(/where 1 are left/);
  expect(() => splitLengthPrefixed(Uint8Array.of(0, 0))).toThrow(expect.objectContaining({ kind: 'corrupt' }));
});

test('noise never fails other than as corrupt', () => {
  expectResultOrCorrupt(noise, (bytes) => splitAnnexB(bytes));
  expectResultOrCorrupt(noise, (bytes) => splitLengthPrefixed(bytes));
});
