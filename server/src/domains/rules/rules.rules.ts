import { parseMoney, type RuleActions, type RuleCondition, TAGS_MAX } from '@finverse/shared';
import { type CategoryRecord, searchable, type Units } from '../ledger/index.ts';

/** A rule as it is asked. */
export type AskedRule = {
  id: string;
  conditions: readonly RuleCondition[];
  actions: RuleActions;
  isStop: boolean;
  isEnabled: boolean;
};

/** What rules look at. */
export type Subject = {
  kind: string;
  accountId: string;
  amount: Units;
  source: string;
  description: string;
  payee: string;
  note: string;
  categoryId: string | null;
  tags: readonly string[];
  isSplit: boolean;
};

/**
 * The subject after all rules, asked in their order, and those that held. A later rule sees what an earlier one has set. What cannot be is left out of a
 * rule's actions: a category that is gone, archived or of another kind, of a transfer or a split; tags beyond their number.
 */
export function applyRules(
  rules: readonly AskedRule[],
  categories: ReadonlyMap<string, CategoryRecord>,
  subject: Subject,
): { after: Subject; ruleIds: string[] } {
  let after = subject;
  const ruleIds: string[] = [];
  for (const { id, conditions, actions, isStop, isEnabled } of rules) {
    const current = after;
    if (!isEnabled || !conditions.every((condition) => holds(condition, current))) continue;
    ruleIds.push(id);
    after = act(actions, categories, after);
    if (isStop) break;
  }
  return { after, ruleIds };
}

function holds(condition: RuleCondition, subject: Subject): boolean {
  switch (condition.field) {
    case 'amount': {
      const { min, max } = condition;
      return (
        (min === undefined || subject.amount >= parseMoney(min)) &&
        (max === undefined || subject.amount <= parseMoney(max))
      );
    }
    case 'account':
      return subject.accountId === condition.accountId;
    case 'kind':
      return subject.kind === condition.kind;
    case 'source':
      return subject.source === condition.source;
    default: {
      const [text, value] = [searchable(subject[condition.field]), searchable(condition.value)];
      if (condition.op === 'equals') return text === value;
      return condition.op === 'contains' ? text.includes(value) : text.startsWith(value);
    }
  }
}

function act(actions: RuleActions, categories: ReadonlyMap<string, CategoryRecord>, subject: Subject): Subject {
  const category = actions.categoryId === undefined ? undefined : categories.get(actions.categoryId);
  const fits =
    category &&
    category.archivedAtMs === null &&
    !subject.isSplit &&
    (subject.kind === category.kind || (category.kind === 'both' && subject.kind !== 'transfer'));
  return {
    ...subject,
    categoryId: fits ? category.id : subject.categoryId,
    tags: [...new Set([...subject.tags, ...(actions.addTags ?? [])])].slice(0, Math.max(TAGS_MAX, subject.tags.length)),
    payee: actions.payee ?? subject.payee,
    note: actions.note ?? subject.note,
  };
}
