import type { References } from '../ledger/index.ts';
import { deleteRule, listRules, updateRule } from './rules.repository.ts';

/** Rules that set a category, or look at an account. A rule that would do nothing any more goes with its category. */
export const ruleReferences: References = {
  names: ['rule', 'rules'],
  async countCategory(em, userId, categoryId) {
    return (await listRules(em, userId)).filter(({ actions }) => actions.categoryId === categoryId).length;
  },
  async countAccount(em, userId, accountId) {
    return (await listRules(em, userId)).filter(({ conditions }) =>
      conditions.some((condition) => condition.field === 'account' && condition.accountId === accountId),
    ).length;
  },
  async replaceCategory(em, { userId, changedAtMs }, { fromId, toId }) {
    for (const rule of await listRules(em, userId)) {
      const { categoryId, ...others } = rule.actions;
      if (categoryId !== fromId) continue;
      const actions = toId === null ? others : { ...others, categoryId: toId };
      if (Object.keys(actions).length === 0) await deleteRule(em, userId, rule.id);
      else await updateRule(em, { ...rule, actions, updatedAtMs: changedAtMs });
    }
  },
};
