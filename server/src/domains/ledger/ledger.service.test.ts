import { CATEGORY_DEPTH_MAX, formatMoney, parseMoney } from '@finverse/shared';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Database, readSnapshot, transact } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { systemClock } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { checkLedger } from './integrity.ts';
import { accountFields, draft, type Draft, ledgerOn, type TestLedger } from './test-ledger.ts';

type Refusal = { code: string; paths: string[] };

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  let userId: string;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database);
    userId = await ledger.person();
  });

  const account = async (fields: object = {}) => ledger.accounts.create(ledger.commit, userId, accountFields(fields));
  const category = (fields: object = {}) =>
    ledger.categories.create(ledger.commit, userId, {
      name: 'Mine',
      kind: 'both',
      parentId: null,
      icon: null,
      color: null,
      ...fields,
    });
  const add = (accountId: string, fields: Partial<Draft> = {}) =>
    ledger.transactions.create(
      ledger.commit,
      userId,
      draft({ kind: 'income', accountId, amount: '1', occurredOn: '2026-02-03', ...fields }),
    );
  const edit = (id: string, changes: object) => ledger.transactions.update(ledger.commit, userId, { id, ...changes });
  const list = (query: object = {}) => ledger.transactions.list(userId, { limit: 200, ...query });
  const statement = async (id: string, limit = 200) => {
    const items = [];
    for (let cursor: string | undefined | null; cursor !== null;) {
      const page: Awaited<ReturnType<typeof ledger.accounts.statement>> = await ledger.accounts.statement(userId, {
        id,
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      });
      items.push(...page.items);
      cursor = page.nextCursor;
    }
    return items;
  };
  const balanceOf = async (id: string) => (await ledger.accounts.get(userId, id)).balance;
  const refusal = async (work: Promise<unknown>): Promise<Refusal> => {
    const error: unknown = await work.then(
      () => new Error('it was accepted'),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof AppError)) throw error;
    return { code: error.code, paths: error.details.map(({ path }) => path) };
  };
  const expectSound = async () => {
    const wanted = { userId, differencesMax: 100 };
    const { differences } = await readSnapshot(database, (em) => checkLedger(em, database.dialect, wanted));
    expect(differences).toEqual([]);
  };
  const rows = (sql: string, ...values: string[]) => database.em().execute<Record<string, unknown>[]>(sql, values);

  describe('accounts', () => {
    test('an opening balance is an entry like any other: made, changed, moved in time and taken away, to the last digit', async () => {
      const { id, openingBalance } = await account({ openingBalance: '-0.00000001', openedOn: '2026-01-31' });
      expect(openingBalance).toBe('-0.00000001');
      expect(await statement(id)).toMatchObject([
        { kind: 'opening', occurredOn: '2026-01-31', balance: '-0.00000001' },
      ]);
      const update = (changes: object) => ledger.accounts.update(ledger.commit, userId, { id, ...changes });
      expect(await update({ openingBalance: '9999999999.99999999' })).toMatchObject({
        balance: '9999999999.99999999',
        openedOn: '2026-01-31',
      });
      expect(await update({ openedOn: '2025-12-31' })).toMatchObject({
        openedOn: '2025-12-31',
        balance: '9999999999.99999999',
      });
      await expectSound();
      const [opening] = (await list()).items;
      expect(await refusal(edit(opening?.id ?? '', { amount: '1' }))).toMatchObject({ code: 'CONFLICT' });
      expect(await refusal(ledger.transactions.remove(ledger.commit, userId, opening?.id ?? ''))).toMatchObject({
        code: 'CONFLICT',
      });
      expect(await update({ openingBalance: '0' })).toMatchObject({ balance: '0.00000000', openedOn: null });
      expect([await statement(id), (await list()).items]).toEqual([[], []]);
      expect(await update({ openingBalance: '5', openedOn: '2026-03-01' })).toMatchObject({ balance: '5.00000000' });
      await expectSound();
    });

    test('a credit limit refuses what makes a debt larger, never what pays it', async () => {
      const { id } = await account({ type: 'credit', creditLimit: '100' });
      await add(id, { kind: 'expense', amount: '100' });
      expect(await refusal(add(id, { kind: 'expense', amount: '0.00000001' }))).toEqual({
        code: 'CREDIT_LIMIT_EXCEEDED',
        paths: ['amount'],
      });
      expect(await ledger.accounts.update(ledger.commit, userId, { id, creditLimit: '10' })).toMatchObject({
        availableCredit: '-90.00000000',
      });
      await add(id, { amount: '1' });
      expect(await refusal(account({ type: 'credit', creditLimit: '10', openingBalance: '-11' }))).toEqual({
        code: 'CREDIT_LIMIT_EXCEEDED',
        paths: ['openingBalance'],
      });
      expect(await refusal(account({ creditLimit: '10' }))).toMatchObject({ paths: ['creditLimit'] });
      await expectSound();
    });

    test('on an archived account no money moves; what is no money may change', async () => {
      const [from, to, third] = [await account(), await account(), await account()];
      const kept = await add(from.id, { amount: '5' });
      await add(to.id);
      const transfer = await add(third.id, { kind: 'transfer', transfer: { toAccountId: from.id } });
      const setArchived = (isArchived: boolean) =>
        ledger.accounts.setArchived(ledger.commit, userId, { id: from.id, isArchived });
      const archived = await setArchived(true);
      expect(archived.archivedAt).not.toBeNull();
      expect(await setArchived(true)).toEqual(archived);
      const blocked = [
        () => add(from.id),
        () => add(to.id, { kind: 'transfer', transfer: { toAccountId: from.id } }),
        () => edit(kept.id, { amount: '6' }),
        () => edit(kept.id, { occurredOn: '2026-02-04' }),
        () => edit(kept.id, { accountId: to.id }),
        () => edit(kept.id, { kind: 'expense' }),
        () => edit(transfer.id, { amount: '2' }),
        () => ledger.transactions.remove(ledger.commit, userId, transfer.id),
        () => ledger.accounts.update(ledger.commit, userId, { id: from.id, openingBalance: '1' }),
        () => ledger.accounts.moveEntries(ledger.commit, userId, { id: from.id, toAccountId: to.id }),
        () => ledger.accounts.moveEntries(ledger.commit, userId, { id: to.id, toAccountId: from.id }),
      ];
      for (const each of blocked) expect(await refusal(each())).toMatchObject({ code: 'ACCOUNT_ARCHIVED' });
      const { id: categoryId } = await category();
      expect(await edit(kept.id, { categoryId, payee: 'P' })).toMatchObject({ categoryId, payee: 'P' });
      expect(await ledger.accounts.update(ledger.commit, userId, { id: from.id, name: 'Old' })).toMatchObject({
        name: 'Old',
      });
      expect(
        (await ledger.accounts.list(userId, { limit: 9, includeArchived: false, includeHidden: true })).items,
      ).toHaveLength(2);
      expect((await setArchived(false)).archivedAt).toBeNull();
      await edit(kept.id, { amount: '6' });
      await expectSound();
    });

    test('an account is deleted only when nothing is on it, and leaves a tombstone', async () => {
      const { id } = await account({ openingBalance: '1' });
      const remove = () => ledger.accounts.remove(ledger.commit, userId, id);
      expect(await refusal(remove())).toMatchObject({ code: 'ACCOUNT_NOT_EMPTY' });
      await ledger.accounts.update(ledger.commit, userId, { id, openingBalance: '0' });
      // Two entries of which nothing is left are entries all the same.
      const pair = [await add(id), await add(id, { kind: 'expense' })];
      expect([await balanceOf(id), await refusal(remove())]).toMatchObject([
        '0.00000000',
        { code: 'ACCOUNT_NOT_EMPTY' },
      ]);
      for (const each of pair) await ledger.transactions.remove(ledger.commit, userId, each.id);
      await remove();
      expect(await refusal(ledger.accounts.get(userId, id))).toMatchObject({ code: 'NOT_FOUND' });
      const { deleted } = await ledger.accounts.list(userId, {
        limit: 9,
        includeArchived: false,
        includeHidden: true,
        updatedSince: '2020-01-01T00:00:00Z',
      });
      expect(deleted.map((each) => each.id)).toEqual([id]);
    });

    test('all entries move to another account at once: splits, and both ends of transfers; each is counted', async () => {
      const [from, to, third] = [await account(), await account(), await account()];
      const dollars = await account({ currency: 'USD' });
      await add(from.id, { amount: '7', splits: [{ amount: '3' }, { amount: '4' }] });
      await add(from.id, { kind: 'expense', amount: '2' });
      await add(from.id, { kind: 'transfer', amount: '1', transfer: { toAccountId: third.id } });
      await add(dollars.id, { kind: 'transfer', amount: '5', transfer: { toAccountId: from.id, rate: '2' } });
      const move = (toAccountId: string) =>
        ledger.accounts.moveEntries(ledger.commit, userId, { id: from.id, toAccountId });
      expect(await refusal(move(dollars.id))).toEqual({ code: 'VALIDATION_FAILED', paths: ['toAccountId'] });
      expect(await refusal(move(from.id))).toEqual({ code: 'VALIDATION_FAILED', paths: ['toAccountId'] });
      // One end to the other would be a transfer to itself.
      expect(await refusal(move(third.id))).toMatchObject({ code: 'CONFLICT' });
      expect(await move(to.id)).toMatchObject({
        movedEntries: 5,
        from: { balance: '0.00000000' },
        to: { balance: '14.00000000' },
      });
      expect((await list({ accountId: from.id })).items).toEqual([]);
      expect((await list({ accountId: to.id })).items).toHaveLength(4);
      expect(await balanceOf(third.id)).toBe('1.00000000');
      await expectSound();
      await ledger.accounts.remove(ledger.commit, userId, from.id);
    });

    test('what lies between the first and the last of moved entries is refused by no limit', async () => {
      const from = await account();
      const to = await account({ type: 'credit', creditLimit: '5' });
      const items = (kind: 'income' | 'expense') =>
        Array.from({ length: 100 }, () => draft({ kind, accountId: from.id, amount: '1', occurredOn: '2026-02-03' }));
      for (let round = 0; round < 6; round += 1) {
        await ledger.transactions.bulk(ledger.commit, userId, { create: items('expense'), update: [], delete: [] });
      }
      for (let round = 0; round < 6; round += 1) {
        await ledger.transactions.bulk(ledger.commit, userId, { create: items('income'), update: [], delete: [] });
      }
      const moved = await ledger.accounts.moveEntries(ledger.commit, userId, { id: from.id, toAccountId: to.id });
      expect(moved).toMatchObject({ movedEntries: 1200, to: { balance: '0.00000000' } });
      await expectSound();
    });

    test('the running balance of a statement is the sum of all entries up to it, wherever the pages end', async () => {
      const { id } = await account({ openingBalance: '100', openedOn: '2026-01-01' });
      const other = await account();
      const dates = ['2026-01-31', '2026-02-01', '2026-02-01', '2026-02-01', '2026-02-28', '2026-03-01'];
      for (const [index, occurredOn] of [...dates, ...dates].entries()) {
        const amount = formatMoney(BigInt(index + 1) * 100_000_001n);
        await add(id, { kind: index % 3 === 0 ? 'income' : 'expense', amount, occurredOn });
        if (index % 4 === 0) await add(id, { amount: '3', occurredOn, splits: [{ amount: '1' }, { amount: '2' }] });
        if (index % 4 === 1) await add(other.id, { kind: 'transfer', occurredOn, transfer: { toAccountId: id } });
      }
      const whole = await statement(id);
      expect(whole).toHaveLength(1 + 12 + 2 * 3 + 3);
      let balance = 0n;
      for (const entry of whole.toReversed()) {
        balance += parseMoney(entry.amount);
        expect(entry.balance).toBe(formatMoney(balance));
      }
      expect(whole[0]?.balance).toBe(await balanceOf(id));
      for (const limit of [1, 2, 3, 7]) expect(await statement(id, limit)).toEqual(whole);
      const february = await ledger.accounts.statement(userId, {
        id,
        limit: 200,
        from: '2026-02-01',
        to: '2026-02-28',
      });
      expect(february.items).toEqual(whole.filter(({ occurredOn }) => occurredOn.startsWith('2026-02')));
    });

    test('a figure that is larger on its way than any that is kept is exact as well', async () => {
      const [there, here] = [await account(), await account()];
      const move = (from: string, toAccountId: string, occurredOn: string) =>
        add(from, { kind: 'transfer', amount: '9999999999.99999999', occurredOn, transfer: { toAccountId } });
      // No month and no balance ever grows too large; what comes before a day does, and so does what comes before a month.
      for (let round = 1; round <= 10; round += 1) {
        const month = String(round).padStart(2, '0');
        await move(there.id, here.id, '2025-01-01');
        await move(here.id, there.id, '2025-01-31');
        await move(there.id, here.id, `2026-${month}-01`);
        await move(here.id, there.id, `2027-${month}-01`);
      }
      const onDay = async (to: string) =>
        (await ledger.accounts.statement(userId, { id: here.id, limit: 1, to })).items[0]?.balance;
      expect(await onDay('2025-01-30')).toBe('99999999999.99999990');
      expect(await onDay('2026-12-31')).toBe('99999999999.99999990');
      expect(await onDay('2027-12-31')).toBe('0.00000000');
      await expectSound();
    }, 60_000);

    test('the summary and the net worth of every month say what is had and owed, and add no currency to another', async () => {
      const cash = await account({ openingBalance: '10', openedOn: '2026-01-15' });
      const card = await account({ type: 'credit', openingBalance: '-4', openedOn: '2026-02-01' });
      const dollars = await account({ currency: 'USD', openingBalance: '7', openedOn: '2026-03-31' });
      await add(cash.id, {
        kind: 'transfer',
        amount: '3',
        occurredOn: '2026-02-28',
        transfer: { toAccountId: card.id },
      });
      await ledger.accounts.setArchived(ledger.commit, userId, { id: dollars.id, isArchived: true });
      const empty = await account();
      await ledger.accounts.setArchived(ledger.commit, userId, { id: empty.id, isArchived: true });
      expect(await ledger.accounts.summary(userId)).toMatchObject({
        groups: [
          { type: 'credit', currency: 'EUR', balance: '-1.00000000', accounts: 1 },
          { type: 'wallet', currency: 'EUR', balance: '7.00000000', accounts: 1 },
          { type: 'wallet', currency: 'USD', balance: '7.00000000', accounts: 1 },
        ],
        totals: [
          { currency: 'EUR', assets: '7.00000000', liabilities: '1.00000000', netWorth: '6.00000000' },
          { currency: 'USD', netWorth: '7.00000000' },
        ],
      });
      const { points } = await ledger.accounts.netWorth(userId, { from: '2025-12', to: '2026-04' });
      expect(points.map(({ month, totals }) => [month, ...totals.map(({ netWorth }) => netWorth)])).toEqual([
        ['2025-12'],
        ['2026-01', '10.00000000'],
        ['2026-02', '6.00000000'],
        ['2026-03', '6.00000000', '7.00000000'],
        ['2026-04', '6.00000000', '7.00000000'],
      ]);
      // A range that begins later starts with what there was before it.
      expect((await ledger.accounts.netWorth(userId, { from: '2026-02', to: '2026-02' })).points).toEqual([points[2]]);
      expect(await refusal(ledger.accounts.netWorth(userId, { from: '2026-02', to: '2026-01' }))).toMatchObject({
        paths: ['to'],
      });
      expect(await refusal(ledger.accounts.netWorth(userId, { from: '1900-01', to: '2199-12' }))).toMatchObject({
        paths: ['to'],
      });
    });

    test('who asks for changes gets an account whose balance has changed, and no other', async () => {
      const [moved, still] = [await account(), await account()];
      const since = async (updatedSince: string) =>
        (await ledger.accounts.list(userId, { limit: 9, includeArchived: false, includeHidden: true, updatedSince }))
          .items;
      const last = (await since('2020-01-01T00:00:00Z')).at(-1);
      expect(last?.id).toBe(still.id);
      const { updatedAt } = await add(moved.id);
      expect(await since(updatedAt)).toMatchObject([{ id: moved.id, balance: '1.00000000' }]);
      expect(
        await refusal(
          ledger.accounts.list(userId, {
            limit: 9,
            includeArchived: false,
            includeHidden: true,
            type: 'wallet',
            updatedSince: updatedAt,
          }),
        ),
      ).toMatchObject({ paths: ['type'] });
    });
  });

  describe('sums', () => {
    test('an eleventh digit is refused by the name of the amount, wherever it would come about, and nothing stays', async () => {
      const big = { amount: '9999999999' };
      const first = await account();
      const second = await account();
      await add(first.id, { ...big, occurredOn: '2026-01-01' });
      const refused = { code: 'VALIDATION_FAILED', paths: ['amount'] };
      expect(await refusal(add(first.id, { amount: '1', occurredOn: '2026-02-01' }))).toEqual(refused);
      // The balance would be small enough, the month's income would not.
      expect(await refusal(add(second.id, { amount: '1', occurredOn: '2026-01-31' }))).toEqual(refused);
      await add(second.id, { ...big, occurredOn: '2026-02-01' });
      const transfer = { kind: 'transfer' as const, amount: '1', occurredOn: '2026-03-01' };
      expect(await refusal(add(first.id, { ...transfer, transfer: { toAccountId: second.id } }))).toEqual(refused);
      await add(first.id, { kind: 'expense', ...big, occurredOn: '2026-03-01' });
      expect(await refusal(add(second.id, { kind: 'expense', amount: '1', occurredOn: '2026-03-02' }))).toEqual(
        refused,
      );
      expect(
        await refusal(ledger.accounts.update(ledger.commit, userId, { id: second.id, openingBalance: '1' })),
      ).toEqual({
        ...refused,
        paths: ['openingBalance'],
      });
      await add(first.id, { ...big, occurredOn: '2026-05-01' });
      expect(
        await refusal(ledger.accounts.moveEntries(ledger.commit, userId, { id: first.id, toAccountId: second.id })),
      ).toEqual({
        ...refused,
        paths: ['toAccountId'],
      });
      await expectSound();
    });

    test('nor is a debt of eleven digits', async () => {
      const { id } = await account();
      await add(id, { kind: 'expense', amount: '9999999999', occurredOn: '2026-06-01' });
      expect(await refusal(add(id, { kind: 'expense', amount: '1', occurredOn: '2026-07-01' }))).toEqual({
        code: 'VALIDATION_FAILED',
        paths: ['amount'],
      });
      await add(id, { kind: 'expense', amount: '0.99999999', occurredOn: '2026-07-01' });
      expect(await balanceOf(id)).toBe('-9999999999.99999999');
    });

    test('a merge that would make a sum too large is refused by the name of its target', async () => {
      const [a, b] = [await category({ name: 'A' }), await category({ name: 'B' })];
      const { id } = await account();
      await add(id, { amount: '9999999999', categoryId: a.id, occurredOn: '2026-01-01' });
      await add(id, { kind: 'expense', amount: '9999999999', occurredOn: '2026-01-01' });
      await add(id, { amount: '9999999999', categoryId: b.id, occurredOn: '2026-01-01' });
      expect(await refusal(ledger.categories.merge(ledger.commit, userId, { id: a.id, intoId: b.id }))).toEqual({
        code: 'VALIDATION_FAILED',
        paths: ['intoId'],
      });
      expect(await refusal(ledger.categories.remove(ledger.commit, userId, { id: a.id, moveTo: b.id }))).toMatchObject({
        paths: ['moveTo'],
      });
      await expectSound();
    });

    test('sums go with their last entry', async () => {
      const { id } = await account();
      const { id: categoryId } = await category();
      const made = await add(id, { categoryId });
      await edit(made.id, { occurredOn: '2026-03-01', categoryId: null });
      await ledger.transactions.remove(ledger.commit, userId, made.id);
      expect(
        await rows(
          'select month from account_months where user_id = ? union all select month from monthly_totals where user_id = ?',
          userId,
          userId,
        ),
      ).toEqual([]);
    });
  });

  describe('categories', () => {
    const update = (id: string, changes: object) => ledger.categories.update(ledger.commit, userId, { id, ...changes });

    test('64 first calls at once make one starting set', async () => {
      const lists = await Promise.all(
        Array.from({ length: 64 }, () => ledger.categories.list(userId, { includeArchived: false })),
      );
      const [first] = lists;
      expect(first?.items.filter(({ isSystem }) => isSystem)).toHaveLength(28);
      for (const each of lists) expect(each).toEqual(first);
      const keys = await rows('select system_key from categories where user_id = ?', userId);
      expect(new Set(keys.map((row) => row['system_key'])).size).toBe(keys.length);
    });

    test('one that was deleted of the starting set does not come back', async () => {
      const { items } = await ledger.categories.list(userId, { includeArchived: true });
      for (const { id } of items.toReversed()) await ledger.categories.remove(ledger.commit, userId, { id });
      expect((await ledger.categories.list(userId, { includeArchived: true })).items).toEqual([]);
      await account();
      expect((await ledger.categories.list(userId, { includeArchived: true })).items).toEqual([]);
    });

    test('no category comes to stand below itself, below too many, or below another kind', async () => {
      const line = [await category({ name: '1' })];
      for (let depth = 2; depth <= CATEGORY_DEPTH_MAX; depth += 1) {
        line.push(await category({ name: String(depth), parentId: line.at(-1)?.id }));
      }
      const [top, second, , bottom] = line.map(({ id }) => id) as [string, string, string, string];
      expect(line.at(-1)).toMatchObject({ depth: CATEGORY_DEPTH_MAX, path: '1 / 2 / 3 / 4' });
      const refusedAt = (paths: string[]) => ({ code: 'VALIDATION_FAILED', paths });
      expect(await refusal(category({ parentId: bottom }))).toEqual(refusedAt(['parentId']));
      for (const parentId of [top, second, bottom]) {
        expect(await refusal(update(top, { parentId }))).toEqual(refusedAt(['parentId']));
      }
      const other = await category({ name: 'Other' });
      expect(await refusal(update(top, { parentId: other.id }))).toEqual(refusedAt(['parentId']));
      await update(second, { parentId: other.id });
      expect(await refusal(update(other.id, { kind: 'income' }))).toEqual(refusedAt(['kind']));
      await update(top, { kind: 'income' });
      expect(await refusal(category({ parentId: top, kind: 'expense', name: 'x' }))).toEqual(refusedAt(['kind']));
      expect(await refusal(category({ name: ' oTHER '.trim() }))).toEqual(refusedAt(['name']));
    });

    test('a refund is filed where the purchase is: both totals stay apart, whatever side the category comes to stand on', async () => {
      const { id } = await account();
      const { id: categoryId } = await category({ kind: 'expense' });
      await add(id, { kind: 'expense', amount: '30', categoryId });
      const refund = await add(id, { amount: '12', categoryId });
      const totals = async () =>
        (await ledger.transactions.monthlyTotals(userId, { limit: 10, from: '2026-02', to: '2026-02' })).items.map(
          (each) => [each.kind, each.categoryId, each.total],
        );
      const both = (of: string) => [
        ['expense', of, '30.00000000'],
        ['income', of, '12.00000000'],
      ];
      expect(await totals()).toEqual(both(categoryId));
      await update(categoryId, { kind: 'income' });
      const into = await category({ name: 'Purchases', kind: 'expense' });
      const merged = await ledger.categories.merge(ledger.commit, userId, { id: categoryId, intoId: into.id });
      expect(merged).toMatchObject({ movedEntries: 2 });
      expect(await ledger.transactions.get(userId, refund.id)).toMatchObject({ kind: 'income', categoryId: into.id });
      expect(await totals()).toEqual(both(into.id));
      const salary = await category({ name: 'Salary 2', kind: 'income' });
      await ledger.categories.remove(ledger.commit, userId, { id: into.id, moveTo: salary.id });
      expect(await totals()).toEqual(both(salary.id));
      await expectSound();
    });

    test('a new category is of the kind of the one above it, unless it says another', async () => {
      const place = (fields: { kind?: 'income' | 'expense'; parentId: string | null }) =>
        ledger.categories.create(ledger.commit, userId, { name: 'New', icon: null, color: null, ...fields });
      const top = await place({ kind: 'expense', parentId: null });
      expect(await place({ parentId: top.id })).toMatchObject({ kind: 'expense', depth: 2 });
      expect(await place({ parentId: null })).toMatchObject({ kind: 'both', depth: 1 });
      await expect(place({ kind: 'income', parentId: top.id })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    });

    test('many are made or none, and the refusal names the item, also where it is the only one', async () => {
      const before = await ledger.categories.list(userId, { includeArchived: true });
      const item = { name: 'A', kind: 'both' as const, parentId: null, icon: null, color: null };
      const make = (items: object[]) =>
        ledger.categories.createMany(
          ledger.commit,
          userId,
          items.map((each) => ({ ...item, ...each })),
        );
      expect(await refusal(make([{}, { name: 'B', parentId: 'cat_none' }]))).toMatchObject({
        paths: ['items.1.parentId'],
      });
      expect(await refusal(make([{}, { name: 'a' }]))).toMatchObject({ paths: ['items.1.name'] });
      expect(await refusal(make([{ parentId: 'cat_none' }]))).toMatchObject({ paths: ['items.0.parentId'] });
      expect(await ledger.categories.list(userId, { includeArchived: true })).toEqual(before);
      expect(await make([{}, { name: 'B' }])).toMatchObject([{ name: 'A' }, { name: 'B' }]);
    });

    test('a part below zero takes away from its category and from no other kind; the account loses the amount', async () => {
      const [food, deposits] = [await category({ name: 'Food' }), await category({ name: 'Deposits' })];
      const { id } = await account();
      const splits = [
        { amount: '20', categoryId: food.id },
        { amount: '-3', categoryId: deposits.id, note: 'bottles' },
      ];
      const receipt = await add(id, { kind: 'expense', amount: '17', splits });
      const totals = async () =>
        (await ledger.transactions.monthlyTotals(userId, { limit: 50, from: '2026-01', to: '2026-12' })).items.map(
          ({ kind, categoryId, total, count }) => [kind, categoryId, Number(total), count],
        );
      expect(receipt.splits.map(({ amount }) => Number(amount))).toEqual([20, -3]);
      expect((await list()).items).toEqual([receipt]);
      expect(await totals()).toEqual([
        ['expense', food.id, 20, 1],
        ['expense', deposits.id, -3, 1],
      ]);
      const lines = await statement(id);
      expect(lines.map(({ amount, balance }) => [Number(amount), Number(balance)])).toEqual([
        [3, -17],
        [-20, -20],
      ]);
      const turned = await edit(receipt.id, { kind: 'income' });
      expect((await list()).items).toEqual([turned]);
      expect(turned.splits).toEqual(receipt.splits);
      expect(await balanceOf(id)).toBe('17.00000000');
      await ledger.categories.merge(ledger.commit, userId, { id: deposits.id, intoId: food.id });
      expect(await totals()).toEqual([['income', food.id, 17, 2]]);
      expect((await checkLedger(database.em(), database.dialect, { userId, differencesMax: 9 })).differences).toEqual(
        [],
      );
    });

    test('a merge moves what is filed, also where both stand in one split, and what is below', async () => {
      const [from, into] = [await category({ name: 'From' }), await category({ name: 'Into' })];
      const child = await category({ name: 'Child', parentId: from.id });
      const { id } = await account();
      const splits = [
        { amount: '1', categoryId: from.id },
        { amount: '2', categoryId: into.id },
        { amount: '3', categoryId: from.id },
      ];
      const split = await add(id, { kind: 'expense', amount: '6', splits });
      const plain = await add(id, { categoryId: from.id });
      const none = await add(id);
      expect(
        await refusal(ledger.categories.merge(ledger.commit, userId, { id: from.id, intoId: child.id })),
      ).toMatchObject({
        paths: ['intoId'],
      });
      const merged = await ledger.categories.merge(ledger.commit, userId, { id: from.id, intoId: into.id });
      expect(merged).toMatchObject({ movedEntries: 3, into: { id: into.id } });
      const get = (txn: string) => ledger.transactions.get(userId, txn);
      expect((await get(split.id)).splits.map((part) => part.categoryId)).toEqual([into.id, into.id, into.id]);
      expect(await get(plain.id)).toMatchObject({ categoryId: into.id });
      expect(await get(none.id)).toEqual(none);
      expect((await list({ categoryId: into.id })).items.map((each) => each.id)).toEqual([plain.id, split.id]);
      expect(await ledger.categories.get(userId, child.id)).toMatchObject({ parentId: into.id, depth: 2 });
      expect(await refusal(ledger.categories.get(userId, from.id))).toMatchObject({ code: 'NOT_FOUND' });
      const since = await list({ updatedSince: (await get(split.id)).updatedAt });
      expect(since.items.map((each) => each.id)).toEqual([split.id, plain.id].toSorted());
      await expectSound();
    });

    test('one with transactions is deleted only when it is said where they go', async () => {
      const from = await category({ name: 'From' });
      const { id } = await account();
      const made = await add(id, { categoryId: from.id });
      const remove = (moveTo?: string | null) =>
        ledger.categories.remove(ledger.commit, userId, { id: from.id, ...(moveTo === undefined ? {} : { moveTo }) });
      expect(await refusal(remove())).toEqual({ code: 'CATEGORY_IN_USE', paths: ['moveTo'] });
      for (const target of ['cat_none', from.id])
        expect(await refusal(remove(target))).toMatchObject({ paths: ['moveTo'] });
      const child = await category({ parentId: from.id });
      expect(await refusal(remove(null))).toMatchObject({ code: 'CATEGORY_IN_USE' });
      await ledger.categories.remove(ledger.commit, userId, { id: child.id });
      await remove(null);
      expect(await ledger.transactions.get(userId, made.id)).toMatchObject({ categoryId: null });
      const empty = await category({ name: 'Empty' });
      expect(
        await refusal(ledger.categories.remove(ledger.commit, userId, { id: empty.id, moveTo: 'cat_none' })),
      ).toMatchObject({ paths: ['moveTo'] });
      await expectSound();
    });

    test('who asks for changes gets them page by page, archived ones and what was deleted included', async () => {
      const listed = (query: object) => ledger.categories.list(userId, { includeArchived: false, ...query });
      await listed({});
      const first = await category({ name: 'First' });
      const second = await category({ name: 'Second' });
      const third = await category({ name: 'Third', parentId: second.id });
      await update(third.id, { parentId: null });
      const updatedSince = first.createdAt;
      expect(await listed({ updatedSince })).toMatchObject({
        items: [first, second, { id: third.id, path: 'Third' }],
        deleted: [],
        nextCursor: null,
      });
      await ledger.categories.setArchived(ledger.commit, userId, { id: first.id, isArchived: true });
      await ledger.categories.remove(ledger.commit, userId, { id: second.id });
      const seen: unknown[] = [];
      for (let cursor: string | undefined, isMore = true; isMore;) {
        const page = await listed({ updatedSince, limit: 1, cursor });
        seen.push(...page.items.map(({ id }) => id), ...page.deleted.map(({ id }) => ({ deleted: id })));
        cursor = page.nextCursor ?? undefined;
        isMore = page.nextCursor !== null;
      }
      expect(seen).toEqual([third.id, first.id, { deleted: second.id }]);
      expect(await listed({})).toMatchObject({ deleted: [], nextCursor: null });
      expect(await refusal(listed({ updatedSince, kind: 'income' }))).toMatchObject({ paths: ['kind'] });
      expect(await refusal(listed({ limit: 1 }))).toMatchObject({ paths: ['limit'] });
      expect(await refusal(listed({ cursor: 'x' }))).toMatchObject({ paths: ['cursor'] });
    });

    test('a copy that is kept by changes has the paths and depths of the tree, whatever was renamed, moved or merged above', async () => {
      const listed = (query: object = {}) => ledger.categories.list(userId, { includeArchived: true, ...query });
      await listed();
      const top = await category({ name: 'Top' });
      const second = await category({ name: 'Second', parentId: top.id });
      const third = await category({ name: 'Third', parentId: second.id });
      const other = await category({ name: 'Other' });
      const copy = new Map((await listed()).items.map((each) => [each.id, each]));
      const expectKept = async (change: () => Promise<unknown>) => {
        // What changes now is all that is newer than it.
        const latest = await category({ name: `Latest ${copy.size}` });
        copy.set(latest.id, latest);
        await change();
        const changes = await listed({ updatedSince: latest.updatedAt });
        for (const each of changes.items) copy.set(each.id, each);
        for (const { id } of changes.deleted) copy.delete(id);
        const byId = <Item extends { id: string }>(items: Iterable<Item>) =>
          [...items].toSorted((a, b) => (a.id < b.id ? -1 : 1));
        expect(byId(copy.values())).toEqual(byId((await listed()).items));
      };
      await expectKept(() => update(top.id, { name: 'Up' }));
      expect(copy.get(third.id)).toMatchObject({ path: 'Up / Second / Third', depth: 3 });
      await expectKept(() => update(second.id, { parentId: null }));
      await expectKept(() => update(second.id, { parentId: top.id }));
      await expectKept(() => ledger.categories.merge(ledger.commit, userId, { id: top.id, intoId: other.id }));
      expect(copy.get(third.id)).toMatchObject({ path: 'Other / Second / Third' });
    });

    test('what is archived is edited also while another has its name', async () => {
      const old = await category({ name: 'Old' });
      await ledger.categories.setArchived(ledger.commit, userId, { id: old.id, isArchived: true });
      const namesake = await category({ name: 'Old' });
      expect(await update(old.id, { icon: 'star' })).toMatchObject({ icon: 'star', name: 'Old' });
      expect(
        await refusal(ledger.categories.setArchived(ledger.commit, userId, { id: old.id, isArchived: false })),
      ).toMatchObject({ code: 'CONFLICT' });
      await update(old.id, { name: 'Older' });
      await ledger.categories.setArchived(ledger.commit, userId, { id: old.id, isArchived: false });
      expect(await refusal(update(namesake.id, { name: 'OLDER' }))).toMatchObject({ paths: ['name'] });
    });

    test('what is archived takes nothing new, keeps what it has, and comes back unless its name was taken', async () => {
      const top = await category({ name: 'Top' });
      const child = await category({ name: 'Child', parentId: top.id });
      const { id } = await account();
      const made = await add(id, { categoryId: child.id });
      const setArchived = (isArchived: boolean) =>
        ledger.categories.setArchived(ledger.commit, userId, { id: top.id, isArchived });
      await setArchived(true);
      expect((await ledger.categories.get(userId, child.id)).archivedAt).not.toBeNull();
      expect(await refusal(add(id, { categoryId: child.id }))).toMatchObject({ paths: ['categoryId'] });
      expect(await edit(made.id, { amount: '2', payee: 'P' })).toMatchObject({ categoryId: child.id });
      const other = await category({ name: 'Other' });
      expect(
        await refusal(ledger.categories.merge(ledger.commit, userId, { id: other.id, intoId: child.id })),
      ).toMatchObject({
        paths: ['intoId'],
      });
      const namesake = await category({ name: 'TOP' });
      expect(await refusal(setArchived(false))).toMatchObject({ code: 'CONFLICT' });
      await ledger.categories.remove(ledger.commit, userId, { id: namesake.id });
      expect(await setArchived(false)).toMatchObject({ archivedAt: null });
      expect((await ledger.categories.get(userId, child.id)).archivedAt).toBeNull();
    });

    test('nothing that is not archived lies below what is', async () => {
      const top = await category({ name: 'Top' });
      const child = await category({ name: 'Child', parentId: top.id });
      const other = await category({ name: 'Other' });
      await ledger.categories.setArchived(ledger.commit, userId, { id: top.id, isArchived: true });
      const refused = { code: 'VALIDATION_FAILED', paths: ['parentId'] };
      expect(await refusal(category({ name: 'New', parentId: top.id }))).toMatchObject(refused);
      const move = ledger.categories.update(ledger.commit, userId, { id: other.id, parentId: top.id });
      expect(await refusal(move)).toMatchObject(refused);
      await ledger.categories.setArchived(ledger.commit, userId, { id: child.id, isArchived: false });
      expect((await ledger.categories.get(userId, top.id)).archivedAt).toBeNull();
    });
  });

  describe('transactions', () => {
    test('of a bulk all happens or nothing; deletions come first, and a refusal names the item', async () => {
      const [cash, closed] = [await account({ openingBalance: '1' }), await account()];
      const made = await add(cash.id, { source: 'bank', externalId: 'x' });
      await ledger.accounts.setArchived(ledger.commit, userId, { id: closed.id, isArchived: true });
      const opening = (await list({ kind: 'opening' })).items[0]?.id ?? '';
      const item = { kind: 'income' as const, accountId: cash.id, amount: '1', occurredOn: '2026-02-03' };
      const bulk = (input: { create?: Draft[]; update?: object[]; delete?: string[] }) =>
        ledger.transactions.bulk(ledger.commit, userId, {
          create: (input.create ?? []).map(draft),
          update: (input.update ?? []) as never[],
          delete: input.delete ?? [],
        });
      const before = await list();
      const twice = [item, { ...item, source: 'bank', externalId: 'y' }, { ...item, source: 'bank', externalId: 'y' }];
      const cases: [Parameters<typeof bulk>[0], string, string][] = [
        [{ create: [item, { ...item, accountId: 'acc_none' }] }, 'VALIDATION_FAILED', 'create.1.accountId'],
        [{ create: [item, { ...item, accountId: closed.id }] }, 'ACCOUNT_ARCHIVED', 'create.1.accountId'],
        [
          { create: [item, { ...item, source: 'bank', externalId: 'x' }] },
          'DUPLICATE_EXTERNAL_ID',
          'create.1.externalId',
        ],
        [{ create: twice }, 'DUPLICATE_EXTERNAL_ID', 'create.2.externalId'],
        [{ create: [item], update: [{ id: 'txn_none' }] }, 'NOT_FOUND', 'update.0'],
        [{ create: [item], update: [{ id: made.id, accountId: closed.id }] }, 'ACCOUNT_ARCHIVED', 'update.0.accountId'],
        [{ create: [item], delete: [made.id, 'txn_none'] }, 'NOT_FOUND', 'delete.1'],
        [{ create: [item], delete: [opening] }, 'CONFLICT', 'delete.0'],
        [{ update: [{ id: made.id }], delete: [made.id] }, 'VALIDATION_FAILED', 'delete.0'],
        [{ update: [{ id: made.id }, { id: made.id }] }, 'VALIDATION_FAILED', 'update.1.id'],
      ];
      for (const [input, code, path] of cases) {
        expect(await refusal(bulk(input))).toEqual({ code, paths: [path] });
        expect(await list()).toEqual(before);
      }
      const done = await bulk({ create: [{ ...item, source: 'bank', externalId: 'x' }], delete: [made.id] });
      expect(done).toMatchObject({ created: [{ externalId: 'x' }], deleted: [made.id] });
      await expectSound();
    });

    test('an external id is unique within its source and person, and free again when it is deleted', async () => {
      const { id } = await account();
      const named = { source: 'bank', externalId: 'A-1' };
      const first = await add(id, named);
      expect(await refusal(add(id, named))).toEqual({ code: 'DUPLICATE_EXTERNAL_ID', paths: ['externalId'] });
      await add(id, { ...named, source: 'other' });
      await add(id, { ...named, externalId: 'a-1' });
      await add(id);
      await add(id);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 16 }, () => add(id, { ...named, externalId: 'race' })),
      );
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      await ledger.transactions.remove(ledger.commit, userId, first.id);
      await add(id, named);
      await expectSound();
    });

    test('the longest of everything is kept and found', async () => {
      const { id } = await account();
      const tags = Array.from({ length: 20 }, (_, index) => `${'"\\'.repeat(24)}${String(index).padStart(2, '0')}`);
      const longest = { description: 'ﷺ'.repeat(200), payee: 'İ'.repeat(200), note: '😀'.repeat(1000), tags };
      const made = await add(id, longest);
      expect(await ledger.transactions.get(userId, made.id)).toMatchObject(longest);
      expect((await list({ text: 'ﷺ' })).items).toHaveLength(1);
      expect((await list({ tag: tags[7] })).items).toHaveLength(1);
    });

    test('a client that keeps a copy and asks from the newest time it has seen misses nothing, whoever writes meanwhile', async () => {
      const { id } = await account();
      const copy = new Map<string, unknown>();
      let newest = '2020-01-01T00:00:00.000Z';
      let isWriting = true;
      const pull = async () => {
        for (let cursor: string | null | undefined; cursor !== null;) {
          const since: string = newest;
          const page: Awaited<ReturnType<typeof list>> = await ledger.transactions.list(userId, {
            limit: 3,
            updatedSince: since,
            ...(cursor === undefined ? {} : { cursor }),
          });
          const times = [
            ...page.items.map(({ updatedAt }) => updatedAt),
            ...page.deleted.map(({ deletedAt }) => deletedAt),
          ];
          for (const item of page.items) copy.set(item.id, item);
          for (const gone of page.deleted) copy.delete(gone.id);
          cursor = page.nextCursor === null ? null : page.nextCursor;
          if (cursor === null) newest = times.toSorted().at(-1) ?? newest;
          // Every page by its own time: the next call asks from there.
          else {
            newest = times.toSorted().at(-1) ?? newest;
            cursor = undefined;
            if (times.every((time) => time === since)) throw new Error('no progress');
          }
        }
      };
      const write = async () => {
        const own: string[] = [];
        for (let round = 0; round < 12; round += 1) {
          own.push((await add(id)).id);
          const [first, second] = own;
          if (round % 2 === 1 && first) await ledger.transactions.remove(ledger.commit, userId, own.shift() ?? first);
          else if (second) await edit(second, { payee: `round ${round}` });
        }
      };
      const reading = (async () => {
        while (isWriting) await pull();
      })();
      await Promise.all(Array.from({ length: 6 }, write));
      isWriting = false;
      await reading;
      await pull();
      const all = await list();
      expect(new Map(all.items.map((item) => [item.id, item]))).toEqual(copy);
    }, 60_000);

    test('a tag finds a transaction as it is after an edit of its tags or its date', async () => {
      const { id } = await account();
      const made = await add(id, { tags: ['old', 'kept'] });
      const found = async (query: object) => (await list(query)).items.map((item) => item.id);
      await edit(made.id, { tags: ['kept', 'new'] });
      expect([await found({ tag: 'old' }), await found({ tag: 'kept' }), await found({ tag: 'new' })]).toEqual([
        [],
        [made.id],
        [made.id],
      ]);
      await edit(made.id, { occurredOn: '2026-05-05' });
      expect([await found({ tag: 'new', from: '2026-05-05' }), await found({ tag: 'new', to: '2026-05-04' })]).toEqual([
        [made.id],
        [],
      ]);
    });

    test('filters beside updated_since are refused, not ignored', async () => {
      const updatedSince = '2020-01-01T00:00:00Z';
      for (const [name, value] of Object.entries({ text: 'x', accountId: 'acc_1', from: '2026-01-01', tag: 't' })) {
        expect(await refusal(list({ updatedSince, [name]: value }))).toEqual({
          code: 'VALIDATION_FAILED',
          paths: [name],
        });
      }
    });

    test('pages stay whole while rows are inserted before, between and after', async () => {
      const { id } = await account();
      const old: string[] = [];
      for (let day = 1; day <= 24; day += 1) {
        old.push((await add(id, { occurredOn: `2026-02-${String(Math.ceil(day / 3)).padStart(2, '0')}` })).id);
      }
      const seen: string[] = [];
      let cursor: string | null | undefined;
      while (cursor !== null) {
        const page: Awaited<ReturnType<typeof list>> = await list({
          limit: 5,
          ...(cursor === undefined ? {} : { cursor }),
        });
        seen.push(...page.items.map((item) => item.id));
        cursor = page.nextCursor;
        for (const occurredOn of ['2026-02-01', '2026-02-04', '2026-02-08', '2026-03-01'])
          await add(id, { occurredOn });
      }
      expect(new Set(seen).size).toBe(seen.length);
      const known = new Set(old);
      expect(seen.filter((each) => known.has(each))).toEqual(old.toReversed());
    });

    test('a transaction is read as of one moment: its splits are always those of its amount', async () => {
      const { id } = await account();
      const made = await add(id, { amount: '2', splits: [{ amount: '1' }, { amount: '1' }] });
      let isWriting = true;
      const writing = (async () => {
        for (let total = 3; total < 40; total += 1) {
          const amount = String(total);
          await edit(made.id, {
            amount,
            splits: [
              { amount: String(total - 1), categoryId: null, note: '' },
              { amount: '1', categoryId: null, note: '' },
            ],
          });
        }
        isWriting = false;
      })();
      while (isWriting) {
        const reads = [await ledger.transactions.get(userId, made.id), ...(await list()).items];
        for (const { amount, splits } of reads) {
          expect(formatMoney(splits.reduce((sum, part) => sum + parseMoney(part.amount), 0n))).toBe(amount);
        }
        const page = await ledger.accounts.statement(userId, { id, limit: 1 });
        const [top] = page.items;
        expect(parseMoney(top?.balance ?? '0') - parseMoney(top?.amount ?? '0')).toBe(
          parseMoney(top?.balance ?? '0') - 1n * 10n ** 8n,
        );
      }
      await writing;
    }, 60_000);
  });

  test('the time of a change is later than that of every change before, also where the clock goes back', async () => {
    let nowMs = systemClock.now();
    const skewed = ledgerOn(database, { ...systemClock, now: () => (nowMs -= 1000) });
    const times: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const { updatedAt } = await skewed.accounts.create(skewed.commit, userId, accountFields({ name: 'A' }));
      times.push(Date.parse(updatedAt));
    }
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(new Set(times).size).toBe(times.length);
  });

  test('of twenty changes at once, while the clock stands still, each has a time of its own', async () => {
    const { id } = await account();
    const nowMs = systemClock.now();
    const still = ledgerOn(database, { ...systemClock, now: () => nowMs });
    const item = draft({ kind: 'income', accountId: id, amount: '1', occurredOn: '2026-02-03' });
    const made = await Promise.all(
      Array.from({ length: 20 }, () => still.transactions.create(still.commit, userId, item)),
    );
    expect(new Set(made.map(({ updatedAt }) => updatedAt)).size).toBe(20);
    expect(await balanceOf(id)).toBe('20.00000000');
  });

  test('the check names every figure that is not what the entries say', async () => {
    const { id } = await account({ openingBalance: '1' });
    const { id: categoryId } = await category();
    await add(id, { categoryId });
    await add(id, { amount: '2', splits: [{ amount: '1' }, { amount: '1' }] });
    await expectSound();
    const tamper = (sql: string) =>
      transact(database, async (em) => {
        await em.execute(`${sql}${sql.includes(' where ') ? ' and' : ' where'} user_id = ?`, [userId], 'run');
        const { differences } = await checkLedger(em, database.dialect, { userId, differencesMax: 100 });
        throw Object.assign(new Error('undo'), { kinds: [...new Set(differences.map(({ kind }) => kind))].toSorted() });
      }).catch((error: unknown) => (error as { kinds?: string[] }).kinds ?? Promise.reject(error as Error));
    expect(await tamper('update accounts set balance = balance + 1')).toEqual(['balance']);
    expect(await tamper('update account_months set total = total + 1')).toEqual(['account_month']);
    expect(await tamper('update account_months set count = count + 1')).toEqual(['account_month']);
    expect(await tamper('delete from monthly_totals')).toEqual(['monthly_total']);
    expect(await tamper('update transactions set amount = amount + 1 where is_split = 1')).toEqual(['split_sum']);
    expect(await tamper(`update entries set category_id = 'cat_none' where category_id is not null`)).toEqual([
      'entry_copy',
      'monthly_total',
      'unknown_category',
    ]);
    expect(await tamper('delete from entries')).toEqual([
      'account_month',
      'balance',
      'missing_entries',
      'monthly_total',
    ]);
    expect(await tamper('delete from accounts')).toEqual(['unknown_account']);
  });
});
