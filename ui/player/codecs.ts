/**
 * Which MediaSource there is, what it can play, and how codecs are called.
 */

/** Safari on an iPhone has only the managed kind. */
type WithManaged = typeof globalThis & { readonly ManagedMediaSource?: typeof MediaSource };

export function mediaSourceClass(): typeof MediaSource | undefined {
  return 'MediaSource' in globalThis ? MediaSource : (globalThis as WithManaged).ManagedMediaSource;
}

/** What of the stream this browser cannot play, for people; `undefined` = it can play all. */
export function cannotPlay(mime: string): string | undefined {
  const source = mediaSourceClass();
  if (!source) return 'live video (it has no Media Source Extensions)';
  if (source.isTypeSupported(mime)) return undefined;
  const strings = codecStrings(mime);
  const failing = strings.filter((codec) => !source.isTypeSupported(`video/mp4; codecs="${codec}"`));
  return (failing.length > 0 ? failing : strings).map(codecName).join(' and ');
}

export function codecStrings(mime: string): string[] {
  return /codecs="([^"]*)"/.exec(mime)?.[1]?.split(/\s*,\s*/) ?? [];
}

export function codecName(codec: string): string {
  if (/^avc[13]\./.test(codec)) return 'H.264';
  if (/^(hvc1|hev1)\./.test(codec)) return 'H.265';
  return codec.startsWith('mp4a.40') ? 'AAC' : codec;
}
