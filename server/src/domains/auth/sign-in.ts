import type { SessionOut } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { toInstant } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import {
  DELETION_BEGUN_MS,
  describeUser,
  findUserByEmail,
  lockUser,
  updateUser,
  type UserRecord,
} from '../users/index.ts';
import { findToken, findTokenCaller } from './api-tokens.ts';
import type { AuthParts } from './auth.parts.ts';
import type { Call, Caller, SignInApi } from './auth.port.ts';
import { spendSecondFactor, withCountedFailures } from './second-factor.ts';
import { digest } from './secrets.ts';
import { findSession } from './sessions.repository.ts';

type Credentials = { email: string; password: string; code?: string | undefined };

/** Sign-in with a password and, where the account has one, a second factor. */
export class SignIn implements SignInApi {
  readonly #parts: AuthParts;

  constructor(parts: AuthParts) {
    this.#parts = parts;
  }

  async login({ email, password, code }: Credentials, call: Call): Promise<SessionOut> {
    const { database, passwords } = this.#parts;
    const user = await findUserByEmail(database.em(), email);
    const isRight = await passwords.verify(user?.passwordHash ?? null, password);
    if (!user || !isRight) throw wrongCredentials();
    return withCountedFailures(this.#parts, user.id, () =>
      call.commit(async (em) => {
        const locked = await lockUser(em, database.dialect, user.id);
        // Changed or deleted since it was checked.
        if (!locked || locked.passwordHash !== user.passwordHash) throw wrongCredentials();
        if (locked.deletionAtMs === DELETION_BEGUN_MS) throw wrongCredentials();
        await spendSecondFactor(this.#parts, em, user.id, code);
        if (locked.deletionAtMs !== null) await updateUser(em, user.id, { deletionAtMs: null });
        return startSession(this.#parts, em, { user: { ...locked, deletionAtMs: null }, call });
      }),
    );
  }

  async logout({ commit, sessionToken }: Call): Promise<void> {
    await commit(async (em) => {
      if (sessionToken !== null) await this.#parts.sessions.end(em, sessionToken);
    });
  }

  async authenticate(token: string): Promise<Caller | null> {
    if (token.startsWith('fv_')) return findTokenCaller(this.#parts, token);
    const session = await this.#parts.sessions.validate(token);
    if (!session) return null;
    const { userId, role, isRenewed } = session;
    return { userId, role: role === 'admin' ? 'admin' : 'user', tokenScopes: null, isRenewed };
  }

  async isSignedIn(token: string): Promise<boolean> {
    if (token.startsWith('fv_')) return (await findToken(this.#parts, token)) !== null;
    const { database, clock } = this.#parts;
    const session = await findSession(database.em(), digest(token));
    return session !== null && session.expiresAtMs > clock.now();
  }

  readToken(headers: { authorization?: string | undefined; cookie?: string | undefined }): string | null {
    return this.#parts.sessions.readToken(headers);
  }

  sessionCookie(token: string): string {
    return this.#parts.sessions.cookie(token);
  }

  blankCookie(): string {
    return this.#parts.sessions.blankCookie();
  }
}

/** A new session for the person. The one that the request came with, whoever's it is, ends: nobody can have planted it. */
export async function startSession(
  { sessions }: AuthParts,
  em: SqlEntityManager,
  { user, call }: { user: UserRecord; call: Call },
): Promise<SessionOut> {
  if (call.sessionToken !== null) await sessions.end(em, call.sessionToken);
  const { token, expiresAtMs } = await sessions.create(em, { userId: user.id, userAgent: call.userAgent });
  return { token, expiresAt: toInstant(expiresAtMs), user: await describeUser(em, user) };
}

function wrongCredentials(): AppError {
  return new AppError('INVALID_CREDENTIALS', 'The e-mail address or the password is wrong.');
}
