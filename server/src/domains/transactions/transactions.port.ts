import type {
  MonthlyTotalsOut,
  MonthlyTotalsQuery,
  TransactionBulk,
  TransactionBulkOut,
  TransactionCreate,
  TransactionOut,
  TransactionsOut,
  TransactionsQuery,
  TransactionUpdate,
} from '@finverse/shared';
import type { UnitOfWork } from '../../db/index.ts';

/** What the transactions router needs. Every method is of one person; a foreign id is one that does not exist. */
export interface TransactionsApi {
  list(userId: string, query: TransactionsQuery): Promise<TransactionsOut>;
  /** Income and expenses by month, currency, kind and category, in that order. */
  monthlyTotals(userId: string, query: MonthlyTotalsQuery): Promise<MonthlyTotalsOut>;
  /** @throws AppError NOT_FOUND */
  get(userId: string, id: string): Promise<TransactionOut>;
  /** @throws AppError VALIDATION_FAILED, ACCOUNT_ARCHIVED, CREDIT_LIMIT_EXCEEDED, DUPLICATE_EXTERNAL_ID */
  create(commit: UnitOfWork, userId: string, input: TransactionCreate): Promise<TransactionOut>;
  /** @throws AppError NOT_FOUND, ENTRY_RECONCILED, and as `create` */
  update(commit: UnitOfWork, userId: string, input: TransactionUpdate): Promise<TransactionOut>;
  /** @throws AppError NOT_FOUND, ACCOUNT_ARCHIVED, ENTRY_RECONCILED */
  remove(commit: UnitOfWork, userId: string, id: string): Promise<void>;
  /** All of it, or nothing: deletions, then edits, then creations. @throws AppError as the single operations, naming the item */
  bulk(commit: UnitOfWork, userId: string, input: TransactionBulk): Promise<TransactionBulkOut>;
}
