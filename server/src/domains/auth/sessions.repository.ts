import type { SqlEntityManager } from '@mikro-orm/sql';
import { fetchRows } from '../../db/index.ts';
import { newId } from '../../kernel/ids.ts';
import { DELETION_BEGUN_MS } from '../users/index.ts';
import { SessionSchema } from './auth.entity.ts';

/** A session as it is stored; `idHash` is the SHA-256 of its token, `handle` what its owner knows it by. */
export type SessionRecord = {
  idHash: string;
  handle: string;
  userId: string;
  expiresAtMs: number;
  createdAtMs: number;
  lastUsedAtMs: number;
  userAgent: string | null;
};

/** The session; null also while its person's account is being deleted. */
export async function findSession(
  em: SqlEntityManager,
  idHash: string,
): Promise<(SessionRecord & { role: string }) | null> {
  // Asked with every request: past the entities, which take a millisecond of CPU for it.
  const [row] = await fetchRows<Record<string, unknown>>(
    em,
    `select s.handle, s.user_id, s.expires_at, s.created_at, s.last_used_at, s.user_agent, u.role
     from sessions s join users u on u.id = s.user_id where s.id = ? and (u.deletion_at is null or u.deletion_at <> ?)`,
    [idHash, DELETION_BEGUN_MS],
  );
  return row
    ? {
        idHash,
        handle: row['handle'] as string,
        userId: row['user_id'] as string,
        expiresAtMs: Number(row['expires_at']),
        createdAtMs: Number(row['created_at']),
        lastUsedAtMs: Number(row['last_used_at']),
        userAgent: row['user_agent'] as string | null,
        role: row['role'] as string,
      }
    : null;
}

type NewSession = Omit<SessionRecord, 'handle' | 'lastUsedAtMs'>;

export async function insertSession(em: SqlEntityManager, session: NewSession): Promise<void> {
  await em.insert(SessionSchema, {
    id: session.idHash,
    handle: newId('ses'),
    user: session.userId,
    expiresAt: session.expiresAtMs,
    createdAt: session.createdAtMs,
    lastUsedAt: session.createdAtMs,
    userAgent: session.userAgent,
  });
}

export async function extendSession(em: SqlEntityManager, idHash: string, expiresAtMs: number): Promise<void> {
  await em.nativeUpdate(SessionSchema, { id: idHash }, { expiresAt: expiresAtMs });
}

export async function touchSession(em: SqlEntityManager, idHash: string, nowMs: number): Promise<void> {
  await em.nativeUpdate(SessionSchema, { id: idHash }, { lastUsedAt: nowMs });
}

export async function deleteSession(em: SqlEntityManager, idHash: string): Promise<void> {
  await em.nativeDelete(SessionSchema, { id: idHash });
}

/** Ends the person's sessions but the one that is kept; answers how many. */
export async function deleteUserSessions(
  em: SqlEntityManager,
  userId: string,
  keptIdHash: string | null = null,
): Promise<number> {
  return em.nativeDelete(SessionSchema, {
    user: userId,
    ...(keptIdHash === null ? {} : { id: { $ne: keptIdHash } }),
  });
}

/** Ends one session of the person and answers whether there was one. */
export async function deleteSessionByHandle(em: SqlEntityManager, userId: string, handle: string): Promise<boolean> {
  return (await em.nativeDelete(SessionSchema, { user: userId, handle })) > 0;
}

/** The person's sessions, the newest first. */
export async function listUserSessions(em: SqlEntityManager, userId: string): Promise<SessionRecord[]> {
  const rows = await em.find(SessionSchema, { user: userId }, { orderBy: { handle: 'desc' } });
  return rows.map((row) => toRecord(row, userId));
}

/** Answers how many were deleted. */
export async function deleteSessionsExpiredBefore(em: SqlEntityManager, nowMs: number): Promise<number> {
  return em.nativeDelete(SessionSchema, { expiresAt: { $lte: nowMs } });
}

type SessionRow = {
  id: string;
  handle: string;
  expiresAt: number;
  createdAt: number;
  lastUsedAt: number;
  userAgent?: string | null | undefined;
};

function toRecord(row: SessionRow, userId: string): SessionRecord {
  return {
    idHash: row.id,
    handle: row.handle,
    userId,
    expiresAtMs: row.expiresAt,
    createdAtMs: row.createdAt,
    lastUsedAtMs: row.lastUsedAt,
    userAgent: row.userAgent ?? null,
  };
}
