import type { SqlEntityManager } from '@mikro-orm/sql';
import type { AuthMail } from './auth.mails.ts';
import { type AuthParts, codeInvalid } from './auth.parts.ts';
import {
  type CodePurpose,
  countMailCodes,
  insertMailCode,
  type MailCodeRecord,
  takeMailCode,
} from './mail-codes.repository.ts';
import { digest } from './secrets.ts';

const HOUR_MS = 60 * 60 * 1000;

/** An address gets no more mails with codes than these in an hour, whoever asks. */
export const CODE_MAILS_PER_HOUR_MAX = 5;

/** A mail that is tried for hours must still find its code. */
const UNDRAWN_HOURS = 24;

type Wanted = {
  email: string;
  purpose: CodePurpose;
  mail: AuthMail;
  userId?: string;
  passwordHash?: string;
  name?: string | undefined;
};

/**
 * Leaves a code and the mail that will carry it, inside the caller's transaction. Whatever is wanted, it runs the same statements: who measures how long it
 * takes learns nothing. Over the hourly limit for the address the mail is one that nobody gets.
 */
export async function mailCode({ clock, mails }: AuthParts, em: SqlEntityManager, wanted: Wanted): Promise<void> {
  const nowMs = clock.now();
  const isFlood = (await countMailCodes(em, wanted.email, nowMs - HOUR_MS)) >= CODE_MAILS_PER_HOUR_MAX;
  const { mail, ...code } = wanted;
  const id = await insertMailCode(em, { ...code, createdAtMs: nowMs, expiresAtMs: nowMs + UNDRAWN_HOURS * HOUR_MS });
  await mails.enqueue(em, { kind: isFlood ? 'nothing' : mail, recipient: wanted.email, reference: id });
}

/** Uses up a code, inside the caller's transaction. @throws AppError CODE_INVALID for one that is unknown, used, too old, or for something else. */
export async function spendCode(
  { clock, database }: AuthParts,
  em: SqlEntityManager,
  { code, purposes }: { code: string; purposes: readonly CodePurpose[] },
): Promise<MailCodeRecord> {
  const record = await takeMailCode(em, database.dialect, digest(code));
  if (!record || !purposes.includes(record.purpose) || record.expiresAtMs <= clock.now()) throw codeInvalid();
  return record;
}
