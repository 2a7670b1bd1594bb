import { beforeEach, expect, test } from 'vitest';
import { type Database, readSnapshot } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { startTestServer } from '../../http/test-server.ts';
import { systemClock } from '../../kernel/clock.ts';
import { draft } from '../ledger/test-ledger.ts';
import { ReconciliationsService } from './index.ts';
import { findReconciliation } from './reconciliations.repository.ts';
import { selectSides } from './reconciliations.sides.ts';
import { type Bank, openBank } from './test-reconciliations.ts';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let bank: Bank;
  beforeEach(async () => {
    database = await databases.openMigrated();
    bank = await openBank(database);
  });

  test('whoever keeps a copy of transactions hears of every tick and lock, and of nothing else', async () => {
    const expense = await bank.add();
    await bank.add({ occurredOn: '2026-02-02' });
    let since = (await bank.transaction(expense.id)).updatedAt;
    const heard = async () => {
      const query = { limit: 10, updatedSince: new Date(Date.parse(since) + 1).toISOString() };
      const { items } = await bank.ledger.transactions.list(bank.userId, query);
      since =
        items
          .map(({ updatedAt }) => updatedAt)
          .toSorted()
          .at(-1) ?? since;
      return new Map(items.map(({ id, cleared }) => [id, cleared]));
    };
    await heard();
    const { id } = await bank.start('90');
    expect(await heard()).toEqual(new Map());
    await bank.clearAll(id);
    expect(await heard()).toEqual(
      new Map([
        [bank.openingId, 'cleared'],
        [expense.id, 'cleared'],
      ]),
    );
    await bank.finish(id);
    expect(await heard()).toEqual(
      new Map([
        [bank.openingId, 'reconciled'],
        [expense.id, 'reconciled'],
      ]),
    );
    await bank.reopen(id);
    await bank.unclear(id, expense.id);
    expect(await heard()).toEqual(
      new Map([
        [bank.openingId, 'cleared'],
        [expense.id, 'uncleared'],
      ]),
    );
  });

  test('a reconciliation holds so many transactions and no more, however they come', async () => {
    const few = new ReconciliationsService({ database, clock: systemClock, transactionsMax: 2 });
    const { commit } = bank.ledger;
    const ids = [(await bank.add()).id, (await bank.add()).id, bank.openingId];
    const { id } = await bank.start('0');
    const before = await bank.dump();
    const refusal = { code: 'CONFLICT', message: expect.stringContaining('at most 2 transactions') };
    await expect(few.clearAll(commit, bank.userId, { id })).rejects.toMatchObject(refusal);
    await expect(few.clear(commit, bank.userId, { id, transactionIds: ids })).rejects.toMatchObject(refusal);
    expect(await bank.dump()).toBe(before);
    await few.clear(commit, bank.userId, { id, transactionIds: ids.slice(0, 2) });
    await few.clear(commit, bank.userId, { id, transactionIds: ids.slice(0, 2) });
    await expect(few.clear(commit, bank.userId, { id, transactionIds: ids.slice(2) })).rejects.toMatchObject(refusal);
  });

  test('what may be cleared is read page by page, each once', async () => {
    for (let day = 10; day < 30; day += 1) await bank.add({ occurredOn: `2026-01-${day % 7 < 3 ? 15 : day}` });
    const { id } = await bank.start('0');
    const all = (await bank.entries(id)).map(({ transactionId }) => transactionId);
    const seen: string[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await bank.ledger.reconciliations.entries(bank.userId, { id, limit: 3, cursor });
      seen.push(...page.items.map(({ transactionId }) => transactionId));
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(all);
    expect(new Set(seen).size).toBe(21);
  });

  test('what may be cleared is looked for among so many entries a page, and pages that show nothing lead on to what is there', async () => {
    const { ledger, userId, giro, savings } = bank;
    const old = await bank.add({ occurredOn: '2025-12-01', splits: [{ amount: '4' }, { amount: '6' }] });
    const create = Array.from({ length: 100 }, (_, index) =>
      draft({
        accountId: giro,
        amount: '1',
        occurredOn: `2026-01-${10 + (index % 20)}`,
        ...(index % 3 === 0
          ? { kind: 'transfer', transfer: { toAccountId: savings } }
          : { kind: 'expense', splits: [{ amount: '0.5' }, { amount: '0.5' }] }),
      }),
    );
    await ledger.transactions.bulk(ledger.commit, userId, { create, update: [], delete: [] });
    const first = await bank.start('0');
    await bank.clearAll(first.id);
    await bank.unclear(first.id, old.id);
    await bank.finish(first.id, { categoryId: null, note: '' });
    const newer = [await bank.add({ occurredOn: '2026-02-01' }), await bank.add({ occurredOn: '2026-02-02' })];
    const { id } = await bank.start('0', '2026-02-28');
    await bank.clear(id, newer[0]?.id ?? '');

    for (const scannedMax of [1, 7, 64]) {
      const few = new ReconciliationsService({ database, clock: systemClock, scannedMax });
      for (const [cleared, wanted] of [
        ['uncleared', [newer[1], old]],
        [undefined, [newer[1], newer[0], old]],
      ] as const) {
        const pages: string[][] = [];
        for (let cursor: string | null | undefined; cursor !== null;) {
          const page: Awaited<ReturnType<typeof few.entries>> = await few.entries(userId, {
            id,
            limit: 9,
            cursor,
            cleared,
          });
          pages.push(page.items.map(({ transactionId }) => transactionId));
          cursor = page.nextCursor;
        }
        expect(pages.flat()).toEqual(wanted.map((each) => each?.id));
        expect(pages.length).toBeGreaterThan(2);
      }
    }
    const uncleared = await bank.entries(id, { cleared: 'uncleared' });
    expect(uncleared.map(({ transactionId }) => transactionId)).toEqual([newer[1]?.id, old.id]);
    if (database.dialect === 'sqlite') return;
    await readSnapshot(database, async (em) => {
      const reading = { em, dialect: database.dialect, userId };
      const record = await findReconciliation(reading, id);
      if (!record) throw new Error('there is a reconciliation');
      const countReads = async () =>
        (await em.execute<{ Value: string }[]>(`show session status like 'Handler_read%'`)).reduce(
          (sum, { Value }) => sum + Number(Value),
          0,
        );
      const before = await countReads();
      await selectSides(reading, record, { id, cleared: 'uncleared', limit: 50, before: undefined, scannedMax: 10 });
      expect((await countReads()) - before).toBeLessThan(60);
    });
  });
});

