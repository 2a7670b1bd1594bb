import type {
  RuleCreate,
  RuleOut,
  RulesApply,
  RulesApplyOut,
  RulesOut,
  RulesPreview,
  RulesPreviewOut,
  RuleUpdate,
} from '@finverse/shared';
import type { UnitOfWork } from '../../db/index.ts';

/** What the rules router needs. Every method is of one person; a foreign id is one that does not exist. */
export interface RulesApi {
  list(userId: string): Promise<RulesOut>;
  /** @throws AppError NOT_FOUND */
  get(userId: string, id: string): Promise<RuleOut>;
  /** @throws AppError VALIDATION_FAILED for a category or account that is none, CONFLICT for too many */
  create(commit: UnitOfWork, userId: string, input: RuleCreate): Promise<RuleOut>;
  /** @throws AppError NOT_FOUND, VALIDATION_FAILED */
  update(commit: UnitOfWork, userId: string, input: RuleUpdate): Promise<RuleOut>;
  /** @throws AppError NOT_FOUND */
  remove(commit: UnitOfWork, userId: string, id: string): Promise<void>;
  /** @throws AppError VALIDATION_FAILED where it is not every rule once */
  reorder(commit: UnitOfWork, userId: string, ids: readonly string[]): Promise<RulesOut>;
  /** Changes nothing. */
  preview(userId: string, input: RulesPreview): Promise<RulesPreviewOut>;
  /** Does what the preview said. @throws AppError CONFLICT where it would be anything else by now */
  apply(commit: UnitOfWork, userId: string, input: RulesApply): Promise<RulesApplyOut>;
}
