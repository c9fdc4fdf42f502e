/**
 * Passwords of people: made, hashed, checked. scrypt of node:crypto with its recommended cost; the stored form names its parameters.
 */
import { randomBytes, randomInt, scrypt, timingSafeEqual } from 'node:crypto';

/** Interactive login: 16 MiB and about 50 ms a try. */
const COST = { N: 16_384, r: 8, p: 1 };
const KEY_BYTES = 32;
/** No letters or digits that look like others. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';

function derive(password: string, salt: Buffer, cost: typeof COST): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, KEY_BYTES, cost, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function group(): string {
  return Array.from({ length: 4 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

/** A password that can be read out on the telephone: four groups of four, 79 bits. */
export function generatePassword(): string {
  return [group(), group(), group(), group()].join('-');
}

/** `scrypt$N$r$p$salt$key`, the last two in base64. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, COST);
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64'), key.toString('base64')].join('$');
}

/** False as well for a hash that is not one of ours. */
export async function checkPassword(password: string, hash: string): Promise<boolean> {
  const [scheme, N, r, p, salt, key] = hash.split('$');
  if (scheme !== 'scrypt' || salt === undefined || key === undefined) return false;
  const expected = Buffer.from(key, 'base64');
  if (expected.length !== KEY_BYTES) return false;
  try {
    const cost = { N: Number(N), r: Number(r), p: Number(p) };
    return timingSafeEqual(await derive(password, Buffer.from(salt, 'base64'), cost), expected);
  } catch {
    return false;
  }
}
