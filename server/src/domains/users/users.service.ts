import {
  type ExportOut,
  PREFERENCES_BYTES_MAX,
  PREFERENCES_MAX,
  type PreferencesInput,
  type PreferencesOut,
  type ProfileInput,
  type UserOut,
} from '@finverse/shared';
import { type Database, transact, type UnitOfWork } from '../../db/index.ts';
import { type Clock, toInstant } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { listPreferences, removePreferences, setPreferences } from './preferences.repository.ts';
import type { Eraser, Exporter, UsersApi } from './users.port.ts';
import {
  beginDeletion,
  deleteUser,
  describeUser,
  findUserById,
  listUsersDue,
  lockUser,
  updateUser,
  type UserRecord,
} from './users.repository.ts';

/** Rows that go in one transaction: some tens of milliseconds. */
const ERASED_ROWS_MAX = 1_000;

type UsersOptions = {
  database: Database;
  clock: Clock;
  exporters: readonly Exporter[];
  erasers: readonly Eraser[];
};

/** Profile, preferences, export, and the end of accounts. */
export class UsersService implements UsersApi {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #exporters: readonly Exporter[];
  readonly #erasers: readonly Eraser[];

  constructor(options: UsersOptions) {
    this.#database = options.database;
    this.#clock = options.clock;
    this.#exporters = [preferencesExporter, ...options.exporters];
    this.#erasers = options.erasers;
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
    return { items: await listPreferences(this.#database.em(), userId) };
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
      // Every call answers all of them, and a call with an idempotency key stores its answer.
      const bytes = all.reduce((sum, { key, value }) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
      if (bytes > PREFERENCES_BYTES_MAX) {
        throw new AppError('CONFLICT', 'All preferences together are too large; see details.', {
          details: [
            { path: 'items', message: `may come to ${PREFERENCES_BYTES_MAX} bytes in all, and would be ${bytes}` },
          ],
        });
      }
      return { items: all };
    });
  }

  async exportAll(userId: string): Promise<ExportOut> {
    const em = this.#database.em();
    const user = await this.me(userId);
    const sections: ExportOut['sections'] = [];
    for (const { name, read } of this.#exporters) sections.push({ name, items: await read(em, userId) });
    return { exportedAt: toInstant(this.#clock.now()), user, sections };
  }

  /**
   * Deletes the accounts whose grace period is over, with everything of theirs; one after the other, and in many short transactions, so that nobody else waits for
   * a large one. What a crash leaves, the next call ends. Answers how many.
   */
  async purgeDeleted(): Promise<number> {
    const due = await listUsersDue(this.#database.em(), this.#clock.now());
    const failures: unknown[] = [];
    let deleted = 0;
    for (const userId of due) {
      try {
        if (await this.#purge(userId)) deleted += 1;
      } catch (error) {
        // The others need not wait for this one.
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'some accounts could not be deleted');
    return deleted;
  }

  async #purge(userId: string): Promise<boolean> {
    const isDue = await transact(this.#database, async (em) => {
      const user = await lockUser(em, this.#database.dialect, userId);
      // Called off since it was listed.
      if (!user || user.deletionAtMs === null || user.deletionAtMs > this.#clock.now()) return false;
      await beginDeletion(em, userId);
      return true;
    });
    if (!isDue) return false;
    for (const erase of this.#erasers) {
      while ((await transact(this.#database, (em) => erase(em, { userId, limit: ERASED_ROWS_MAX }))) > 0);
    }
    return transact(this.#database, (em) => deleteUser(em, userId));
  }
}

const preferencesExporter: Exporter = { name: 'preferences', read: listPreferences };

/** A session outlives its person by the length of one request at most. */
function present(user: UserRecord | null): UserRecord {
  if (!user) throw new AppError('UNAUTHENTICATED', 'Sign in first.');
  return user;
}
