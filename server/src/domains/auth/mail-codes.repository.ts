import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, forUpdate } from '../../db/index.ts';
import { newId } from '../../kernel/ids.ts';
import { MailCodeSchema } from './auth.entity.ts';

/** What a mailed code is for. A `decoy` is for nothing: it makes what an unknown address costs equal to what a known one does. */
export type CodePurpose = 'registration' | 'verify_email' | 'reset_password' | 'change_email' | 'decoy';

export type MailCodeRecord = {
  id: string;
  purpose: CodePurpose;
  userId: string | null;
  email: string;
  passwordHash: string | null;
  name: string | null;
  expiresAtMs: number;
};

type NewMailCode = {
  purpose: CodePurpose;
  email: string;
  userId?: string;
  passwordHash?: string;
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
    passwordHash: code.passwordHash ?? null,
    name: code.name ?? null,
    codeHash: null,
    createdAt: code.createdAtMs,
    expiresAt: code.expiresAtMs,
  });
  return id;
}

export async function findMailCode(em: SqlEntityManager, id: string): Promise<MailCodeRecord | null> {
  const row = await em.findOne(MailCodeSchema, { id });
  return row ? toRecord(row, row.user?.id) : null;
}

/** Gives the code its hash; the one that it had before counts no longer. */
export async function drawMailCode(
  em: SqlEntityManager,
  id: string,
  drawn: { codeHash: string; expiresAtMs: number },
): Promise<void> {
  await em.nativeUpdate(MailCodeSchema, { id }, { codeHash: drawn.codeHash, expiresAt: drawn.expiresAtMs });
}

/** Takes the code away inside the caller's transaction, and answers it; null where there is none. Of two callers at once one gets it. */
export async function takeMailCode(
  em: SqlEntityManager,
  dialect: Dialect,
  codeHash: string,
): Promise<MailCodeRecord | null> {
  await em.execute(`select id from mail_codes where code_hash = ?${forUpdate(dialect)}`, [codeHash]);
  const row = await em.findOne(MailCodeSchema, { codeHash });
  if (!row) return null;
  await em.nativeDelete(MailCodeSchema, { id: row.id });
  return toRecord(row, row.user?.id);
}

/** How many codes of the purposes were asked for with this address since then. */
export async function countMailCodes(em: SqlEntityManager, email: string, sinceMs: number): Promise<number> {
  return em.count(MailCodeSchema, { email, createdAt: { $gte: sinceMs } });
}

/** Takes away the person's codes of these purposes. */
export async function deleteUserCodes(
  em: SqlEntityManager,
  userId: string,
  purposes: readonly CodePurpose[],
): Promise<void> {
  await em.nativeDelete(MailCodeSchema, { user: userId, purpose: { $in: [...purposes] } });
}

/** Takes away the registrations of this address that were not completed. */
export async function deleteRegistrations(em: SqlEntityManager, email: string): Promise<void> {
  await em.nativeDelete(MailCodeSchema, { email, purpose: 'registration' });
}

export async function deleteCodesExpiredBefore(em: SqlEntityManager, nowMs: number): Promise<void> {
  await em.nativeDelete(MailCodeSchema, { expiresAt: { $lte: nowMs } });
}

type MailCodeRow = {
  id: string;
  purpose: string;
  email: string;
  passwordHash?: string | null | undefined;
  name?: string | null | undefined;
  expiresAt: number;
};

function toRecord(row: MailCodeRow, userId: string | undefined): MailCodeRecord {
  return {
    id: row.id,
    purpose: row.purpose as CodePurpose,
    userId: userId ?? null,
    email: row.email,
    passwordHash: row.passwordHash ?? null,
    name: row.name ?? null,
    expiresAtMs: row.expiresAt,
  };
}
