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
import { AppError, invariant, signInEnded } from '../../kernel/errors.ts';
import { ExportTurns } from './export-turns.ts';
import { listPreferences, removePreferences, setPreferences } from './preferences.repository.ts';
import type { Eraser, Exporter, ExportPart, UsersApi } from './users.port.ts';
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

/** The most items of an export that is one answer, and held in memory: some tens of megabytes. */
const EXPORTED_ITEMS_MAX = 50_000;

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
  readonly #exportTurns = new ExportTurns();

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
      // Every call answers all of them, and a call with an idempotency key stores its answer.
      const bytes = all.reduce((sum, { key, value }) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
      if (bytes > PREFERENCES_BYTES_MAX) {
        throw new AppError('CONFLICT', 'All preferences together are too large; see details.', {
          details: [
            { path: 'items', message: `may come to ${PREFERENCES_BYTES_MAX} bytes in all, and would be ${bytes}` },
          ],
        });
      }
      return { items: all, nextCursor: null };
    });
  }

  async exportAll(userId: string): Promise<ExportOut> {
    const leave = this.#exportTurns.enter(userId);
    try {
      return await this.#exportTurns.hold(() => this.#readAll(userId));
    } finally {
      leave();
    }
  }

  async *exportParts(userId: string): AsyncGenerator<ExportPart> {
    const leave = this.#exportTurns.enter(userId);
    try {
      yield* this.#readParts(userId);
    } finally {
      leave();
    }
  }

  async #readAll(userId: string): Promise<ExportOut> {
    const em = this.#database.em();
    let plenty = 0;
    for (const { count } of this.#exporters) plenty += (await count?.(em, userId, EXPORTED_ITEMS_MAX + 1)) ?? 0;
    if (plenty > EXPORTED_ITEMS_MAX) throw tooLarge();
    let head: Omit<ExportOut, 'sections'> | undefined;
    const sections = new Map<string, object[]>();
    let read = 0;
    for await (const part of this.#readParts(userId)) {
      if ('head' in part) {
        head = part.head;
        continue;
      }
      read += part.items.length;
      // What is not counted before, or came meanwhile.
      if (read > EXPORTED_ITEMS_MAX) throw tooLarge();
      const items = sections.get(part.section);
      if (items) for (const item of part.items) items.push(item);
      else sections.set(part.section, part.items);
    }
    invariant(head, 'an export begins with its head');
    return { ...head, sections: [...sections].map(([name, items]) => ({ name, items })) };
  }

  async *#readParts(userId: string): AsyncGenerator<ExportPart> {
    const em = this.#database.em();
    yield { head: { exportedAt: toInstant(this.#clock.now()), user: await this.me(userId) } };
    for (const { name, pages } of this.#exporters) {
      for await (const items of pages(em, userId)) yield { section: name, items };
    }
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

const preferencesExporter: Exporter = {
  name: 'preferences',
  async *pages(em, userId) {
    yield await listPreferences(em, userId);
  },
};

function tooLarge(): AppError {
  return new AppError(
    'CONFLICT',
    `One answer holds at most ${EXPORTED_ITEMS_MAX} items: download GET /api/v1/users/me/export, which streams any number.`,
  );
}

/** A session outlives its person by the length of one request at most. */
function present(user: UserRecord | null): UserRecord {
  if (!user) throw signInEnded();
  return user;
}
