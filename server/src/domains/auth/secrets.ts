import { createHash } from 'node:crypto';

/** The SHA-256 of a secret as lower-case hex: what is stored of tokens and codes. Only for secrets of many random bits, never for passwords. */
export function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
