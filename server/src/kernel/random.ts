import { randomBytes, randomUUID } from 'node:crypto';

/** A uniform number in [0, 1), for jitter only. */
export function randomFraction(): number {
  return Math.random();
}

/** Bytes fit for secrets, as lower-case hex. */
export function randomHex(byteCount: number): string {
  return randomBytes(byteCount).toString('hex');
}

/** A random identifier that means nothing, for request ids and instance names. */
export function randomId(): string {
  return randomUUID();
}
