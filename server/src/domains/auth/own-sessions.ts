import type { SessionInfoOut } from '@finverse/shared';
import { toInstant } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Exporter } from '../users/index.ts';
import type { AuthParts } from './auth.parts.ts';
import type { Call, SessionsApi } from './auth.port.ts';
import { digest } from './secrets.ts';
import {
  deleteSessionByHandle,
  deleteUserSessions,
  findSession,
  listUserSessions,
  type SessionRecord,
} from './sessions.repository.ts';

/** A person's own sessions. */
export class OwnSessions implements SessionsApi {
  readonly #parts: AuthParts;

  constructor(parts: AuthParts) {
    this.#parts = parts;
  }

  async list(userId: string, currentToken: string | null): Promise<SessionInfoOut[]> {
    const currentHash = currentToken === null ? null : digest(currentToken);
    const sessions = await listUserSessions(this.#parts.database.em(), userId);
    return sessions
      .filter(({ expiresAtMs }) => expiresAtMs > this.#parts.clock.now())
      .map((session) => ({ ...describe(session), isCurrent: session.idHash === currentHash }));
  }

  async end(userId: string, id: string, { commit, sessionToken }: Call): Promise<void> {
    await commit(async (em) => {
      const current = sessionToken === null ? null : await findSession(em, digest(sessionToken));
      // It could not be asked again, should this answer be lost.
      if (current?.handle === id) throw new AppError('CONFLICT', 'This is the session that asks; log out to end it.');
      if (!(await deleteSessionByHandle(em, userId, id))) throw new AppError('NOT_FOUND', 'There is no such session.');
    });
  }

  endOthers(userId: string, { commit, sessionToken }: Call): Promise<number> {
    return commit((em) => deleteUserSessions(em, userId, sessionToken === null ? null : digest(sessionToken)));
  }
}

/** With those that are over and not deleted yet. */
export const sessionsExporter: Exporter = {
  name: 'sessions',
  async *pages(em, userId) {
    yield (await listUserSessions(em, userId)).map(describe);
  },
};

function describe(session: SessionRecord): Omit<SessionInfoOut, 'isCurrent'> {
  return {
    id: session.handle,
    createdAt: toInstant(session.createdAtMs),
    lastUsedAt: toInstant(session.lastUsedAtMs),
    expiresAt: toInstant(session.expiresAtMs),
    userAgent: session.userAgent,
  };
}
