import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import {
  parseMoney,
  type RuleCreate,
  type RuleOut,
  RULE_CHECKS_MAX,
  RULES_EXAMINED_MAX,
  RULES_MAX,
  type RulesApply,
  type RulesApplyOut,
  type RulesOut,
  type RulesPreview,
  type RulesPreviewOut,
  type RuleUpdate,
  type TransactionCreate,
} from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, type Dialect, readSnapshot, type UnitOfWork } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { encodeCursor } from '../../kernel/cursor.ts';
import { AppError, invalidField } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import { type CategoryTree, treeOf } from '../categories/index.ts';
import {
  type CategoryRecord,
  type Change,
  findAccounts,
  type Ledger,
  listAccounts,
  listCategories,
  openLedger,
  post,
  type TransactionRecord,
  withSplits,
} from '../ledger/index.ts';
import { placeOfCursor, searchTransactions } from '../transactions/index.ts';
import type { RulesApi } from './rules.port.ts';
import { deleteRule, insertRule, listRules, type RuleRecord, toRuleOut, updateRule } from './rules.repository.ts';
import { applyRules, readyRules, type ReadyRules, type Subject } from './rules.rules.ts';

/** Rules: what is to be filed how, asked on import and on demand. */
export class RulesService implements RulesApi {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor({ database, clock }: { database: Database; clock: Clock }) {
    this.#database = database;
    this.#clock = clock;
  }