test('over REST: begin, look, tick off, finish, and the lock; refusals name the fields as REST has them', async () => {
  await using server = await startTestServer();
  const token = await server.signIn('user');
  const call = async (method: string, path: string, body?: object) => {
    const answer = await server.rest(method, path, { token, ...(body === undefined ? {} : { body }) });
    return { status: answer.status, body: answer.body, error: answer.body?.error };
  };
  const account = { name: 'Giro', type: 'wallet', currency: 'EUR', opening_balance: '100', opened_on: '2026-01-01' };
  const account_id = (await call('POST', '/accounts', account)).body?.['id'];
  const spent = { kind: 'expense', account_id, amount: '12.5', occurred_on: '2026-01-10' };
  const transaction_id = (await call('POST', '/transactions', spent)).body?.['id'];
  const statement = { account_id, statement_date: '2026-01-31', statement_balance: '-87.5' };
  const id = String((await call('POST', '/reconciliations', statement)).body?.['id']);
  const refused = await call('POST', `/reconciliations/${id}/clear`, { transaction_ids: ['txn_none'] });
  expect(refused.error?.details).toEqual([{ path: 'transaction_ids.0', message: 'is no transaction on the account' }]);
  expect((await call('POST', `/reconciliations/${id}/clear`, { transaction_ids: [] })).status).toBe(400);
  await call('POST', `/reconciliations/${id}/clear`, { transaction_ids: [transaction_id] });
  const rest = await call('GET', `/reconciliations/${id}/entries?cleared=uncleared`);
  expect(rest.body).toMatchObject({
    items: [{ kind: 'opening', amount: '100.00000000', currency: 'EUR', cleared: 'uncleared' }],
    next_cursor: null,
  });
  await call('POST', `/reconciliations/${id}/clear-all`, {});
  const unbalanced = await call('POST', `/reconciliations/${id}/finish`, {});
  expect([unbalanced.status, unbalanced.error]).toMatchObject([
    409,
    {
      code: 'RECONCILIATION_UNBALANCED',
      details: [{ path: 'statement_balance', message: 'differs by -175.00000000' }],
    },
  ]);
  const wrong = await call('POST', `/reconciliations/${id}/finish`, { adjustment: { category_id: 'cat_none' } });
  expect(wrong.error?.details).toEqual([{ path: 'adjustment.category_id', message: 'is no category' }]);
  await call('PATCH', `/reconciliations/${id}`, { statement_balance: '87.5' });
  const finished = await call('POST', `/reconciliations/${id}/finish`, {});
  expect(finished.body).toMatchObject({
    reconciliation: {
      status: 'finished',
      opening_balance: '0.00000000',
      cleared_balance: '87.50000000',
      cleared_count: 2,
    },
    adjustment: null,
  });
  const locked = await call('PATCH', `/transactions/${String(transaction_id)}`, { amount: '13' });
  expect([locked.status, locked.error?.code]).toEqual([409, 'ENTRY_RECONCILED']);
  expect(
    (await call('GET', `/transactions?cleared=reconciled&account_id=${String(account_id)}`)).body?.['items'],
  ).toHaveLength(2);
  const { body } = await call('GET', '/users/me/export');
  expect(body?.['sections']).toContainEqual({
    name: 'reconciliations',
    items: [expect.objectContaining({ id, statement_balance: '87.50000000' })],
  });
  expect((await call('POST', `/reconciliations/${id}/reopen`, {})).body).toMatchObject({
    status: 'open',
    difference: '0.00000000',
  });
  expect((await call('DELETE', `/reconciliations/${id}`)).status).toBe(200);
  expect((await call('GET', '/reconciliations')).body).toEqual({ items: [], next_cursor: null });
});
