import type {
  AccountCreate,
  AccountOut,
  AccountsOut,
  AccountsQuery,
  AccountSummaryOut,
  AccountUpdate,
  MoveEntriesOut,
  NetWorthOut,
  StatementOut,
  StatementQuery,
} from '@finverse/shared';
import type { UnitOfWork } from '../../db/index.ts';

/** In what currency totals are answered as one, that of the profile by default, and how many days old its rates may be. */
export type ConversionQuery = { currency?: string | undefined; maxAgeDays?: number | undefined };

/** What the accounts router needs. Every method is of one person; a foreign id is one that does not exist. */
export interface AccountsApi {
  list(userId: string, query: AccountsQuery): Promise<AccountsOut>;
  /** @throws AppError NOT_FOUND */
  get(userId: string, id: string): Promise<AccountOut>;
  create(commit: UnitOfWork, userId: string, input: AccountCreate): Promise<AccountOut>;
  /** @throws AppError NOT_FOUND, ACCOUNT_ARCHIVED where the opening balance of an archived account is to change */
  update(commit: UnitOfWork, userId: string, input: AccountUpdate): Promise<AccountOut>;
  /** @throws AppError NOT_FOUND */
  setArchived(commit: UnitOfWork, userId: string, input: { id: string; isArchived: boolean }): Promise<AccountOut>;
  /** @throws AppError NOT_FOUND, ACCOUNT_NOT_EMPTY */
  remove(commit: UnitOfWork, userId: string, id: string): Promise<void>;
  /** Moves all entries to another account of the same currency. @throws AppError NOT_FOUND, VALIDATION_FAILED, CONFLICT */
  moveEntries(commit: UnitOfWork, userId: string, input: { id: string; toAccountId: string }): Promise<MoveEntriesOut>;
  /** @throws AppError RATE_LIMITED where too many sums of the person wait */
  summary(userId: string, query?: ConversionQuery): Promise<AccountSummaryOut>;
  /** @throws AppError VALIDATION_FAILED where the months are too many or the wrong way round, RATE_LIMITED where too many sums of the person wait */
  netWorth(userId: string, range: { from: string; to: string } & ConversionQuery): Promise<NetWorthOut>;
  /** @throws AppError NOT_FOUND */
  statement(userId: string, query: StatementQuery): Promise<StatementOut>;
}
