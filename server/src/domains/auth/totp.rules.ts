import { Secret, TOTP } from 'otpauth';

/** RFC 6238 with what every authenticator app takes: SHA-1, six digits, steps of 30 s. */
const STEP_SECONDS = 30;
const DIGITS = 6;

/** A code counts one step longer, and one earlier, than it is shown: clocks differ and typing takes time. */
const WINDOW_STEPS = 1;

/** The app's entry for a secret in base32. */
export function totpOf(secret: string, label = ''): TOTP {
  const parameters = { algorithm: 'SHA1', digits: DIGITS, period: STEP_SECONDS };
  return new TOTP({ ...parameters, issuer: 'FinVerse', label, secret: Secret.fromBase32(secret) });
}

/** A secret of these random bytes, as hex, in base32. */
export function totpSecret(hex: string): string {
  return Secret.fromHex(hex).base32;
}

/**
 * The step that the code is of; null for a wrong one, and for one of a step that was accepted already or lies before it: a code that somebody looked at
 * over a shoulder is worth nothing.
 */
export function acceptedStep(factor: { secret: string; lastStep: number }, code: string, nowMs: number): number | null {
  const delta = totpOf(factor.secret).validate({ token: code, timestamp: nowMs, window: WINDOW_STEPS });
  if (delta === null) return null;
  const step = Math.floor(nowMs / 1000 / STEP_SECONDS) + delta;
  return step > factor.lastStep ? step : null;
}

/** After this many wrong codes in a row each further one closes the account's second factor for a quarter of an hour, until a right one comes. */
const FAILURES_FREE = 10;
const LOCK_MS = 15 * 60 * 1000;

/** Until when no code is looked at, after that many wrong ones; 0 where the next may come at once. */
export function lockedUntil(failures: number, nowMs: number): number {
  return failures >= FAILURES_FREE ? nowMs + LOCK_MS : 0;
}

/** A recovery code as it is hashed, however it was typed. */
export function plainRecoveryCode(code: string): string {
  return code.toLowerCase().replaceAll(/[^0-9a-f]/g, '');
}
