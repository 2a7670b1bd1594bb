import { expect, test } from 'vitest';
import { PasswordHasher } from './passwords.ts';

test('a password fits its hash however its accents are composed, and no other does', async () => {
  const hasher = new PasswordHasher();
  const hash = await hasher.hash('pâté en croûte');
  expect(await hasher.verify(hash, 'pâté en croûte'.normalize('NFD'))).toBe(true);
  expect(await hasher.verify(hash, 'pate en croute')).toBe(false);
});

test('without a person no password fits', async () => {
  expect(await new PasswordHasher().verify(null, 'anything')).toBe(false);
});

test('600 logins at once: a bounded number is worked on, the rest is told to come back, and then it goes on', async () => {
  const hasher = new PasswordHasher();
  const outcomes = await Promise.allSettled(Array.from({ length: 600 }, () => hasher.verify(null, 'x')));
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  expect(outcomes.length - refused.length).toBe(42);
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 2 });
  expect(await hasher.verify(null, 'x')).toBe(false);
});
