import type {
  RateConvert,
  RateConvertOut,
  RateOut,
  RateSet,
  RatesImport,
  RatesImportOut,
  RatesOut,
  RatesQuery,
} from '@finverse/shared';
import type { UnitOfWork } from '../../db/index.ts';

/** Whose rates are changed: a person's, or those for all. */
type Owner = { userId: string } | 'all';

/** What the rates router needs. A person sees their own rates and those for all. */
export interface RatesApi {
  list(userId: string, query: RatesQuery): Promise<RatesOut>;
  /** @throws AppError RATE_MISSING */
  convert(userId: string, input: RateConvert): Promise<RateConvertOut>;
  set(commit: UnitOfWork, owner: Owner, input: RateSet): Promise<RateOut>;
  /** All of the file, or nothing. @throws AppError VALIDATION_FAILED naming the lines, CONFLICT where it would be too many */
  import(commit: UnitOfWork, owner: Owner, input: RatesImport): Promise<RatesImportOut>;
  /** @throws AppError NOT_FOUND */
  remove(commit: UnitOfWork, owner: Owner, id: string): Promise<void>;
}
