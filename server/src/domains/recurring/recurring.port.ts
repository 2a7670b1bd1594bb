import type {
  RecurringCreate,
  RecurringDatesOut,
  RecurringListOut,
  RecurringOut,
  RecurringUpdate,
} from '@finverse/shared';
import type { UnitOfWork } from '../../db/index.ts';

/** What the router of recurring transactions needs. Every method is of one person; a foreign id is one that does not exist. */
export interface RecurringApi {
  list(userId: string, query: { limit: number; cursor?: string | undefined }): Promise<RecurringListOut>;
  /** @throws AppError NOT_FOUND */
  get(userId: string, id: string): Promise<RecurringOut>;
  /** @throws AppError VALIDATION_FAILED for a draft that could not be made, or a rule without a date; CONFLICT for too many */
  create(commit: UnitOfWork, userId: string, input: RecurringCreate): Promise<RecurringOut>;
  /** @throws AppError NOT_FOUND, VALIDATION_FAILED */
  update(commit: UnitOfWork, userId: string, input: RecurringUpdate): Promise<RecurringOut>;
  /** What it has made stays. @throws AppError NOT_FOUND */
  remove(commit: UnitOfWork, userId: string, id: string): Promise<void>;
  /** @throws AppError NOT_FOUND */
  pause(commit: UnitOfWork, userId: string, id: string): Promise<RecurringOut>;
  /** @throws AppError NOT_FOUND */
  resume(commit: UnitOfWork, userId: string, input: { id: string; catchUp: boolean }): Promise<RecurringOut>;
  /** @throws AppError NOT_FOUND, VALIDATION_FAILED for a day on which nothing is due, that is made already, or that lies further ahead than ten years */
  skip(commit: UnitOfWork, userId: string, input: { id: string; date: string }): Promise<RecurringOut>;
  /** @throws AppError NOT_FOUND, VALIDATION_FAILED for a day that is not skipped, has passed, or lies beyond end or count */
  unskip(commit: UnitOfWork, userId: string, input: { id: string; date: string }): Promise<RecurringOut>;
  /** @throws AppError NOT_FOUND */
  dates(userId: string, input: { id: string; limit: number }): Promise<RecurringDatesOut>;
}
