import type { ExportOut, PreferencesInput, PreferencesOut, ProfileInput, UserOut } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { UnitOfWork } from '../../db/index.ts';

/** What one domain adds to the export of a person: one section, a list of what the person owns of one kind. */
export type Exporter = { name: string; read: (em: SqlEntityManager, userId: string) => Promise<object[]> };

/**
 * Deletes what one domain keeps in plenty of a person, up to `limit` rows of it, inside the caller's transaction, and answers how many; 0 where none is left. The
 * rest of a person goes with their row.
 */
export type Eraser = (em: SqlEntityManager, person: { userId: string; limit: number }) => Promise<number>;

/** A person's own data. */
export interface UsersApi {
  /** @throws AppError UNAUTHENTICATED when the person is gone. */
  me(userId: string): Promise<UserOut>;
  update(userId: string, changes: ProfileInput, commit: UnitOfWork): Promise<UserOut>;
  preferences(userId: string): Promise<PreferencesOut>;
  /** @throws AppError CONFLICT where there would be too many, or too much in all. */
  setPreferences(userId: string, input: PreferencesInput, commit: UnitOfWork): Promise<PreferencesOut>;
  /** Everything that the person owns, from every domain that has something. */
  exportAll(userId: string): Promise<ExportOut>;
}
