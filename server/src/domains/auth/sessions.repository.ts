import type { SqlEntityManager } from '@mikro-orm/sql';
import { SessionSchema } from './auth.entity.ts';

/** A session as it is stored; `idHash` is the SHA-256 of its token. */
export type SessionRecord = { idHash: string; userId: string; expiresAtMs: number };

export async function findSession(
  em: SqlEntityManager,
  idHash: string,
): Promise<(SessionRecord & { role: string }) | null> {
  const row = await em.findOne(SessionSchema, { id: idHash }, { populate: ['user'] });
  return row && { idHash, userId: row.user.id, expiresAtMs: row.expiresAt, role: row.user.role };
}

export async function insertSession(
  em: SqlEntityManager,
  session: SessionRecord & { createdAtMs: number },
): Promise<void> {
  await em.insert(SessionSchema, {
    id: session.idHash,
    user: session.userId,
    expiresAt: session.expiresAtMs,
    createdAt: session.createdAtMs,
  });
}

export async function extendSession(em: SqlEntityManager, idHash: string, expiresAtMs: number): Promise<void> {
  await em.nativeUpdate(SessionSchema, { id: idHash }, { expiresAt: expiresAtMs });
}

export async function deleteSession(em: SqlEntityManager, idHash: string): Promise<void> {
  await em.nativeDelete(SessionSchema, { id: idHash });
}

export async function deleteUserSessions(em: SqlEntityManager, userId: string): Promise<void> {
  await em.nativeDelete(SessionSchema, { user: userId });
}

export async function listUserSessions(em: SqlEntityManager, userId: string): Promise<SessionRecord[]> {
  const rows = await em.find(SessionSchema, { user: userId });
  return rows.map((row) => ({ idHash: row.id, userId, expiresAtMs: row.expiresAt }));
}

/** Answers how many were deleted. */
export async function deleteSessionsExpiredBefore(em: SqlEntityManager, nowMs: number): Promise<number> {
  return em.nativeDelete(SessionSchema, { expiresAt: { $lte: nowMs } });
}
