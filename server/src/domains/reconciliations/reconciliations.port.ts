import type {
  ReconciliationClear,
  ReconciliationClearAll,
  ReconciliationEntriesOut,
  ReconciliationEntriesQuery,
  ReconciliationFinish,
  ReconciliationFinishOut,
  ReconciliationOut,
  ReconciliationsOut,
  ReconciliationsQuery,
  ReconciliationStart,
  ReconciliationUpdate,
} from '@finverse/shared';
import type { UnitOfWork } from '../../db/index.ts';

/** What the reconciliations router needs. Every method is of one person; a foreign id is one that does not exist. */
export interface ReconciliationsApi {
  list(userId: string, query: ReconciliationsQuery): Promise<ReconciliationsOut>;
  /** @throws AppError NOT_FOUND */
  get(userId: string, id: string): Promise<ReconciliationOut>;
  /** @throws AppError NOT_FOUND */
  entries(userId: string, query: ReconciliationEntriesQuery): Promise<ReconciliationEntriesOut>;
  /** @throws AppError VALIDATION_FAILED; CONFLICT where the account has an open one */
  start(commit: UnitOfWork, userId: string, input: ReconciliationStart): Promise<ReconciliationOut>;
  /** @throws AppError NOT_FOUND, VALIDATION_FAILED; CONFLICT where it is finished */
  update(commit: UnitOfWork, userId: string, input: ReconciliationUpdate): Promise<ReconciliationOut>;
  /** All of them, or none. @throws AppError as `update`; ENTRY_RECONCILED where another one has locked it */
  clear(commit: UnitOfWork, userId: string, input: ReconciliationClear): Promise<ReconciliationOut>;
  /** @throws AppError as `update`; CONFLICT where it would hold too many */
  clearAll(commit: UnitOfWork, userId: string, input: ReconciliationClearAll): Promise<ReconciliationOut>;
  /** All of them, or none. @throws AppError as `clear` */
  unclear(commit: UnitOfWork, userId: string, input: ReconciliationClear): Promise<ReconciliationOut>;
  /**
   * @throws AppError NOT_FOUND; RECONCILIATION_UNBALANCED where there is a difference and no adjustment; CONFLICT where it is finished; with an adjustment
   * VALIDATION_FAILED, ACCOUNT_ARCHIVED, CREDIT_LIMIT_EXCEEDED
   */
  finish(commit: UnitOfWork, userId: string, input: ReconciliationFinish): Promise<ReconciliationFinishOut>;
  /** @throws AppError NOT_FOUND; CONFLICT where it is not the newest finished one, or another is open */
  reopen(commit: UnitOfWork, userId: string, id: string): Promise<ReconciliationOut>;
  /** @throws AppError NOT_FOUND; CONFLICT where it is finished */
  cancel(commit: UnitOfWork, userId: string, id: string): Promise<void>;
}
