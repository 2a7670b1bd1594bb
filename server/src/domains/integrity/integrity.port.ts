import type { IntegrityCheckAllOut, IntegrityCheckAllQuery, IntegrityCheckOut } from '@finverse/shared';

/** What the integrity router needs. Everything only reads. */
export interface IntegrityApi {
  /** One at a time for a person. @throws AppError RATE_LIMITED where too many wait */
  check(userId: string): Promise<IntegrityCheckOut>;
  /** Each person's ledger as of a moment of its own. */
  checkAll(query: IntegrityCheckAllQuery): Promise<IntegrityCheckAllOut>;
}
