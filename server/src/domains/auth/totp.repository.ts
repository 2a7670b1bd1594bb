import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, forUpdate } from '../../db/index.ts';
import { newId } from '../../kernel/ids.ts';
import { RecoveryCodeSchema, TotpSchema } from './auth.entity.ts';

export type FactorRecord = {
  id: string;
  secret: string;
  isConfirmed: boolean;
  lastStep: number;
  failures: number;
  lockedUntilMs: number;
};

export async function findFactor(em: SqlEntityManager, userId: string): Promise<FactorRecord | null> {
  const row = await em.findOne(TotpSchema, { user: userId });
  if (!row) return null;
  const { id, secret, lastStep, failures, lockedUntil } = row;
  return {
    id,
    secret,
    lastStep,
    failures,
    isConfirmed: typeof row.confirmedAt === 'number',
    lockedUntilMs: lockedUntil,
  };
}

/** The person's factor, locked until the caller's transaction ends: one code is looked at at a time. */
export async function lockFactor(em: SqlEntityManager, dialect: Dialect, userId: string): Promise<FactorRecord | null> {
  await em.execute(`select id from totp_factors where user_id = ?${forUpdate(dialect)}`, [userId]);
  return findFactor(em, userId);
}

/** Replaces the person's factor by one that does not count yet. */
export async function replaceFactor(em: SqlEntityManager, userId: string, secret: string): Promise<void> {
  await em.nativeDelete(TotpSchema, { user: userId });
  const fresh = { confirmedAt: null, lastStep: 0, failures: 0, lockedUntil: 0 };
  await em.insert(TotpSchema, { id: newId('otp'), user: userId, secret, ...fresh });
}

type FactorChanges = { confirmedAt?: number; lastStep?: number; failures?: number; lockedUntil?: number };

export async function updateFactor(em: SqlEntityManager, id: string, changes: FactorChanges): Promise<void> {
  await em.nativeUpdate(TotpSchema, { id }, changes);
}

/** Takes away the factor and its recovery codes. */
export async function deleteFactor(em: SqlEntityManager, userId: string): Promise<void> {
  await em.nativeDelete(TotpSchema, { user: userId });
  await em.nativeDelete(RecoveryCodeSchema, { user: userId });
}

export async function replaceRecoveryCodes(em: SqlEntityManager, userId: string, hashes: string[]): Promise<void> {
  await em.nativeDelete(RecoveryCodeSchema, { user: userId });
  await em.insertMany(
    RecoveryCodeSchema,
    hashes.map((codeHash) => ({ id: newId('rcv'), user: userId, codeHash })),
  );
}

/** Uses up a recovery code and answers whether there was one. */
export async function spendRecoveryCode(em: SqlEntityManager, userId: string, codeHash: string): Promise<boolean> {
  return (await em.nativeDelete(RecoveryCodeSchema, { user: userId, codeHash })) > 0;
}

export async function countRecoveryCodes(em: SqlEntityManager, userId: string): Promise<number> {
  return em.count(RecoveryCodeSchema, { user: userId });
}
