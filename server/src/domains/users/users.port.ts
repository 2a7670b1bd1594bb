import type { ExportOut, PreferencesInput, PreferencesOut, ProfileInput, UserOut } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { UnitOfWork } from '../../db/index.ts';

/** What one domain adds to the export of a person: one section, which is a list of what the person owns of one kind, page by page. */
export type Exporter = {
  name: string;
  pages: (em: SqlEntityManager, userId: string) => AsyncIterable<object[]>;
  /** How many items there will be, counted no further than `max`; for what there may be in plenty. */
  count?: (em: SqlEntityManager, userId: string, max: number) => Promise<number>;
};

/** A part of an export: first what stands above the sections, then the sections in their order, each in one part or more. */
export type ExportPart = { head: Omit<ExportOut, 'sections'> } | { section: string; items: object[] };

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
  /**
   * Everything that the person owns, from every domain that has something.
   * @throws AppError CONFLICT where it is more than one answer holds; RATE_LIMITED where one of the person's, or too many others, are being read.
   */
  exportAll(userId: string): Promise<ExportOut>;
  /** The same, however much it is, in parts that are read as they are taken. @throws AppError RATE_LIMITED where one of the person's is being read. */
  exportParts(userId: string): AsyncGenerator<ExportPart>;
}
