import {
  recurringCreateInput,
  RULE_CHECKS_MAX,
  ruleCreateInput,
  type TransactionCreate,
  type TransactionOut,
} from '@finverse/shared';
import type { z } from 'zod';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { startTestServer } from '../../http/test-server.ts';
import { treeOf } from '../categories/index.ts';
import { listCategories } from '../ledger/index.ts';
import { draft, type Draft, ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import { applyRulesToDrafts, readRules } from './index.ts';
import { applyRules, type AskedRule, readyRules, type Subject } from './rules.rules.ts';

const SUBJECT: Subject = {
  kind: 'expense',
  accountId: 'acc_1',
  transfer: null,
  amount: 1250000000n,
  source: 'csv',
  description: 'CARD 4711',
  payee: 'Läden & Söhne',
  note: '',
  categoryId: null,
  tags: [],
  isSplit: false,
};
const rule = (fields: Partial<AskedRule>): AskedRule => ({
  id: 'rul_1',
  conditions: [],
  actions: { note: 'held' },
  isStop: false,
  isEnabled: true,
  ...fields,
});

test.each<[string, AskedRule['conditions'], boolean]>([
  ['contains, whatever the case', [{ field: 'payee', op: 'contains', value: 'lÄDEN' }], true],
  ['composed or not', [{ field: 'payee', op: 'starts_with', value: 'La\u0308den' }], true],
  ['equals the whole', [{ field: 'payee', op: 'equals', value: 'Läden' }], false],
  ['text means itself, and is no pattern', [{ field: 'description', op: 'contains', value: '.*' }], false],
  ['an amount at its bounds', [{ field: 'amount', min: '12.50000000', max: '12.50000000' }], true],
  ['an amount a bit above', [{ field: 'amount', max: '12.49999999' }], false],
  [
    'account, kind and source',
    [
      { field: 'account', accountId: 'acc_1' },
      { field: 'kind', kind: 'expense' },
      { field: 'source', source: 'csv' },
    ],
    true,
  ],
  ['an account that it is not on', [{ field: 'account', accountId: 'acc_2' }], false],
  ['not without its accents', [{ field: 'payee', op: 'contains', value: 'laden' }], false],
  [
    'all of several',
    [
      { field: 'source', source: 'csv' },
      { field: 'kind', kind: 'income' },
    ],
    false,
  ],
])('a condition holds or not: %s', (_title, conditions, isHeld) => {
  expect(applyRules(readyRules([rule({ conditions })]), new Map(), SUBJECT).ruleIds).toEqual(isHeld ? ['rul_1'] : []);
});

test('a transfer is on both of its accounts, as everywhere', () => {
  const transfer: Subject = { ...SUBJECT, kind: 'transfer', transfer: { toAccountId: 'acc_2' } };
  for (const [accountId, isHeld] of [
    ['acc_1', true],
    ['acc_2', true],
    ['acc_3', false],
  ] as const) {
    const asked = readyRules([rule({ conditions: [{ field: 'account', accountId }] })]);
    expect(applyRules(asked, new Map(), transfer).ruleIds).toEqual(isHeld ? ['rul_1'] : []);
  }
});

test.each<[string, object, (string | number)[]]>([
  ['a source that no transaction can have', { field: 'source', source: 'My-Bank' }, ['conditions', 0, 'source']],
  ['a min above the max', { field: 'amount', min: '10', max: '9.99' }, ['conditions', 0, 'max']],
])('a condition that can never hold is refused: %s', (_what, condition, path) => {
  const fields = { name: 'x', actions: { note: 'x' } };
  const asked = (one: object) => ruleCreateInput.safeParse({ ...fields, conditions: [one] });
  expect(asked(condition).error?.issues.map((issue) => issue.path)).toEqual([path]);
  expect(asked({ field: 'amount', min: '10', max: '10.00' }).success).toBe(true);
});

test('rules are asked in order, a later one sees what an earlier one has set, and a stop ends it', () => {
  const rules = [
    rule({ id: 'a', actions: { payee: 'Shop' } }),
    rule({ id: 'off', isEnabled: false, actions: { note: 'never' } }),
    rule({
      id: 'b',
      conditions: [{ field: 'payee', op: 'equals', value: 'shop' }],
      actions: { addTags: ['x'] },
      isStop: true,
    }),
    rule({ id: 'c', actions: { note: 'too late' } }),
  ];
  const { after, ruleIds } = applyRules(readyRules(rules), new Map(), SUBJECT);
  expect(ruleIds).toEqual(['a', 'b']);
  expect(after).toEqual({ ...SUBJECT, payee: 'Shop', tags: ['x'] });
});

test('texts are made searchable once a rule and once a subject, however often they are asked', () => {
  const text = { op: 'contains', value: 'shop' } as const;
  const conditions: AskedRule['conditions'] = [
    { field: 'note', ...text },
    { field: 'payee', ...text },
    { field: 'description', ...text },
  ];
  const rules = Array.from({ length: 50 }, () => rule({ conditions, actions: { note: 'a shop', payee: 'Shop' } }));
  const subject = { ...SUBJECT, note: 'my shop', payee: 'a shop', description: 'the SHOP' };
  const normalize = vi.spyOn(String.prototype, 'normalize');
  try {
    const ready = readyRules(rules);
    expect(normalize).toHaveBeenCalledTimes(50 * (3 + 2));
    normalize.mockClear();
    for (let times = 0; times < 10; times += 1) expect(applyRules(ready, new Map(), subject).ruleIds).toHaveLength(50);
    expect(normalize).toHaveBeenCalledTimes(10 * 3);
  } finally {
    normalize.mockRestore();
  }
});

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  let userId: string;
  let accountId: string;
  let food: string;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database);
    userId = await ledger.person();
    const account = { name: 'Cash', type: 'wallet', currency: 'EUR', creditLimit: null, openingBalance: '50' } as const;
    const looks = { icon: null, color: null, note: '', isHidden: false };
    accountId = (await ledger.accounts.create(ledger.commit, userId, { ...account, ...looks })).id;
    const [made] = await ledger.categories.createMany(ledger.commit, userId, [
      { name: 'Food at work', kind: 'expense', parentId: null, icon: null, color: null },
    ]);
    food = made?.id ?? '';
  });

  const expense = (fields: Partial<Draft> = {}): Promise<TransactionOut> =>
    ledger.transactions.create(
      ledger.commit,
      userId,
      draft({ kind: 'expense', accountId, amount: '5', occurredOn: '2026-02-03', payee: 'Canteen', ...fields }),
    );
  const createRule = (fields: Partial<z.input<typeof ruleCreateInput>> = {}) =>
    ledger.rules.create(
      ledger.commit,
      userId,
      ruleCreateInput.parse({
        name: 'Canteen',
        conditions: [{ field: 'payee', op: 'contains', value: 'canteen' }],
        actions: { categoryId: food, addTags: ['work'] },
        ...fields,
      }),
    );
  const applyAll = async (owner: string, drafts: readonly TransactionCreate[]) => {
    const em = database.em();
    return applyRulesToDrafts(await readRules(em, owner), treeOf(await listCategories(em, owner)), drafts);
  };
  const dump = async () =>
    JSON.stringify(
      await Promise.all(
        ['transactions', 'entries', 'transaction_tags', 'monthly_totals', 'accounts'].map((table) =>
          database.em().execute(`select * from ${table}`),
        ),
      ),
      (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
    );

  test('a preview changes nothing, and applying it does exactly what it said, with sums that follow', async () => {
    const plain = await expense();
    const split = await expense({ splits: [{ amount: '2' }, { amount: '3' }] });
    const refund = await expense({ kind: 'income' });
    const other = await expense({ payee: 'Cinema' });
    await createRule();
    const before = await dump();
    const preview = await ledger.rules.preview(userId, {});
    expect(await dump()).toBe(before);
    const after = (categoryId: string | null) => ({ categoryId, tags: ['work'], payee: 'Canteen', note: '' });
    expect(new Map(preview.items.map((item) => [item.transactionId, item.after]))).toEqual(
      new Map([
        [plain.id, after(food)],
        [split.id, after(null)],
        [refund.id, after(food)],
      ]),
    );
    expect(await ledger.rules.apply(ledger.commit, userId, { token: preview.token })).toEqual({ changed: 3 });
    for (const { transactionId, after: said } of preview.items) {
      expect(await ledger.transactions.get(userId, transactionId)).toMatchObject(said);
    }
    expect(await ledger.transactions.get(userId, other.id)).toEqual(other);
    expect((await ledger.transactions.list(userId, { limit: 10, tag: 'work' })).items).toHaveLength(3);
    expect((await ledger.integrity.check(userId)).differences).toEqual([]);
    expect((await ledger.rules.preview(userId, {})).items).toEqual([]);
  });

  test('a preview is of one moment: everything it reads is read in one transaction', async () => {
    await expense();
    await createRule();
    const em = database.em();
    const outside = [vi.spyOn(em, 'execute'), vi.spyOn(em, 'getKysely')];
    const inside = vi.spyOn(em, 'transactional');
    await ledgerOn({ ...database, em: () => em }).rules.preview(userId, {});
    expect(inside).toHaveBeenCalledTimes(1);
    for (const reading of outside) expect(reading).not.toHaveBeenCalled();
  });

  test('rules file a transfer by either of its accounts', async () => {
    const account = { name: 'Other', type: 'wallet', currency: 'EUR', creditLimit: null, openingBalance: '0' } as const;
    const looks = { icon: null, color: null, note: '', isHidden: false };
    const { id } = await ledger.accounts.create(ledger.commit, userId, { ...account, ...looks });
    const moved = await expense({ kind: 'transfer', transfer: { toAccountId: id } });
    await createRule({ conditions: [{ field: 'account', accountId: id }], actions: { addTags: ['in'] } });
    const { items } = await ledger.rules.preview(userId, { accountId: id });
    expect(items.map(({ transactionId, after }) => [transactionId, after.tags])).toEqual([[moved.id, ['in']]]);
    const drafts = [
      draft({ kind: 'transfer', accountId, amount: '5', occurredOn: '2026-02-03', transfer: { toAccountId: id } }),
    ];
    expect((await applyAll(userId, drafts)).map(({ tags }) => tags)).toEqual([['in']]);
  });

  test('what has changed since the preview is not applied: a transaction, a rule, or another selection', async () => {
    const transaction = await expense();
    const made = await createRule();
    const apply = (token: string, more = {}) => ledger.rules.apply(ledger.commit, userId, { token, ...more });
    const changes: (() => Promise<unknown>)[] = [
      () => ledger.transactions.update(ledger.commit, userId, { id: transaction.id, note: 'edited' }),
      () => ledger.rules.update(ledger.commit, userId, { id: made.id, actions: { addTags: ['other'] } }),
      () => expense(),
    ];
    for (const change of changes) {
      const { token } = await ledger.rules.preview(userId, {});
      await change();
      const before = await dump();
      await expect(apply(token)).rejects.toMatchObject({ code: 'CONFLICT' });
      expect(await dump()).toBe(before);
    }
    const { token } = await ledger.rules.preview(userId, { from: '2026-01-01' });
    await expect(apply(token)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await apply(token, { from: '2026-01-01' })).toEqual({ changed: 2 });
  });

  test('drafts of an import come back in their order as the rules would have them; a deleted category sets none', async () => {
    await createRule();
    const drafts = ['Canteen', 'Cinema', 'canteen two'].map((payee) =>
      draft({ kind: 'expense', accountId, amount: '5', occurredOn: '2026-02-03', payee }),
    );
    const ask = () => applyAll(userId, drafts);
    const tagged = (index: number) => ({ ...drafts[index], categoryId: food, tags: ['work'] });
    expect(await ask()).toEqual([tagged(0), drafts[1], tagged(2)]);
    await ledger.categories.remove(ledger.commit, userId, { id: food, moveTo: null });
    expect((await ask()).map(({ categoryId }) => categoryId)).toEqual([null, null, null]);
    expect(await applyAll(await ledger.person(), drafts)).toEqual(drafts);
  });

  test('the more conditions there are, the fewer transactions a preview looks at, and the cursor goes on behind them', async () => {
    for (let index = 0; index < 3; index += 1) await expense();
    const { id } = await createRule({ actions: { addTags: ['work'] } });
    // As five hundred rules of all kinds would have it, without making them.
    const conditions = JSON.stringify(Array.from({ length: 1000 }, () => ({ field: 'kind', kind: 'expense' })));
    await database.em().execute('update rules set conditions = ? where id = ?', [conditions, id]);
    const others = Array.from({ length: RULE_CHECKS_MAX / 2000 - 1 }, (_, index) => index);
    await database.em().execute(
      `insert into rules (id, user_id, created_at, position, name, conditions, actions, is_stop, is_enabled, updated_at)
       select concat('rul_', n.position), user_id, created_at, n.position, name, conditions, actions, is_stop, is_enabled, updated_at
       from rules cross join (${others.map((index) => `select ${index + 2} as position`).join(' union all ')}) n where id = ?`,
      [id],
    );
    const selection = { to: '2026-02-28' };
    const first = await ledger.rules.preview(userId, selection);
    expect([first.examined, first.items.length]).toEqual([2, 2]);
    expect(await ledger.rules.apply(ledger.commit, userId, { ...selection, token: first.token })).toEqual({
      changed: 2,
    });
    const second = await ledger.rules.preview(userId, { ...selection, cursor: first.nextCursor ?? '' });
    expect(second.items).toHaveLength(1);
    expect(second.nextCursor).toBeNull();
  });

  test('others have their turn again and again while rules are asked of many drafts', async () => {
    const conditions = Array.from(
      { length: 10 },
      () => ({ field: 'payee', op: 'contains', value: 'canteen' }) as const,
    );
    await createRule({ conditions });
    const one = draft({ kind: 'expense', accountId, amount: '5', occurredOn: '2026-02-03', payee: 'Canteen' });
    const turnsWith = async (count: number) => {
      let [turns, isOver] = [0, false];
      const turn = () => {
        turns += 1;
        if (!isOver) setImmediate(turn);
      };
      const drafts = Array.from({ length: count }, () => one);
      await database.em().execute('select 1');
      turn();
      await applyAll(userId, drafts);
      isOver = true;
      return turns;
    };
    if (database.dialect !== 'sqlite') return;
    expect((await turnsWith(20_000)) - (await turnsWith(1))).toBeGreaterThanOrEqual(15);
  });

  test('rules and templates follow a category that is merged or deleted; none is left naming what is gone', async () => {
    const { commit, categories } = ledger;
    const looks = { kind: 'expense', parentId: null, icon: null, color: null } as const;
    const made = await categories.createMany(commit, userId, [
      { name: 'Into', ...looks },
      { name: 'Last', ...looks },
    ]);
    const [into, last] = made.map(({ id }) => id) as [string, string];
    const tagging = await createRule();
    const onlyFiling = await createRule({ actions: { categoryId: food } });
    const splits = [
      { amount: '2', categoryId: food, note: '' },
      { amount: '3', categoryId: null, note: '' },
    ];
    const fields = { kind: 'expense', accountId, amount: '5' } as const;
    const template = { rule: 'FREQ=YEARLY', startsOn: '2100-01-01' };
    const createTemplate = (input: object) =>
      ledger.recurring.create(commit, userId, recurringCreateInput.parse({ ...template, ...input }));
    await createTemplate({ name: 'Whole', draft: { ...fields, categoryId: food } });
    await createTemplate({ name: 'Split', draft: { ...fields, splits } });
    const named = async () => ({
      rules: (await ledger.rules.list(userId)).items.map(({ id, actions }) => [id, actions.categoryId]),
      templates: (await ledger.recurring.list(userId, { limit: 10 })).items.map(
        ({ draft: { categoryId, splits: parts } }) => [categoryId, ...parts.map((part) => part.categoryId)],
      ),
    });

    await expect(categories.remove(commit, userId, { id: food })).rejects.toMatchObject({
      code: 'CATEGORY_IN_USE',
      message: 'The category is named by 2 rules and 2 recurring transactions: say where they go.',
      details: [{ path: 'moveTo' }],
    });
    const everywhere = (id: string | null) => [[id], [null, id, null]];
    await categories.merge(commit, userId, { id: food, intoId: into });
    const both = (id: string) => [tagging, onlyFiling].map((each) => [each.id, id]);
    expect(await named()).toEqual({ rules: both(into), templates: everywhere(into) });
    await categories.remove(commit, userId, { id: into, moveTo: last });
    expect(await named()).toEqual({ rules: both(last), templates: everywhere(last) });
    await categories.remove(commit, userId, { id: last, moveTo: null });
    // The other rule still tags; this one would do nothing.
    expect(await named()).toEqual({ rules: [[tagging.id, undefined]], templates: everywhere(null) });
  });

  test('an account that rules or templates name is not deleted', async () => {
    const account = { name: 'Other', type: 'wallet', currency: 'EUR', creditLimit: null, openingBalance: '0' } as const;
    const looks = { icon: null, color: null, note: '', isHidden: false };
    const { id } = await ledger.accounts.create(ledger.commit, userId, { ...account, ...looks });
    const remove = () => ledger.accounts.remove(ledger.commit, userId, id);
    const looking = await createRule({ conditions: [{ field: 'account', accountId: id }] });
    await expect(remove()).rejects.toMatchObject({
      code: 'ACCOUNT_NOT_EMPTY',
      message: expect.stringContaining('1 rule:') as string,
    });
    await ledger.rules.remove(ledger.commit, userId, looking.id);
    const transfer = { kind: 'transfer', accountId, amount: '5', transfer: { toAccountId: id } };
    const input = { name: 'Saving', draft: transfer, rule: 'FREQ=YEARLY', startsOn: '2100-01-01' };
    const template = await ledger.recurring.create(ledger.commit, userId, recurringCreateInput.parse(input));
    await expect(remove()).rejects.toMatchObject({
      code: 'ACCOUNT_NOT_EMPTY',
      message: expect.stringContaining('1 recurring transaction:') as string,
    });
    await ledger.recurring.remove(ledger.commit, userId, template.id);
    await remove();
  });

  test('the order is the person’s own, and names every rule once', async () => {
    const [first, second] = [await createRule({ name: 'First' }), await createRule({ name: 'Second' })];
    const reorder = (ids: string[]) => ledger.rules.reorder(ledger.commit, userId, ids);
    await expect(reorder([first.id])).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    await expect(reorder([first.id, first.id])).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    await reorder([second.id, first.id]);
    expect((await ledger.rules.list(userId)).items.map(({ name }) => name)).toEqual(['Second', 'First']);
    expect(await ledger.rules.get(userId, first.id)).toMatchObject({ id: first.id, name: 'First' });
    const stranger = await ledger.person();
    await expect(ledger.rules.get(stranger, first.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(ledger.rules.remove(ledger.commit, stranger, first.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await ledger.rules.remove(ledger.commit, userId, first.id);
    expect((await ledger.rules.list(userId)).items).toHaveLength(1);
  });
});

test('over REST a rule is made, previewed and applied; one that names what is not there is refused by its field', async () => {
  await using server = await startTestServer();
  const token = await server.signIn('user');
  const post = (path: string, body: object) => server.rest('POST', path, { token, body });
  const account = await post('/accounts', { name: 'Cash', type: 'wallet', currency: 'EUR' });
  const accountId = account.body?.['id'];
  await post('/transactions', {
    kind: 'expense',
    account_id: accountId,
    amount: '5',
    occurred_on: '2026-02-03',
    payee: 'Bus',
  });
  const body = {
    name: 'Bus',
    conditions: [{ field: 'payee', op: 'starts_with', value: 'bus' }],
    actions: { add_tags: ['way'] },
  };
  const bad = await post('/rules', { ...body, actions: { category_id: 'cat_x' } });
  expect(bad.body?.error?.details).toEqual([{ path: 'actions.category_id', message: 'is no category' }]);
  expect((await post('/rules', { ...body, actions: {} })).status).toBe(400);
  expect(await post('/rules', body)).toMatchObject({ status: 200, body: { position: 1, is_stop: false } });
  const preview = await server.rest('GET', '/rules/preview?from=2026-01-01', { token });
  expect(preview.body).toMatchObject({ examined: 1, items: [{ after: { tags: ['way'] } }] });
  const applied = await post('/rules/apply', { from: '2026-01-01', token: preview.body?.['token'] });
  expect(applied.body).toEqual({ changed: 1 });
});
