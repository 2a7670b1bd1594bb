import {
  type ExportOut,
  PREFERENCES_MAX,
  type PreferencesInput,
  type PreferencesOut,
  type ProfileInput,
  type UserOut,
} from '@finverse/shared';
import type { Database, UnitOfWork } from '../../db/index.ts';
import { type Clock, toInstant } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { listPreferences, removePreferences, setPreferences } from './preferences.repository.ts';
import type { Exporter, UsersApi } from './users.port.ts';
import {
  deleteUsersDue,
  describeUser,
  findUserById,
  lockUser,
  updateUser,
  type UserRecord,
} from './users.repository.ts';

type UsersOptions = { database: Database; clock: Clock; exporters: readonly Exporter[] };

/** Profile, preferences, export, and the end of accounts. */
export class UsersService implements UsersApi {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #exporters: readonly Exporter[];

  constructor(options: UsersOptions) {
    this.#database = options.database;
    this.#clock = options.clock;
    this.#exporters = [preferencesExporter, ...options.exporters];
  }

  async me(userId: string): Promise<UserOut> {
    const em = this.#database.em();
    return describeUser(em, present(await findUserById(em, userId)));
  }

  update(userId: string, changes: ProfileInput, commit: UnitOfWork): Promise<UserOut> {
    return commit(async (em) => {
      const user = present(await lockUser(em, this.#database.dialect, userId));
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
      await updateUser(em, userId, given);
      return describeUser(em, { ...user, ...given });
    });
  }

  async preferences(userId: string): Promise<PreferencesOut> {
    return { items: await listPreferences(this.#database.em(), userId), nextCursor: null };
  }

  setPreferences(userId: string, { items }: PreferencesInput, commit: UnitOfWork): Promise<PreferencesOut> {
    return commit(async (em) => {
      // Two at once could both stay under the limit and exceed it together.
      present(await lockUser(em, this.#database.dialect, userId));
      const kept = items.flatMap(({ key, value }) => (value === null ? [] : [{ key, value }]));
      await removePreferences(
        em,
        userId,
        items.filter(({ value }) => value === null).map(({ key }) => key),
      );
      await setPreferences(em, this.#database.dialect, userId, kept);
      const all = await listPreferences(em, userId);
      if (all.length > PREFERENCES_MAX)
        throw new AppError('CONFLICT', `At most ${PREFERENCES_MAX} preferences are kept.`);
      return { items: all, nextCursor: null };
    });
  }

  async exportAll(userId: string): Promise<ExportOut> {
    const em = this.#database.em();
    const user = await this.me(userId);
    const sections: ExportOut['sections'] = [];
    for (const { name, read } of this.#exporters) sections.push({ name, items: await read(em, userId) });
    return { exportedAt: toInstant(this.#clock.now()), user, sections };
  }

  /** Deletes the accounts whose grace period is over, with everything of theirs. Answers how many. */
  purgeDeleted(): Promise<number> {
    return deleteUsersDue(this.#database.em(), this.#clock.now());
  }
}

const preferencesExporter: Exporter = { name: 'preferences', read: listPreferences };

/** A session outlives its person by the length of one request at most. */
function present(user: UserRecord | null): UserRecord {
  if (!user) throw new AppError('UNAUTHENTICATED', 'Sign in first.');
  return user;
}
