import { createHash } from 'node:crypto';
import { type Adapter, Lucia, TimeSpan } from 'lucia';
import type { Database } from '../../db/index.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import {
  deleteSession,
  deleteSessionsExpiredBefore,
  deleteUserSessions,
  extendSession,
  findSession,
  insertSession,
  listUserSessions,
} from './auth.repository.ts';

/** How long a session lives without being used. One that is used in its second half starts anew. */
export const SESSION_DAYS = 30;
const SESSION_MS = SESSION_DAYS * 24 * 60 * 60 * 1000;

/** lucia's ids: 25 random bytes in base32. Anything else is not looked up. */
const TOKEN_PATTERN = /^[a-z2-7]{40}$/;

declare module 'lucia' {
  interface Register {
    Lucia: Lucia<object, { role: string }>;
    DatabaseUserAttributes: { role: string };
  }
}

/** Sessions by lucia, which no other file imports. Tokens are the secrets; the database holds their SHA-256. */
export type Sessions = {
  create(userId: string): Promise<{ token: string; expiresAtMs: number }>;
  /** Null for a token that is malformed, unknown or expired. */
  validate(token: string): Promise<{ userId: string; role: string } | null>;
  end(token: string): Promise<void>;
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
  const cookieName = options.isSecureCookie ? '__Host-finverse_session' : 'finverse_session';
  const lucia = new Lucia(adapter(options), {
    sessionExpiresIn: new TimeSpan(SESSION_DAYS, 'd'),
    sessionCookie: { name: cookieName, attributes: { secure: options.isSecureCookie, sameSite: 'lax', path: '/' } },
    getUserAttributes: ({ role }) => ({ role }),
  });

  return {
    async create(userId) {
      const { id } = await lucia.createSession(userId, {});
      return { token: id, expiresAtMs: options.clock.now() + SESSION_MS };
    },
    async validate(token) {
      if (!TOKEN_PATTERN.test(token)) return null;
      const { user } = await lucia.validateSession(token);
      return user && { userId: user.id, role: user.role };
    },
    async end(token) {
      if (TOKEN_PATTERN.test(token)) await lucia.invalidateSession(token);
    },
    readToken({ authorization, cookie }) {
      if (authorization !== undefined) return /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';
      return cookie === undefined ? null : cookieValue(cookie, cookieName);
    },
    cookie: (token) => lucia.createSessionCookie(token).serialize(),
    blankCookie: () => lucia.createBlankSessionCookie().serialize(),
  };
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
function adapter({ database, clock }: SessionOptions): Adapter {
  const fromMs = (epochMs: number) => new Date(epochMs - clock.now() + systemClock.now());
  return {
    async getSessionAndUser(token) {
      const session = await findSession(database.em(), sha256(token));
      if (!session) return [null, null];
      return [
        { id: token, userId: session.userId, expiresAt: fromMs(session.expiresAtMs), attributes: {} },
        { id: session.userId, attributes: { role: session.role } },
      ];
    },
    async getUserSessions(userId) {
      const sessions = await listUserSessions(database.em(), userId);
      return sessions.map(({ idHash, expiresAtMs }) => ({
        id: idHash,
        userId,
        expiresAt: fromMs(expiresAtMs),
        attributes: {},
      }));
    },
    async setSession({ id, userId }) {
      const nowMs = clock.now();
      await insertSession(database.em(), {
        idHash: sha256(id),
        userId,
        expiresAtMs: nowMs + SESSION_MS,
        createdAtMs: nowMs,
      });
    },
    updateSessionExpiration: (token) => extendSession(database.em(), sha256(token), clock.now() + SESSION_MS),
    deleteSession: (token) => deleteSession(database.em(), sha256(token)),
    deleteUserSessions: (userId) => deleteUserSessions(database.em(), userId),
    async deleteExpiredSessions() {
      await deleteSessionsExpiredBefore(database.em(), clock.now());
    },
  };
}

function sha256(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
