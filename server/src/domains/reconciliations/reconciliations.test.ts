import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { type Bank, openBank } from './test-reconciliations.ts';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let bank: Bank;
  beforeEach(async () => {
    database = await databases.openMigrated();
    bank = await openBank(database);
  });

  test('an account is compared with a statement: what is cleared, what is missing, and the lock at the end', async () => {
    const rent = await bank.add({ amount: '60', occurredOn: '2026-01-05' });
    const late = await bank.add({ amount: '7', occurredOn: '2026-01-31' });
    await bank.add({ amount: '500', occurredOn: '2026-02-01' });
    const started = await bank.start('40');
    expect(started).toMatchObject({
      status: 'open',
      currency: 'EUR',
      openingBalance: '0.00000000',
      clearedBalance: '0.00000000',
      difference: '40.00000000',
      clearedCount: 0,
      unclearedCount: 3,
      unclearedTotal: '33.00000000',
    });
    expect(
      (await bank.entries(started.id)).map(({ transactionId, amount, cleared }) => [transactionId, amount, cleared]),
    ).toEqual([
      [late.id, '-7.00000000', 'uncleared'],
      [rent.id, '-60.00000000', 'uncleared'],
      [bank.openingId, '100.00000000', 'uncleared'],
    ]);
    await bank.clear(started.id, bank.openingId, rent.id, late.id);
    const less = await bank.unclear(started.id, late.id);
    expect(less).toMatchObject({
      clearedBalance: '40.00000000',
      difference: '0.00000000',
      clearedCount: 2,
      unclearedCount: 1,
      unclearedTotal: '-7.00000000',
    });
    expect(await bank.get(started.id)).toEqual(less);
    expect((await bank.entries(started.id, { cleared: 'uncleared' })).map((item) => item.transactionId)).toEqual([
      late.id,
    ]);
    expect((await bank.entries(started.id, { cleared: 'cleared' })).map((item) => item.transactionId)).toEqual([
      rent.id,
      bank.openingId,
    ]);

    const { reconciliation, adjustment } = await bank.finish(started.id);
    expect(adjustment).toBeNull();
    expect(reconciliation).toMatchObject({
      status: 'finished',
      difference: '0.00000000',
      clearedCount: 2,
      unclearedCount: null,
      adjustmentTransactionId: null,
    });
    expect(await bank.get(started.id)).toEqual(reconciliation);
    expect(await bank.transaction(rent.id)).toMatchObject({ cleared: 'reconciled' });
    expect(await bank.transaction(late.id)).toMatchObject({ cleared: 'uncleared' });
    expect((await bank.entries(started.id)).map((item) => [item.transactionId, item.cleared])).toEqual([
      [rent.id, 'reconciled'],
      [bank.openingId, 'reconciled'],
    ]);

    const next = await bank.start('33', '2026-02-28');
    expect(next).toMatchObject({
      openingBalance: '40.00000000',
      clearedBalance: '40.00000000',
      difference: '-7.00000000',
      unclearedCount: 2,
    });
    await bank.clear(next.id, late.id);
    await bank.finish(next.id);
    expect(
      (await bank.ledger.reconciliations.list(bank.userId, { limit: 1, accountId: bank.giro })).items,
    ).toMatchObject([{ id: next.id }]);
    expect(await bank.differences()).toEqual([]);
  });

  test('a difference of the smallest unit is refused by its amount and nothing is written; an adjustment makes exactly it', async () => {
    const [category] = await bank.ledger.categories.createMany(bank.ledger.commit, bank.userId, [
      { name: `Lost ${bank.giro}`, kind: 'expense', parentId: null, icon: null, color: null },
    ]);
    await bank.add({ amount: '0.00000001' });
    const { id } = await bank.start('99.99999998');
    await bank.clearAll(id);
    const before = await bank.dump();
    await expect(bank.finish(id)).rejects.toMatchObject({
      code: 'RECONCILIATION_UNBALANCED',
      message: 'The statement says 99.99999998, what is cleared sums up to 99.99999999: the difference is -0.00000001.',
      details: [{ path: 'statementBalance', message: 'differs by -0.00000001' }],
    });
    await expect(bank.finish(id, { categoryId: 'cat_none', note: '' })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      details: [{ path: 'adjustment.categoryId' }],
    });
    expect(await bank.dump()).toBe(before);

    const { reconciliation, adjustment } = await bank.finish(id, { categoryId: category?.id ?? '', note: 'lost' });
    expect(adjustment).toMatchObject({
      kind: 'expense',
      amount: '0.00000001',
      occurredOn: '2026-01-31',
      categoryId: category?.id,
      note: 'lost',
      source: 'reconciliation',
      cleared: 'reconciled',
    });
    expect(reconciliation).toMatchObject({ adjustmentTransactionId: adjustment?.id, clearedCount: 3 });
    expect(await bank.transaction(adjustment?.id ?? '')).toEqual(adjustment);
    expect(await bank.ledger.accounts.get(bank.userId, bank.giro)).toMatchObject({ balance: '99.99999998' });
    expect(await bank.differences()).toEqual([]);
  });

  test('an adjustment above the statement is an income; where there is no difference none is made; what no amount can be is refused', async () => {
    const { id } = await bank.start('-9999999999.99999999');
    const income = await bank.add({ kind: 'income', amount: '9999999000' });
    await bank.clear(id, income.id);
    await expect(bank.finish(id, { categoryId: null, note: '' })).rejects.toMatchObject({
      details: [{ path: 'adjustment' }],
    });
    await bank.unclear(id, income.id);
    await bank.remove(income.id);
    await bank.ledger.reconciliations.update(bank.ledger.commit, bank.userId, { id, statementBalance: '12.5' });
    const { adjustment } = await bank.finish(id, { categoryId: null, note: '' });
    expect(adjustment).toMatchObject({ kind: 'income', amount: '12.50000000', categoryId: null });
    const next = await bank.start('112.5', '2026-01-31');
    await bank.clearAll(next.id);
    expect(await bank.finish(next.id, { categoryId: null, note: '' })).toMatchObject({ adjustment: null });
    expect(await bank.differences()).toEqual([]);
  });

  test('each side of a transfer is cleared on its own account, a split is one, and both show it wherever they are listed', async () => {
    const transfer = await bank.add({ kind: 'transfer', transfer: { toAccountId: bank.dollars, toAmount: '11' } });
    const split = await bank.add({ splits: [{ amount: '4' }, { amount: '6' }] });
    const giro = await bank.start('80');
    const dollars = await bank.start('11', '2026-01-31', bank.dollars);
    expect(await bank.clear(dollars.id, transfer.id)).toMatchObject({ difference: '0.00000000', currency: 'USD' });
    await bank.finish(dollars.id);
    expect(await bank.transaction(transfer.id)).toMatchObject({
      cleared: 'uncleared',
      transfer: { toCleared: 'reconciled' },
    });
    expect(await bank.clear(giro.id, transfer.id, split.id, bank.openingId)).toMatchObject({
      clearedCount: 3,
      difference: '0.00000000',
      unclearedCount: 0,
    });
    expect((await bank.entries(giro.id)).map(({ transactionId, amount }) => [transactionId, amount])).toEqual([
      [split.id, '-10.00000000'],
      [transfer.id, '-10.00000000'],
      [bank.openingId, '100.00000000'],
    ]);
    const statement = await bank.ledger.accounts.statement(bank.userId, { id: bank.giro, limit: 10 });
    expect(statement.items.map(({ cleared }) => cleared)).toEqual(['cleared', 'cleared', 'cleared', 'cleared']);
    expect((await bank.ledger.accounts.statement(bank.userId, { id: bank.dollars, limit: 10 })).items).toMatchObject([
      { cleared: 'reconciled' },
    ]);
    const found = async (query: object) =>
      (await bank.ledger.transactions.list(bank.userId, { limit: 10, ...query })).items.map(({ id }) => id);
    expect(await found({ cleared: 'reconciled' })).toEqual([transfer.id]);
    expect(await found({ cleared: 'reconciled', accountId: bank.giro })).toEqual([]);
    expect(await found({ cleared: 'cleared', accountId: bank.giro })).toEqual([split.id, transfer.id, bank.openingId]);
    expect(await found({ cleared: 'uncleared' })).toEqual([]);
    expect(await found({ cleared: 'uncleared', accountId: bank.dollars })).toEqual([]);
    expect(await bank.differences()).toEqual([]);
  });

  test('ticks come all or none: nothing of another account, nothing after the statement, nothing that does not exist', async () => {
    const mine = await bank.add();
    const after = await bank.add({ occurredOn: '2026-02-01' });
    const other = await bank.add({ accountId: bank.savings, kind: 'income' });
    const { id } = await bank.start('100');
    const before = await bank.dump();
    for (const [bad, message] of [
      [after.id, 'is dated 2026-02-01, after the statement of 2026-01-31'],
      [other.id, 'is no transaction on the account'],
      ['txn_none', 'is no transaction on the account'],
    ] as const) {
      await expect(bank.clear(id, mine.id, bad)).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
        details: [{ path: 'transactionIds.1', message }],
      });
    }
    await expect(bank.clearAll(id, '2026-02-01')).rejects.toMatchObject({ details: [{ path: 'upTo' }] });
    expect(await bank.dump()).toBe(before);
    expect(await bank.clearAll(id, '2026-01-09')).toMatchObject({ clearedCount: 1, clearedBalance: '100.00000000' });
    expect(await bank.clearAll(id)).toMatchObject({ clearedCount: 2 });
    expect(await bank.clear(id, mine.id, mine.id)).toMatchObject({ clearedCount: 2 });
  });

  test('an account has one open reconciliation, statements follow each other, and only what is open changes', async () => {
    const first = await bank.start('100', '2026-01-15');
    await expect(bank.start('1')).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(bank.start('1', '2026-01-31', 'acc_none')).rejects.toMatchObject({ details: [{ path: 'accountId' }] });
    const update = (changes: object) =>
      bank.ledger.reconciliations.update(bank.ledger.commit, bank.userId, { id: first.id, ...changes });
    const tenth = await bank.add();
    await bank.clear(first.id, tenth.id);
    await expect(update({ statementDate: '2026-01-09' })).rejects.toMatchObject({
      details: [{ path: 'statementDate' }],
    });
    expect(await update({ statementDate: '2026-01-10', statementBalance: '90' })).toMatchObject({
      difference: '100.00000000',
    });
    await bank.clearAll(first.id);
    await bank.finish(first.id);
    await expect(bank.start('1', '2026-01-09')).rejects.toMatchObject({ details: [{ path: 'statementDate' }] });
    for (const change of [
      () => update({ statementBalance: '1' }),
      () => bank.clear(first.id, tenth.id),
      () => bank.unclear(first.id, tenth.id),
      () => bank.clearAll(first.id),
      () => bank.finish(first.id),
      () => bank.cancel(first.id),
    ]) {
      await expect(change()).rejects.toMatchObject({ code: 'CONFLICT' });
    }
    const second = await bank.start('90');
    await expect(bank.clear(second.id, tenth.id)).rejects.toMatchObject({
      code: 'ENTRY_RECONCILED',
      details: [{ path: 'transactionIds.0' }],
    });
    await expect(bank.unclear(second.id, tenth.id)).rejects.toMatchObject({ code: 'ENTRY_RECONCILED' });
    await expect(bank.reopen(first.id)).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('cancelling takes the ticks along; reopening unlocks the newest alone, and its adjustment is a transaction like any other', async () => {
    const one = await bank.add();
    const first = await bank.start('90', '2026-01-15');
    await bank.clearAll(first.id);
    await bank.finish(first.id);
    const second = await bank.start('88');
    const { adjustment } = await bank.finish(second.id, { categoryId: null, note: '' });
    await expect(bank.reopen(first.id)).rejects.toMatchObject({ code: 'CONFLICT' });
    const reopened = await bank.reopen(second.id);
    expect(reopened).toMatchObject({
      status: 'open',
      finishedAt: null,
      adjustmentTransactionId: null,
      clearedCount: 1,
      difference: '0.00000000',
    });
    expect(await bank.transaction(adjustment?.id ?? '')).toMatchObject({ cleared: 'cleared' });
    expect(await bank.differences()).toEqual([]);
    await bank.remove(adjustment?.id ?? '');
    await expect(bank.finish(second.id)).rejects.toMatchObject({ code: 'RECONCILIATION_UNBALANCED' });
    await bank.cancel(second.id);
    await expect(bank.get(second.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });

    await bank.reopen(first.id);
    await bank.cancel(first.id);
    expect(await bank.transaction(one.id)).toMatchObject({ cleared: 'uncleared' });
    expect(
      (await bank.ledger.transactions.list(bank.userId, { limit: 10, cleared: 'uncleared', accountId: bank.giro }))
        .items,
    ).toHaveLength(2);
    expect(await bank.differences()).toEqual([]);
  });
});
