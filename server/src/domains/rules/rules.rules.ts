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
  transfer: { toAccountId: string } | null;
  amount: Units;
  source: string;
  description: string;
  payee: string;
  note: string;
  categoryId: string | null;
  tags: readonly string[];
  isSplit: boolean;
};

type TextField = Extract<RuleCondition, { value: string }>['field'];
/** The texts of a subject as they are searched, each made when it is first asked for. */
type SearchedTexts = Partial<Record<TextField, string>>;
type Condition = (subject: Subject, textOf: (field: TextField) => string) => boolean;

/** Rules made ready for being asked of many subjects: what depends on the rules alone is worked out once. */
export type ReadyRules = {
  rules: readonly { id: string; conditions: readonly Condition[]; actions: ReadyActions; isStop: boolean }[];
  /** Conditions that one subject is asked at most; at least one. */
  checksPerSubject: number;
};
type ReadyActions = RuleActions & { searched: SearchedTexts };

/** The rules that are enabled, in their order, ready for {@link applyRules}. */
export function readyRules(rules: readonly AskedRule[]): ReadyRules {
  const ready = rules
    .filter(({ isEnabled }) => isEnabled)
    .map(({ id, conditions, actions, isStop }) => {
      const searched: SearchedTexts = {};
      if (actions.payee !== undefined) searched.payee = searchable(actions.payee);
      if (actions.note !== undefined) searched.note = searchable(actions.note);
      return { id, conditions: conditions.map(readyCondition), actions: { ...actions, searched }, isStop };
    });
  const checks = ready.reduce((sum, { conditions }) => sum + conditions.length, 0);
  return { rules: ready, checksPerSubject: Math.max(1, checks) };
}

/**
 * The subject after all rules, asked in their order, and those that held. A later rule sees what an earlier one has set. What cannot be is left out of a
 * rule's actions: a category that is gone or archived, of a transfer or a split; tags beyond their number.
 */
export function applyRules(
  { rules }: ReadyRules,
  categories: ReadonlyMap<string, CategoryRecord>,
  subject: Subject,
): { after: Subject; ruleIds: string[] } {
  let after = subject;
  const texts: SearchedTexts = {};
  const textOf = (field: TextField) => (texts[field] ??= searchable(after[field]));
  const ruleIds: string[] = [];
  for (const { id, conditions, actions, isStop } of rules) {
    const current = after;
    if (!conditions.every((holds) => holds(current, textOf))) continue;
    ruleIds.push(id);
    after = act(actions, categories, after);
    Object.assign(texts, actions.searched);
    if (isStop) break;
  }
  return { after, ruleIds };
}

function readyCondition(condition: RuleCondition): Condition {
  switch (condition.field) {
    case 'amount': {
      const min = condition.min === undefined ? null : parseMoney(condition.min);
      const max = condition.max === undefined ? null : parseMoney(condition.max);
      return ({ amount }) => (min === null || amount >= min) && (max === null || amount <= max);
    }
    case 'account':
      return ({ accountId, transfer }) => [accountId, transfer?.toAccountId].includes(condition.accountId);
    case 'kind':
      return ({ kind }) => kind === condition.kind;
    case 'source':
      return ({ source }) => source === condition.source;
    default: {
      const { field, op } = condition;
      const value = searchable(condition.value);
      if (op === 'equals') return (_subject, textOf) => textOf(field) === value;
      if (op === 'contains') return (_subject, textOf) => textOf(field).includes(value);
      return (_subject, textOf) => textOf(field).startsWith(value);
    }
  }
}

function act(actions: RuleActions, categories: ReadonlyMap<string, CategoryRecord>, subject: Subject): Subject {
  const category = actions.categoryId === undefined ? undefined : categories.get(actions.categoryId);
  const fits = category && category.archivedAtMs === null && !subject.isSplit && subject.kind !== 'transfer';
  return {
    ...subject,
    categoryId: fits ? category.id : subject.categoryId,
    tags: [...new Set([...subject.tags, ...(actions.addTags ?? [])])].slice(0, Math.max(TAGS_MAX, subject.tags.length)),
    payee: actions.payee ?? subject.payee,
    note: actions.note ?? subject.note,
  };
}
