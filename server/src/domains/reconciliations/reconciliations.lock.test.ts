import { ruleCreateInput } from '@finverse/shared';
import { beforeEach, expect, test } from 'vitest';
import { type Database, transact } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { AppError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import { findAccounts, findTransactions, openLedger, post, refileCategory } from '../ledger/index.ts';
import { draft } from '../ledger/test-ledger.ts';
import { type Bank, openBank } from './test-reconciliations.ts';

/** Rounds of two calls at once: enough for either to come first. */
const RACES = 8;

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let bank: Bank;
  beforeEach(async () => {
    database = await databases.openMigrated();
    bank = await openBank(database);
  });

  const categories = async () =>
    (
      await bank.ledger.categories.createMany(
        bank.ledger.commit,
        bank.userId,
        ['A', 'B'].map((name) => ({
          name: `${name} ${bank.giro}`,
          kind: 'both',
          parentId: null,
          icon: null,
          color: null,
        })),
      )
    ).map(({ id }) => id) as [string, string];

  /** An account that a finished reconciliation holds: an expense, a split, and the sending side of a transfer. */
  async function locked() {
    const [food, home] = await categories();
    const expense = await bank.add({ categoryId: food });
    const split = await bank.add({ splits: [{ amount: '4', categoryId: food }, { amount: '6' }] });
    const transfer = await bank.add({ kind: 'transfer', transfer: { toAccountId: bank.dollars, toAmount: '11' } });
    const { id } = await bank.start('70');
    await bank.clearAll(id);
    await bank.finish(id);
    return { id, food, home, expense, split, transfer };
  }

  test('a finished reconciliation locks: amount, date, account, kind and deletion are refused, and nothing is written', async () => {
    const { id, expense, split, transfer } = await locked();
    const { ledger, userId, giro, savings, dollars } = bank;
    const { commit } = ledger;
    const other = await bank.add({ accountId: savings, kind: 'income' });
    const refused: [string, string, () => Promise<unknown>][] = [
      ['amount', 'id', () => bank.edit(expense.id, { amount: '10.00000001' })],
      ['date', 'id', () => bank.edit(expense.id, { occurredOn: '2026-01-11' })],
      ['account', 'id', () => bank.edit(expense.id, { accountId: savings })],
      ['kind', 'id', () => bank.edit(expense.id, { kind: 'income' })],
      [
        'kind, with the same money',
        'id',
        () => bank.edit(expense.id, { kind: 'transfer', categoryId: null, transfer: { toAccountId: savings } }),
      ],
      ['deletion', 'id', () => bank.remove(expense.id)],
      [
        'the sum of a split',
        'id',
        () => bank.edit(split.id, { amount: '11', splits: [{ amount: '5' }, { amount: '6' }] }),
      ],
      ['deletion of a split', 'id', () => bank.remove(split.id)],
      [
        'what a transfer takes',
        'id',
        () => bank.edit(transfer.id, { amount: '9', transfer: { toAccountId: dollars, toAmount: '11' } }),
      ],
      ['where a transfer comes from', 'id', () => bank.edit(transfer.id, { accountId: savings })],
      ['deletion of a transfer', 'id', () => bank.remove(transfer.id)],
      [
        'bulk edit',
        'update.1.id',
        () =>
          ledger.transactions.bulk(commit, userId, {
            create: [],
            update: [
              { id: other.id, amount: '2' },
              { id: split.id, occurredOn: '2026-01-12' },
            ],
            delete: [],
          }),
      ],
      [
        'bulk deletion',
        'delete.0.id',
        () =>
          ledger.transactions.bulk(commit, userId, {
            create: [draft({ kind: 'income', accountId: giro, amount: '1', occurredOn: '2026-01-01' })],
            update: [],
            delete: [expense.id],
          }),
      ],
      [
        'opening balance',
        'openingBalance',
        () => ledger.accounts.update(commit, userId, { id: giro, openingBalance: '100.5' }),
      ],
      [
        'opening date',
        'openingBalance',
        () => ledger.accounts.update(commit, userId, { id: giro, openedOn: '2026-01-02' }),
      ],
      [
        'no opening balance',
        'openingBalance',
        () => ledger.accounts.update(commit, userId, { id: giro, openingBalance: '0' }),
      ],
    ];
    const before = await bank.dump();
    for (const [what, path, change] of refused) {
      await expect(change(), what).rejects.toMatchObject({
        code: 'ENTRY_RECONCILED',
        details: [{ path, message: `is locked by ${id}; reopen that reconciliation first` }],
      });
      expect(await bank.dump(), what).toBe(before);
    }
    await expect(ledger.accounts.remove(commit, userId, giro)).rejects.toMatchObject({ code: 'ACCOUNT_NOT_EMPTY' });
    expect(await bank.dump()).toBe(before);
  });

  test('entries do not move away from a reconciled account, nor into it past its lock', async () => {
    await bank.ledger.accounts.update(bank.ledger.commit, bank.userId, { id: bank.giro, openingBalance: '0' });
    const expense = await bank.add();
    const later = await bank.add({ occurredOn: '2026-02-02' });
    const { id } = await bank.start('-10');
    await bank.clear(id, expense.id);
    await bank.finish(id);
    const move = (from: string, toAccountId: string) =>
      bank.ledger.accounts.moveEntries(bank.ledger.commit, bank.userId, { id: from, toAccountId });
    const before = await bank.dump();
    await expect(move(bank.giro, bank.savings)).rejects.toMatchObject({
      code: 'ENTRY_RECONCILED',
      details: [{ path: 'toAccountId' }],
    });
    expect(await bank.dump()).toBe(before);
    // What comes from elsewhere is new to the statement: it is uncleared there.
    await bank.add({ accountId: bank.savings });
    await move(bank.savings, bank.giro);
    expect(await bank.start('0', '2026-02-28')).toMatchObject({ openingBalance: '-10.00000000', unclearedCount: 2 });
    expect(await bank.transaction(later.id)).toMatchObject({ cleared: 'uncleared' });
    expect(await bank.differences()).toEqual([]);
  });

  test('what does not change money stays possible, and the lock stays: texts, tags, categories, parts, the other side', async () => {
    const { food, home, expense, split, transfer } = await locked();
    const { ledger, userId } = bank;
    const texts = { description: 'd', payee: 'Baker', note: 'n', tags: ['t'] };
    expect(await bank.edit(expense.id, { ...texts, categoryId: home })).toMatchObject({
      ...texts,
      categoryId: home,
      cleared: 'reconciled',
    });
    const parts = [{ amount: '1', categoryId: home }, { amount: '2' }, { amount: '7', categoryId: food }];
    expect(await bank.edit(split.id, { splits: parts })).toMatchObject({
      cleared: 'reconciled',
      splits: [{ note: '' }, {}, {}],
    });
    expect(await bank.edit(expense.id, { splits: [{ amount: '3' }, { amount: '7' }] })).toMatchObject({
      cleared: 'reconciled',
    });
    const elsewhere = { toAccountId: bank.savings };
    expect(await bank.edit(transfer.id, { transfer: elsewhere })).toMatchObject({
      cleared: 'reconciled',
      transfer: { ...elsewhere, toCleared: 'uncleared' },
    });
    await ledger.categories.merge(ledger.commit, userId, { id: food, intoId: home });
    await ledger.rules.create(
      ledger.commit,
      userId,
      ruleCreateInput.parse({
        name: 'Baker',
        conditions: [{ field: 'payee', op: 'equals', value: 'Baker' }],
        actions: { addTags: ['rule'] },
      }),
    );
    const { token } = await ledger.rules.preview(userId, {});
    expect(await ledger.rules.apply(ledger.commit, userId, { token })).toEqual({ changed: 1 });
    await ledger.accounts.setArchived(ledger.commit, userId, { id: bank.giro, isArchived: true });
    for (const { id } of [expense, split, transfer])
      expect(await bank.transaction(id)).toMatchObject({ cleared: 'reconciled' });
    expect(await bank.differences()).toEqual([]);
  });

  test('a tick of an open reconciliation falls where what was compared changes, and stays where it does not', async () => {
    const change = async (changes: object) => {
      const { id } = await bank.add({ categoryId: null });
      await bank.clear(open.id, id);
      const edited = await bank.edit(id, changes);
      expect(await bank.transaction(id)).toEqual(edited);
      return edited.cleared;
    };
    const open = await bank.start('0');
    expect(await change({ note: 'same money', amount: '10' })).toBe('cleared');
    expect(await change({ splits: [{ amount: '3' }, { amount: '7' }] })).toBe('cleared');
    expect(await change({ amount: '11' })).toBe('uncleared');
    expect(await change({ occurredOn: '2026-02-11' })).toBe('uncleared');
    expect(await change({ accountId: bank.savings })).toBe('uncleared');
    expect(await change({ kind: 'income' })).toBe('uncleared');
    const { clearedCount, clearedBalance } = await bank.get(open.id);
    expect([clearedCount, clearedBalance]).toEqual([2, '-20.00000000']);
    const gone = await bank.add();
    await bank.clear(open.id, gone.id);
    await bank.remove(gone.id);
    expect(await bank.get(open.id)).toMatchObject({ clearedCount: 2 });
    expect(await bank.differences()).toEqual([]);
  });

  test('no caller of post can set or lose a mark, whatever it hands in', async () => {
    const { expense, food } = await locked();
    const forgedId = newId('txn');
    await transact(database, async (em) => {
      const ledger = await openLedger(em, database.dialect, { userId: bank.userId, nowMs: 0 });
      const known = await findTransactions(em, database.dialect, bank.userId, [expense.id]);
      const before = known.get(expense.id);
      if (!before) throw new Error('it was made');
      const accounts = await findAccounts(em, database.dialect, bank.userId, [bank.giro]);
      const forged = { ...before, id: forgedId, externalId: null };
      await post(
        em,
        ledger,
        [
          { before, after: { ...before, marks: { own: null, to: null } } },
          { before: null, after: forged },
        ],
        accounts,
      );
      await refileCategory(em, ledger, { fromId: food, toId: null });
    });
    expect(await bank.transaction(expense.id)).toMatchObject({ cleared: 'reconciled', categoryId: null });
    expect(await bank.transaction(forgedId)).toMatchObject({ cleared: 'uncleared' });
    expect(await bank.differences()).toEqual([]);
  });

  test('with the person goes everything, locked or not; with an empty account its reconciliations', async () => {
    const { id } = await locked();
    const empty = await bank.account('Empty');
    const still = await bank.start('0', '2026-01-31', empty);
    await bank.finish(still.id);
    await bank.ledger.accounts.remove(bank.ledger.commit, bank.userId, empty);
    await expect(bank.get(still.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await bank.get(id)).toMatchObject({ status: 'finished' });
    await database.em().execute('delete from users where id = ?', [bank.userId], 'run');
    for (const table of ['reconciliations', 'transactions', 'entries', 'accounts']) {
      expect(await database.em().execute(`select 1 from ${table} where user_id = ?`, [bank.userId])).toEqual([]);
    }
  });

  const codes = (outcomes: readonly PromiseSettledResult<unknown>[]) =>
    outcomes.map((outcome) => {
      if (outcome.status === 'fulfilled') return 'done';
      if (outcome.reason instanceof AppError) return outcome.reason.code;
      throw outcome.reason;
    });

  test('of two that begin or finish at once one does, and a posting beside a finish is before it or refused', async () => {
    for (let race = 0; race < RACES; race += 1) {
      bank = await openBank(database);
      expect(codes(await Promise.allSettled([bank.start('85'), bank.start('85')])).toSorted()).toEqual([
        'CONFLICT',
        'done',
      ]);
      const [open] = (await bank.ledger.reconciliations.list(bank.userId, { limit: 5 })).items;
      const id = open?.id ?? '';
      const expense = await bank.add();
      await bank.clear(id, bank.openingId, expense.id);
      const adjustment = { categoryId: null, note: '' };
      const twice = await Promise.allSettled([bank.finish(id, adjustment), bank.finish(id, adjustment)]);
      expect(codes(twice).toSorted()).toEqual(['CONFLICT', 'done']);
      expect(await bank.ledger.accounts.get(bank.userId, bank.giro)).toMatchObject({ balance: '85.00000000' });

      await bank.reopen(id);
      const calls = [
        () => bank.finish(id),
        () => bank.edit(expense.id, { amount: '11' }),
        () => bank.add({ amount: '3' }),
      ];
      const ordered = race % 2 === 0 ? calls : calls.toReversed();
      const outcome = codes(await Promise.allSettled(ordered.map((call) => call())));
      const [finished, edited, added] = race % 2 === 0 ? outcome : outcome.toReversed();
      expect(added).toBe('done');
      expect(`${finished}, ${edited}`).toMatch(/^(done, ENTRY_RECONCILED|RECONCILIATION_UNBALANCED, done)$/);
      expect(await bank.differences()).toEqual([]);
    }
  });
});
