import type { IntegrityCheckAllOut, IntegrityCheckAllQuery, IntegrityCheckOut } from '@finverse/shared';

/** What the integrity router needs. Everything only reads. */
export interface IntegrityApi {
  /** One at a time for a person. @throws AppError RATE_LIMITED where too many wait */
  check(userId: string): Promise<IntegrityCheckOut>;
  /** Each person's ledger as of a moment of its own, or that of one person. @throws AppError NOT_FOUND for a person who is not there */
  checkAll(query: IntegrityCheckAllQuery): Promise<IntegrityCheckAllOut>;
}
