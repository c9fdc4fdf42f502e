/**
 * Takes secrets out of texts that others wrote: FFmpeg quotes addresses, and an address may hold a password.
 *
 * Our own texts need no scrubbing, because secrets are a type of their own (runtime/secret.ts); this is for the one library that is told them.
 */

/** `//user:password@host`, wherever a URL is quoted. */
const USER_INFO = /\/\/[^/\s]*@/g;

/** `secrets`: strings that must not pass, longest first. */
export function scrub(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) clean = clean.replaceAll(secret, '[secret]');
  return clean.replace(USER_INFO, '//[secret]@');
}
