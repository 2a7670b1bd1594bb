import type { RecurringDraft } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { References } from '../ledger/index.ts';
import { countRecurring, type RecurringRecord, selectRecurring, updateRecurring } from './recurring.repository.ts';

/** Templates whose transactions are filed under a category, or book on an account. */
export const recurringReferences: References = {
  names: ['recurring transaction', 'recurring transactions'],
  async countCategory(em, userId, categoryId) {
    return (await all(em, userId)).filter(({ draft }) => isFiledUnder(draft, categoryId)).length;
  },
  async countAccount(em, userId, accountId) {
    return (await all(em, userId)).filter(
      ({ draft }) => draft.accountId === accountId || draft.transfer?.toAccountId === accountId,
    ).length;
  },
  async replaceCategory(em, { userId, changedAtMs }, { fromId, toId }) {
    const replace = <Filed extends { categoryId: string | null }>(filed: Filed): Filed =>
      filed.categoryId === fromId ? { ...filed, categoryId: toId } : filed;
    for (const record of await all(em, userId)) {
      if (!isFiledUnder(record.draft, fromId)) continue;
      const draft = { ...replace(record.draft), splits: record.draft.splits.map(replace) };
      await updateRecurring(em, { ...record, draft, updatedAtMs: changedAtMs });
    }
  },
};

async function all(em: SqlEntityManager, userId: string): Promise<RecurringRecord[]> {
  return selectRecurring(em, userId, { afterId: '', limit: await countRecurring(em, userId) });
}

function isFiledUnder({ categoryId, splits }: RecurringDraft, id: string): boolean {
  return categoryId === id || splits.some((split) => split.categoryId === id);
}
