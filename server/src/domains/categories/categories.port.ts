import type {
  CategoriesOut,
  CategoriesQuery,
  CategoryCreate,
  CategoryDelete,
  CategoryMergeOut,
  CategoryOut,
  CategoryUpdate,
} from '@finverse/shared';
import type { UnitOfWork } from '../../db/index.ts';

/** What the categories router needs. Every method is of one person; a foreign id is one that does not exist. */
export interface CategoriesApi {
  /** @throws AppError VALIDATION_FAILED for what does not go with `updatedSince`, or not without */
  list(userId: string, query: CategoriesQuery): Promise<CategoriesOut>;
  /** @throws AppError NOT_FOUND */
  get(userId: string, id: string): Promise<CategoryOut>;
  /** @throws AppError VALIDATION_FAILED, CONFLICT where there are too many */
  create(commit: UnitOfWork, userId: string, input: CategoryCreate): Promise<CategoryOut>;
  /** All of them, or none. @throws AppError as `create`, naming the item */
  createMany(commit: UnitOfWork, userId: string, items: readonly CategoryCreate[]): Promise<CategoryOut[]>;
  /** @throws AppError NOT_FOUND, VALIDATION_FAILED for a cycle, a depth or a kind that do not go */
  update(commit: UnitOfWork, userId: string, input: CategoryUpdate): Promise<CategoryOut>;
  /** With everything below it. @throws AppError NOT_FOUND, CONFLICT where its name was taken meanwhile */
  setArchived(commit: UnitOfWork, userId: string, input: { id: string; isArchived: boolean }): Promise<CategoryOut>;
  /** @throws AppError NOT_FOUND, CATEGORY_IN_USE */
  remove(commit: UnitOfWork, userId: string, input: CategoryDelete): Promise<void>;
  /** @throws AppError NOT_FOUND, VALIDATION_FAILED */
  merge(commit: UnitOfWork, userId: string, input: { id: string; intoId: string }): Promise<CategoryMergeOut>;
}
