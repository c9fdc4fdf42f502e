/**
 * Codec strings for browsers and playlists: the `codecs` parameter of RFC 6381, with ISO/IEC 14496-15 annex E for H.265.
 */
import type { ProfileTierLevel } from './h265.ts';

const hexByte = (value: number): string => value.toString(16).padStart(2, '0');

/** `avc1.PPCCLL`, e.g. `avc1.4d401f` = Main profile, level 3.1. */
export function avcCodecString(sps: { profileIdc: number; constraints: number; levelIdc: number }): string {
  return `avc1.${hexByte(sps.profileIdc)}${hexByte(sps.constraints)}${hexByte(sps.levelIdc)}`;
}

/** `hvc1.P.C.TL.B...`, e.g. `hvc1.1.6.L93.B0` = Main profile, main tier, level 3.1. */
export function hevcCodecString(profile: ProfileTierLevel): string {
  const space = ['', 'A', 'B', 'C'][profile.profileSpace] ?? '';
  const constraintBytes = profile.constraints.toString(16).padStart(12, '0').toUpperCase().match(/../g) ?? [];
  while (constraintBytes.at(-1) === '00') constraintBytes.pop();
  return [
    'hvc1',
    `${space}${profile.profileIdc}`,
    reverseBits(profile.compatibility).toString(16).toUpperCase(),
    `${profile.tier === 1 ? 'H' : 'L'}${profile.levelIdc}`,
    ...constraintBytes.map((byte) => byte.replace(/^0(?=.)/, '')),
  ].join('.');
}

/** `mp4a.40.N` with N the audio object type, e.g. `mp4a.40.2` = AAC-LC. */
export function aacCodecString(objectType: number): string {
  return `mp4a.40.${objectType}`;
}

/** The `type` for MediaSource and for an HTML source, e.g. `video/mp4; codecs="avc1.4d401f, mp4a.40.2"`. */
export function mp4MimeType(codecStrings: readonly string[]): string {
  return `video/mp4; codecs="${codecStrings.join(', ')}"`;
}

/** The compatibility flags go into the string with flag 0 as the lowest bit. */
function reverseBits(value: number): number {
  let reversed = 0;
  for (let i = 0; i < 32; i++) reversed = reversed * 2 + (Math.floor(value / 2 ** i) % 2);
  return reversed;
}