  async list(userId: string): Promise<RulesOut> {
    return { items: (await listRules(this.#database.em(), userId)).map(toRuleOut), nextCursor: null };
  }

  async get(userId: string, id: string): Promise<RuleOut> {
    return toRuleOut(requireRule(await listRules(this.#database.em(), userId), id));
  }

  async create(commit: UnitOfWork, userId: string, input: RuleCreate): Promise<RuleOut> {
    return commit(async (em) => {
      const { ledger, rules } = await this.#open(em, userId);
      if (rules.length >= RULES_MAX) throw new AppError('CONFLICT', `A person has at most ${RULES_MAX} rules.`);
      await requireNamed(em, ledger, input);
      const rule: RuleRecord = {
        ...input,
        id: newId('rul'),
        userId,
        position: (rules.at(-1)?.position ?? 0) + 1,
        createdAtMs: ledger.changedAtMs,
        updatedAtMs: ledger.changedAtMs,
      };
      await insertRule(em, this.#database.dialect, rule);
      return toRuleOut(rule);
    });
  }

  async update(commit: UnitOfWork, userId: string, { id, ...changes }: RuleUpdate): Promise<RuleOut> {
    return commit(async (em) => {
      const { ledger, rules } = await this.#open(em, userId);
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
      const rule: RuleRecord = { ...requireRule(rules, id), ...given, updatedAtMs: ledger.changedAtMs };
      await requireNamed(em, ledger, changes);
      await updateRule(em, rule);
      return toRuleOut(rule);
    });
  }

  async remove(commit: UnitOfWork, userId: string, id: string): Promise<void> {
    await commit(async (em) => {
      const { rules } = await this.#open(em, userId);
      requireRule(rules, id);
      await deleteRule(em, userId, id);
      return {};
    });
  }

  async reorder(commit: UnitOfWork, userId: string, ids: readonly string[]): Promise<RulesOut> {
    return commit(async (em) => {
      const { ledger, rules } = await this.#open(em, userId);
      const isWhole = ids.length === rules.length && new Set(ids).size === ids.length;
      if (!isWhole || rules.some(({ id }) => !ids.includes(id))) throw invalidField('ids', 'must name every rule once');
      const ordered = ids.map((id, index): RuleRecord => ({
        ...requireRule(rules, id),
        position: index + 1,
        updatedAtMs: ledger.changedAtMs,
      }));
      for (const rule of ordered) await updateRule(em, rule);
      return { items: ordered.map(toRuleOut), nextCursor: null };
    });
  }

  async preview(userId: string, input: RulesPreview): Promise<RulesPreviewOut> {
    const { dialect } = this.#database;
    const read = await readSnapshot(this.#database, (em) => readPlanned(em, { dialect, userId }, input));
    return (await planOf(read, input)).preview;
  }

  async apply(commit: UnitOfWork, userId: string, { token, ...input }: RulesApply): Promise<RulesApplyOut> {
    return commit(async (em) => {
      const { ledger } = await this.#open(em, userId);
      const { preview, changes } = await planOf(await readPlanned(em, ledger, input), input);
      if (preview.token !== token) {
        throw new AppError('CONFLICT', 'Rules or transactions have changed since the preview. Nothing was done.', {
          details: [{ path: 'token', message: 'is of another preview; look again' }],
        });
      }
      const ids = changes.flatMap(({ before }) => [before.accountId, before.transfer?.toAccountId ?? before.accountId]);
      const accounts = await findAccounts(em, ledger.dialect, userId, ids);
      const posted = changes.map(({ before, after }): Change => ({
        before,
        after: { ...after, updatedAtMs: ledger.changedAtMs },
      }));
      await post(em, ledger, posted, accounts);
      return { changed: changes.length };
    });
  }

  async #open(em: SqlEntityManager, userId: string): Promise<{ ledger: Ledger; rules: RuleRecord[] }> {
    const ledger = await openLedger(em, this.#database.dialect, { userId, nowMs: this.#clock.now() });
    return { ledger, rules: await listRules(em, userId) };
  }
}

function requireRule(rules: readonly RuleRecord[], id: string): RuleRecord {
  const rule = rules.find((each) => each.id === id);
  if (!rule) throw new AppError('NOT_FOUND', 'There is no such rule.');
  return rule;
}

/** @throws AppError VALIDATION_FAILED for a category or an account that is none of the person's */
async function requireNamed(
  em: SqlEntityManager,
  { dialect, userId }: Ledger,
  { conditions = [], actions }: Pick<RuleUpdate, 'conditions' | 'actions'>,
): Promise<void> {
  const categoryId = actions?.categoryId;
  if (categoryId !== undefined && !(await listCategories(em, userId)).some(({ id }) => id === categoryId))
    throw invalidField('actions.categoryId', 'is no category');
  const accounts = new Set((await listAccounts(em, dialect, userId)).map(({ id }) => id));
  for (const [index, condition] of conditions.entries()) {
    if (condition.field === 'account' && !accounts.has(condition.accountId))
      throw invalidField(`conditions.${index}.accountId`, 'is no account');
  }
}

type Plan = { preview: RulesPreviewOut; changes: { before: TransactionRecord; after: TransactionRecord }[] };

/** What a plan is made of: the rules, the categories that they may set, and a page of transactions. */
type Planned = {
  ready: ReadyRules;
  categories: CategoryTree;
  page: TransactionRecord[];
  behind: { occurredOn: string; id: string } | null;
};

/** Reads what is to be planned. The more conditions there are, the smaller the page. */
async function readPlanned(
  em: SqlEntityManager,
  { dialect, userId }: { dialect: Dialect; userId: string },
  { cursor, ...selection }: RulesPreview,
): Promise<Planned> {
  const after = placeOfCursor('rules preview', cursor);
  const ready = await readRules(em, userId);
  const categories = treeOf(await listCategories(em, userId));
  const affordable = Math.max(1, Math.floor(RULE_CHECKS_MAX / ready.checksPerSubject));
  const query = { ...selection, limit: Math.min(RULES_EXAMINED_MAX, affordable) };
  const { rows, next: behind } = await searchTransactions({ em, dialect, userId, query, categoryIds: [], after });
  return { ready, categories, page: await withSplits(em, dialect, rows), behind };
}

/** What the rules would do to the page: the preview, and the same as changes. */
async function planOf(
  { ready, categories, page, behind }: Planned,
  { cursor, ...selection }: RulesPreview,
): Promise<Plan> {
  const items: RulesPreviewOut['items'] = [];
  const changes: Plan['changes'] = [];
  for (const [index, record] of page.entries()) {
    if (isTurnOver(ready, index)) await setImmediate();
    if (record.kind === 'opening') continue;
    const { after: subject, ruleIds } = applyRules(ready, categories, subjectOf(record));
    const [before, next] = [changeableOf(record), changeableOf(subject)];
    if (JSON.stringify(before) === JSON.stringify(next)) continue;
    items.push({ transactionId: record.id, occurredOn: record.occurredOn, ruleIds, before, after: next });
    changes.push({ before: record, after: { ...record, ...next } });
  }
  const token = createHash('sha256')
    .update(JSON.stringify([selection, cursor ?? null, items]))
    .digest('hex');
  const nextCursor = behind && encodeCursor('rules preview', [behind.occurredOn, behind.id]);
  return { preview: { items, examined: page.length, token, nextCursor }, changes };
}

function subjectOf(record: TransactionRecord): Subject {
  return { ...record, isSplit: record.splits.length > 0 };
}

type Changeable = Pick<Subject, 'categoryId' | 'tags' | 'payee' | 'note'>;

function changeableOf({ categoryId, tags, payee, note }: Changeable): RulesPreviewOut['items'][number]['before'] {
  return { categoryId, tags: [...tags], payee, note };
}

/** A person's rules as they are now, for any number of {@link applyRulesToDrafts}. */
export async function readRules(em: SqlEntityManager, userId: string): Promise<ReadyRules> {
  return readyRules(await listRules(em, userId));
}

/** Drafts as rules would have them, in the same order: what an import asks before it writes. Lets others have their turn in between. */
export async function applyRulesToDrafts(
  ready: ReadyRules,
  categories: ReadonlyMap<string, CategoryRecord>,
  drafts: readonly TransactionCreate[],
): Promise<TransactionCreate[]> {
  if (ready.rules.length === 0) return [...drafts];
  const ruled: TransactionCreate[] = [];
  for (const [index, draft] of drafts.entries()) {
    if (isTurnOver(ready, index)) await setImmediate();
    const subject = { ...draft, amount: parseMoney(draft.amount), isSplit: draft.splits.length > 0 };
    ruled.push({ ...draft, ...changeableOf(applyRules(ready, categories, subject).after) });
  }
  return ruled;
}

/** Conditions that may be asked before others have their turn: a few milliseconds. */
const CHECKS_PER_TURN = 10_000;

/** Whether others have their turn before the subject at this place is asked. */
function isTurnOver({ checksPerSubject }: ReadyRules, index: number): boolean {
  return index % Math.ceil(CHECKS_PER_TURN / checksPerSubject) === 0;
}
