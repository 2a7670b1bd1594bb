import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Adapter, Lucia, TimeSpan } from 'lucia';
import type { Database } from '../../db/index.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { digest } from './secrets.ts';
import {
  deleteSession,
  deleteSessionsExpiredBefore,
  deleteUserSessions,
  extendSession,
  findSession,
  insertSession,
  listUserSessions,
  type SessionRecord,
  touchSession,
} from './sessions.repository.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** How long a session lives without being used. One that is used in its second half starts anew. */
export const SESSION_IDLE_DAYS = 30;
const SESSION_IDLE_MS = SESSION_IDLE_DAYS * DAY_MS;

/** How long a session lives however much it is used. */
export const SESSION_DAYS_MAX = 180;
const SESSION_MS_MAX = SESSION_DAYS_MAX * DAY_MS;

/** A person has no more sessions than these: the oldest goes where another begins. */
export const SESSIONS_MAX = 100;

/** How exact `lastUsedAt` is: a busy session is not written with every request. */
export const LAST_USED_STEP_MS = 5 * 60 * 1000;

const USER_AGENT_LENGTH = 200;

/** lucia's ids: 25 random bytes in base32. Anything else is not looked up. */
const TOKEN_PATTERN = /^[a-z2-7]{40}$/;

declare module 'lucia' {
  interface Register {
    Lucia: Lucia<object, { role: string }>;
    DatabaseUserAttributes: { role: string };
    DatabaseSessionAttributes: { userAgent: string | null };
  }
}

/** Sessions by lucia, which no other file imports. Tokens are the secrets; the database holds their SHA-256. */
export type Sessions = {
  /** Begins a session inside the caller's transaction. */
  create(
    em: SqlEntityManager,
    session: { userId: string; userAgent: string | null },
  ): Promise<{ token: string; expiresAtMs: number }>;
  /** Null for a token that is malformed, unknown or expired. Extends a session that is in use. */
  validate(token: string): Promise<{ userId: string; role: string; isRenewed: boolean } | null>;
  /** Ends a session inside the caller's transaction. */
  end(em: SqlEntityManager, token: string): Promise<void>;
  readToken(headers: { authorization?: string | undefined; cookie?: string | undefined }): string | null;
  cookie(token: string): string;
  blankCookie(): string;
};

type SessionOptions = {
  database: Database;
  clock: Clock;
  /** True where browsers reach the server over https: the cookie is then bound to the host (`__Host-`) and never sent in the clear. */
  isSecureCookie: boolean;
};

export function createSessions(options: SessionOptions): Sessions {
  const { database, clock } = options;
  const cookieName = options.isSecureCookie ? '__Host-finverse_session' : 'finverse_session';
  // One for each transaction: its adapter writes through that transaction's EntityManager. Making one costs nothing.
  const luciaOn = (em: SqlEntityManager) =>
    new Lucia(adapter(em, clock), {
      sessionExpiresIn: new TimeSpan(SESSION_IDLE_DAYS, 'd'),
      sessionCookie: { name: cookieName, attributes: { secure: options.isSecureCookie, sameSite: 'lax', path: '/' } },
      getUserAttributes: ({ role }) => ({ role }),
    });
  const cookies = luciaOn(database.em());

  return {
    async create(em, { userId, userAgent }) {
      await endOldest(em, userId);
      const { id } = await luciaOn(em).createSession(userId, { userAgent });
      return { token: id, expiresAtMs: clock.now() + SESSION_IDLE_MS };
    },
    async validate(token) {
      if (!TOKEN_PATTERN.test(token)) return null;
      const { user, session } = await luciaOn(database.em()).validateSession(token);
      return user && { userId: user.id, role: user.role, isRenewed: session.fresh };
    },
    async end(em, token) {
      if (TOKEN_PATTERN.test(token)) await luciaOn(em).invalidateSession(token);
    },
    readToken({ authorization, cookie }) {
      if (authorization !== undefined) return /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';
      return cookie === undefined ? null : cookieValue(cookie, cookieName);
    },
    cookie: (token) => cookies.createSessionCookie(token).serialize(),
    blankCookie: () => cookies.createBlankSessionCookie().serialize(),
  };
}

async function endOldest(em: SqlEntityManager, userId: string): Promise<void> {
  const sessions = await listUserSessions(em, userId);
  for (const { idHash } of sessions.slice(SESSIONS_MAX - 1)) await deleteSession(em, idHash);
}

/** lucia's own parser throws when another cookie of the host is not valid percent-encoding. */
function cookieValue(header: string, name: string): string | null {
  for (const pair of header.split(';')) {
    const [key, value] = pair.trim().split('=', 2);
    if (key === name) return value ?? '';
  }
  return null;
}

/** lucia reads the system's clock. What is stored follows ours, and what lucia reads is moved onto its own, so that one clock rules. */
function adapter(em: SqlEntityManager, clock: Clock): Adapter {
  const fromMs = (epochMs: number) => new Date(epochMs - clock.now() + systemClock.now());
  let read: SessionRecord | null = null;
  return {
    async getSessionAndUser(token) {
      const session = await findSession(em, digest(token));
      read = session;
      if (!session) return [null, null];
      const nowMs = clock.now();
      const isOver = session.expiresAtMs <= nowMs;
      if (!isOver && nowMs - session.lastUsedAtMs >= LAST_USED_STEP_MS) await touchSession(em, session.idHash, nowMs);
      const { userId, userAgent } = session;
      return [
        { id: token, userId, expiresAt: fromMs(session.expiresAtMs), attributes: { userAgent } },
        { id: userId, attributes: { role: session.role } },
      ];
    },
    async getUserSessions(userId) {
      const sessions = await listUserSessions(em, userId);
      return sessions.map(({ idHash, expiresAtMs, userAgent }) => ({
        id: idHash,
        userId,
        expiresAt: fromMs(expiresAtMs),
        attributes: { userAgent },
      }));
    },
    async setSession({ id, userId, attributes }) {
      const nowMs = clock.now();
      await insertSession(em, {
        idHash: digest(id),
        userId,
        expiresAtMs: nowMs + SESSION_IDLE_MS,
        createdAtMs: nowMs,
        userAgent: attributes.userAgent?.slice(0, USER_AGENT_LENGTH) ?? null,
      });
    },
    async updateSessionExpiration(token) {
      // lucia knows of idleness alone and would extend a session for ever.
      const lastMs = (read?.createdAtMs ?? 0) + SESSION_MS_MAX;
      const expiresAtMs = Math.min(clock.now() + SESSION_IDLE_MS, lastMs);
      if (read && expiresAtMs > read.expiresAtMs) await extendSession(em, digest(token), expiresAtMs);
    },
    deleteSession: (token) => deleteSession(em, digest(token)),
    async deleteUserSessions(userId) {
      await deleteUserSessions(em, userId);
    },
    async deleteExpiredSessions() {
      await deleteSessionsExpiredBefore(em, clock.now());
    },
  };
}
