import type { UserOut } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { AppError } from '../../kernel/errors.ts';
import { countAdmins, describeUser, findUserById, lockAdmins, updateUser } from '../users/index.ts';
import { type AuthParts, checkPassword, lockPresentUser, requirePassword } from './auth.parts.ts';
import type { Call, DeletionApi } from './auth.port.ts';
import { spendSecondFactor, withCountedFailures } from './second-factor.ts';
import { digest } from './secrets.ts';
import { deleteUserSessions } from './sessions.repository.ts';

/** How long a deletion can be called off, by signing in or by saying so. */
export const DELETION_GRACE_DAYS = 30;
const DELETION_GRACE_MS = DELETION_GRACE_DAYS * 24 * 60 * 60 * 1000;

/** Whoever asks for it and calls it off in turn fills nobody's mailbox. */
const NOTICE_EVERY_MS = 60 * 60 * 1000;

/** The end of an account: asked for, called off, or, when the time is over, done by the housekeeping. */
export class AccountDeletion implements DeletionApi {
  readonly #parts: AuthParts;

  constructor(parts: AuthParts) {
    this.#parts = parts;
  }

  async request(
    userId: string,
    { password, code }: { password: string; code?: string | undefined },
    { commit, sessionToken }: Call,
  ): Promise<UserOut> {
    const check = await checkPassword(this.#parts, userId, password);
    const begin = async (em: SqlEntityManager): Promise<UserOut> => {
      // Two admins at once could each find the other one still there. First, as rows of people are locked in the order of their ids.
      if ((await findUserById(em, userId))?.role === 'admin') await lockAdmins(em, this.#parts.database.dialect);
      const user = await lockPresentUser(this.#parts, em, userId);
      requirePassword(user, check);
      await spendSecondFactor(this.#parts, em, userId, code);
      if (user.deletionAtMs !== null) return describeUser(em, user);
      if (user.role === 'admin' && (await countAdmins(em)) <= 1) {
        throw new AppError('CONFLICT', 'This is the only admin; make another one first.');
      }
      const deletionAtMs = this.#parts.clock.now() + DELETION_GRACE_MS;
      await updateUser(em, userId, { deletionAtMs });
      await deleteUserSessions(em, userId, sessionToken === null ? null : digest(sessionToken));
      const notice = { kind: 'deletion_requested', recipient: user.email, reference: null };
      await this.#parts.mails.enqueueAtMost(em, notice, NOTICE_EVERY_MS);
      return describeUser(em, { ...user, deletionAtMs });
    };
    const answer = await withCountedFailures(this.#parts, userId, () => commit(begin));
    this.#parts.mails.wake();
    return answer;
  }

  cancel(userId: string, { commit }: Call): Promise<UserOut> {
    return commit(async (em) => {
      const user = await lockPresentUser(this.#parts, em, userId);
      await updateUser(em, userId, { deletionAtMs: null });
      return describeUser(em, { ...user, deletionAtMs: null });
    });
  }
}
