import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, fetchRows, forUpdate } from '../../db/index.ts';
import { newId } from '../../kernel/ids.ts';
import { MailCodeSchema } from './auth.entity.ts';

/** What a mailed code is for. */
export type CodePurpose = 'registration' | 'verify_email' | 'reset_password' | 'change_email';

/** Mails without a code that are limited as those with one are: they go to an address that somebody else may have named. */
export type NoticePurpose = 'account_exists' | 'address_taken';

/**
 * What a row stands for: a code, or what only looks like one. A `decoy` has no mail at all: it makes what an unknown address, or one that got too many
 * mails, costs equal to what others do.
 */
type RowPurpose = CodePurpose | NoticePurpose | 'decoy';

export type MailCodeRecord = {
  id: string;
  purpose: RowPurpose;
  userId: string | null;
  email: string;
  name: string | null;
  expiresAtMs: number;
};

/** `expiresAt` of a code that was used up or taken back. Its row stays, as the mail that went out is still to be counted. */
const VOID_MS = 0;

type NewMailCode = {
  purpose: RowPurpose;
  email: string;
  userId?: string;
  name?: string | undefined;
  createdAtMs: number;
  expiresAtMs: number;
};

/** Adds a code that is still to be drawn, and answers its id. */
export async function insertMailCode(em: SqlEntityManager, code: NewMailCode): Promise<string> {
  const id = newId('cod');
  await em.insert(MailCodeSchema, {
    id,
    purpose: code.purpose,
    email: code.email,
    user: code.userId ?? null,
    name: code.name ?? null,
    codeHash: null,
    createdAt: code.createdAtMs,
    expiresAt: code.expiresAtMs,
  });
  return id;
}

/** True where a code may still be drawn for the row: it is there, and was neither used up nor taken back. */
export async function isMailCodeWanted(em: SqlEntityManager, id: string): Promise<boolean> {
  return (await em.count(MailCodeSchema, { id, expiresAt: { $ne: VOID_MS } })) === 1;
}

/** Gives the code its hash; the one that it had before counts no longer. Does nothing to one that was voided meanwhile. */
export async function drawMailCode(
  em: SqlEntityManager,
  id: string,
  drawn: { codeHash: string; expiresAtMs: number },
): Promise<void> {
  await em.nativeUpdate(
    MailCodeSchema,
    { id, expiresAt: { $ne: VOID_MS } },
    { codeHash: drawn.codeHash, expiresAt: drawn.expiresAtMs },
  );
}

/** Voids the code inside the caller's transaction, and answers it; null where there is none. Of two callers at once one gets it. */
export async function takeMailCode(
  em: SqlEntityManager,
  dialect: Dialect,
  codeHash: string,
): Promise<MailCodeRecord | null> {
  await em.execute(`select id from mail_codes where code_hash = ?${forUpdate(dialect)}`, [codeHash]);
  const row = await em.findOne(MailCodeSchema, { codeHash });
  if (!row) return null;
  const taken = toRecord(row, row.user?.id);
  await voidCodes(em, { id: row.id });
  return taken;
}

/** How many mails an address was to get: in all, of one purpose, and of that one for one person. */
export type MailedCounts = { all: number; alike: number; own: number };

type Counted = { email: string; purpose: string; userId: string | null; sinceMs: number };

/**
 * Counts the mails that this address was to get since then, those of voided codes included; `userId` null: those that were nobody's yet. Decoys have no mail. One row
 * answers however many they are: reading each would tell by its time that the address gets some.
 */
export async function countMailed(em: SqlEntityManager, counted: Counted): Promise<MailedCounts> {
  const { email, purpose, userId, sinceMs } = counted;
  const [row] = await fetchRows<Record<keyof MailedCounts, unknown>>(
    em,
    `select count(*) as \`all\`, count(case when purpose = ? then 1 end) as alike,
       count(case when purpose = ? and coalesce(user_id, '') = ? then 1 end) as own
     from mail_codes where email = ? and created_at >= ? and purpose <> 'decoy'`,
    [purpose, purpose, userId ?? '', email, sinceMs],
  );
  return { all: Number(row?.all), alike: Number(row?.alike), own: Number(row?.own) };
}

/** Takes back the person's codes of these purposes. */
export async function voidUserCodes(
  em: SqlEntityManager,
  userId: string,
  purposes: readonly CodePurpose[],
): Promise<void> {
  await voidCodes(em, { user: userId, purpose: { $in: [...purposes] } });
}

/** Takes back the person's codes of this purpose that were mailed to this address. */
export async function voidUserCodesTo(
  em: SqlEntityManager,
  { userId, email, purpose }: { userId: string; email: string; purpose: CodePurpose | 'decoy' },
): Promise<void> {
  await voidCodes(em, { user: userId, email, purpose });
}

/** Takes back the registrations of this address that were not completed. */
export async function voidRegistrations(em: SqlEntityManager, email: string): Promise<void> {
  await voidCodes(em, { email, purpose: 'registration' });
}

/** Deletes codes that are over and were asked for before `createdBeforeMs`: younger ones still count for the limit, or wait for a mail that is tried again. */
export async function deleteCodesOver(em: SqlEntityManager, nowMs: number, createdBeforeMs: number): Promise<void> {
  await em.nativeDelete(MailCodeSchema, { expiresAt: { $lte: nowMs }, createdAt: { $lte: createdBeforeMs } });
}

type Voided =
  | { id: string }
  | { user: string; purpose: { $in: CodePurpose[] } }
  | { user?: string; email: string; purpose: CodePurpose | 'decoy' };

/** From now on they are no codes, nor will they be; what somebody typed in goes. */
async function voidCodes(em: SqlEntityManager, where: Voided): Promise<void> {
  await em.nativeUpdate(MailCodeSchema, where, { codeHash: null, expiresAt: VOID_MS, name: null });
}

type MailCodeRow = {
  id: string;
  purpose: string;
  email: string;
  name?: string | null | undefined;
  expiresAt: number;
};

function toRecord(row: MailCodeRow, userId: string | undefined): MailCodeRecord {
  return {
    id: row.id,
    purpose: row.purpose as RowPurpose,
    userId: userId ?? null,
    email: row.email,
    name: row.name ?? null,
    expiresAtMs: row.expiresAt,
  };
}
