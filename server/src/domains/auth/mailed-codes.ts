import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuthParts, codeInvalid } from './auth.parts.ts';
import {
  type CodePurpose,
  countMailed,
  insertMailCode,
  type MailCodeRecord,
  type MailedCounts,
  type NoticePurpose,
  takeMailCode,
  voidUserCodesTo,
} from './mail-codes.repository.ts';
import { digest } from './secrets.ts';

const HOUR_MS = 60 * 60 * 1000;

/** An address gets no more mails of these purposes than these in an hour, but always the first of each purpose, and for each person the first of theirs. */
const CODE_MAILS_PER_HOUR_MAX = 5;

/** However many people ask: over these in an hour nobody's mail is a first of theirs any more. */
const CODE_MAILS_OF_ALL_PER_HOUR_MAX = 20;

/** A mail that is tried for hours must still find its code. */
const UNDRAWN_HOURS = 24;

type Wanted = {
  email: string;
  /** What the mail is; `nothing`: there is to be none, which must not show. */
  mail: CodePurpose | NoticePurpose | 'nothing';
  userId?: string;
  /** The person's earlier codes for this, at the same address, end with the new one; where it is not mailed, the last that was still counts. */
  replaces?: CodePurpose;
  name?: string | undefined;
};

/**
 * Leaves a code and the mail that will carry it, inside the caller's transaction. Whatever is wanted, it runs the same statements: who measures how long it
 * takes learns nothing. Over the hourly limit for the address there is no mail, and one of the last hour's does. Only mails count for the limit, and all of
 * them: neither what was asked for in vain, so that nobody's asking keeps the owner's mail away for ever, nor a code's end makes a difference. The first of
 * a purpose is mailed in any case, and the first that a person asks for: who uses up the limit keeps nobody from theirs, short of the limit of all together.
 *
 * What happened at this address makes no difference to the person's codes at others: it depends on whether the address has an account.
 */
export async function mailCode({ clock, mails }: AuthParts, em: SqlEntityManager, wanted: Wanted): Promise<void> {
  const nowMs = clock.now();
  const { mail: wantedMail, replaces, ...code } = wanted;
  const { email, userId = null } = code;
  const isFlood = isOverLimit(await countMailed(em, { email, userId, purpose: wantedMail, sinceMs: nowMs - HOUR_MS }));
  const mail = isFlood ? 'nothing' : wantedMail;
  const purpose = mail === 'nothing' ? 'decoy' : mail;
  if (replaces && code.userId !== undefined) {
    // A decoy is no code, so that voiding those does nothing but cost the same.
    await voidUserCodesTo(em, { userId: code.userId, email: code.email, purpose: isFlood ? 'decoy' : replaces });
  }
  const times = { createdAtMs: nowMs, expiresAtMs: nowMs + UNDRAWN_HOURS * HOUR_MS };
  const id = await insertMailCode(em, { ...code, ...times, purpose });
  await mails.enqueue(em, { kind: mail, recipient: wanted.email, reference: id });
}

function isOverLimit({ all, alike, own }: MailedCounts): boolean {
  if (all < CODE_MAILS_PER_HOUR_MAX) return false;
  return all >= CODE_MAILS_OF_ALL_PER_HOUR_MAX ? alike > 0 : own > 0;
}

/** Uses up a code, inside the caller's transaction. @throws AppError CODE_INVALID for one that is unknown, used, too old, or for something else. */
export async function spendCode(
  { clock, database }: AuthParts,
  em: SqlEntityManager,
  { code, purposes }: { code: string; purposes: readonly CodePurpose[] },
): Promise<MailCodeRecord> {
  const record = await takeMailCode(em, database.dialect, digest(code));
  if (!record || !purposes.some((purpose) => purpose === record.purpose) || record.expiresAtMs <= clock.now())
    throw codeInvalid();
  return record;
}
