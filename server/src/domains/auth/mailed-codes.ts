import type { SqlEntityManager } from '@mikro-orm/sql';
import { type AuthParts, codeInvalid } from './auth.parts.ts';
import {
  type CodePurpose,
  insertMailCode,
  listMailedPurposes,
  type MailCodeRecord,
  type NoticePurpose,
  takeMailCode,
  voidUserCodes,
} from './mail-codes.repository.ts';
import { digest } from './secrets.ts';

const HOUR_MS = 60 * 60 * 1000;

/** An address gets no more mails of these purposes than these in an hour, whoever asks, but always the first of each. */
const CODE_MAILS_PER_HOUR_MAX = 5;

/** A mail that is tried for hours must still find its code. */
const UNDRAWN_HOURS = 24;

type Wanted = {
  email: string;
  /** What the mail is; `nothing`: there is to be none, which must not show. */
  mail: CodePurpose | NoticePurpose | 'nothing';
  userId?: string;
  /** The person's earlier codes for this end with the new one; where it is not mailed, the last that was still counts. */
  replaces?: CodePurpose;
  name?: string | undefined;
};

/**
 * Leaves a code and the mail that will carry it, inside the caller's transaction. Whatever is wanted, it runs the same statements: who measures how long it
 * takes learns nothing. Over the hourly limit for the address there is no mail, and one of the last hour's does. Only mails count for the limit, and all of
 * them: neither what was asked for in vain, so that nobody's asking keeps the owner's mail away for ever, nor a code's end makes a difference. The first of
 * a purpose is mailed in any case: who uses up the limit with other mails keeps nobody from theirs.
 */
export async function mailCode({ clock, mails }: AuthParts, em: SqlEntityManager, wanted: Wanted): Promise<void> {
  const nowMs = clock.now();
  const mailed = await listMailedPurposes(em, wanted.email, nowMs - HOUR_MS);
  const isFlood = mailed.length >= CODE_MAILS_PER_HOUR_MAX && mailed.includes(wanted.mail);
  const { mail: wantedMail, replaces, ...code } = wanted;
  const mail = isFlood ? 'nothing' : wantedMail;
  const purpose = mail === 'nothing' ? 'decoy' : mail;
  if (replaces && code.userId !== undefined && !isFlood) await voidUserCodes(em, code.userId, [replaces]);
  const times = { createdAtMs: nowMs, expiresAtMs: nowMs + UNDRAWN_HOURS * HOUR_MS };
  const id = await insertMailCode(em, { ...code, ...times, purpose });
  await mails.enqueue(em, { kind: mail, recipient: wanted.email, reference: id });
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
