import {
  accountCreateInput,
  ACCOUNTS_MAX,
  formatMoney,
  rateConvertInput,
  recurringCreateInput,
} from '@finverse/shared';
import { beforeEach, expect, test, vi } from 'vitest';
import { type Database, readSnapshot, transact } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { startTestServer } from '../../http/test-server.ts';
import { newId } from '../../kernel/ids.ts';
import { findAccounts, insertAccount, openLedger } from '../ledger/index.ts';
import { draft, ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import { updateUser } from '../users/index.ts';
import { moveAll } from './accounts.move.ts';
import { balanceAfter, selectEntries } from './accounts.repository.ts';
import { readStatement } from './accounts.statement.ts';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  let userId: string;
  /** Six in the evening of 31 December in Los Angeles. */
  const nowMs = Date.parse('2026-01-01T02:00:00Z');

  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database, { now: () => nowMs, monotonic: () => nowMs });
    userId = await ledger.person();
    await updateUser(database.em(), userId, { timeZone: 'America/Los_Angeles' });
  });

  const open = (fields: object = {}) => {
    const input = accountCreateInput.parse({ name: 'Cash', type: 'wallet', currency: 'EUR', ...fields });
    return ledger.accounts.create(ledger.commit, userId, input);
  };

  test('today is the day of the person, not of the server: opening balances, rates and recurring transactions', async () => {
    const { id, openedOn } = await open({ openingBalance: '5' });
    expect(openedOn).toBe('2025-12-31');
    const later = await open();
    const opened = await ledger.accounts.update(ledger.commit, userId, { id: later.id, openingBalance: '1' });
    expect(opened.openedOn).toBe('2025-12-31');
    const rate = (date: string, value: string) =>
      ledger.rates.set(ledger.commit, { userId }, { base: 'EUR', quote: 'USD', date, rate: value });
    await rate('2025-12-31', '2');
    await rate('2026-01-01', '3');
    const asked = rateConvertInput.parse({ amount: '1', from: 'EUR', to: 'USD' });
    expect(await ledger.rates.convert(userId, asked)).toMatchObject({ date: '2025-12-31', converted: '2.00000000' });
    expect((await ledger.accounts.summary(userId, { currency: 'USD' })).converted).toMatchObject({
      date: '2025-12-31',
      netWorth: '12.00000000',
    });
    const range = { from: '2025-12', to: '2026-01', currency: 'USD' };
    const { points } = await ledger.accounts.netWorth(userId, range);
    expect(points.map(({ converted }) => converted?.date)).toEqual(['2025-12-31', '2025-12-31']);
    const fields = {
      draft: { kind: 'expense', accountId: id, amount: '1' },
      rule: 'FREQ=DAILY',
      startsOn: '2026-01-01',
    };
    const recur = (rest: object) =>
      ledger.recurring.create(ledger.commit, userId, recurringCreateInput.parse({ name: 'Rent', ...fields, ...rest }));
    expect((await recur({})).timeZone).toBe('America/Los_Angeles');
    expect((await recur({ timeZone: 'Asia/Tokyo' })).timeZone).toBe('Asia/Tokyo');
    expect(recurringCreateInput.safeParse({ name: 'Rent', ...fields, timeZone: '+01:00' }).success).toBe(false);
  });

  test('a date of opening without an opening balance is refused, for it would be lost', async () => {
    const { id } = await open();
    const update = (changes: object) => ledger.accounts.update(ledger.commit, userId, { id, ...changes });
    const refused = { code: 'VALIDATION_FAILED', details: [{ path: 'openedOn' }] };
    await expect(update({ openedOn: '2026-01-01' })).rejects.toMatchObject(refused);
    await expect(update({ openedOn: '2026-01-01', openingBalance: '0' })).rejects.toMatchObject(refused);
    expect(await update({ openedOn: '2026-01-01', openingBalance: '-1' })).toMatchObject({ openedOn: '2026-01-01' });
    expect(await update({ openedOn: '2026-01-02' })).toMatchObject({ openedOn: '2026-01-02' });
    expect(await update({ openingBalance: '0' })).toMatchObject({ openedOn: null });
  });

  test('a person has so many accounts and no more, whatever anybody else has', async () => {
    const [first, stranger] = [await open(), await ledger.person()];
    await transact(database, async (em) => {
      const held = await openLedger(em, database.dialect, { userId, nowMs });
      const like = (await findAccounts(em, database.dialect, userId, [first.id])).get(first.id);
      if (!like) throw new Error('there is an account');
      for (let count = 1; count < ACCOUNTS_MAX - 1; count += 1)
        await insertAccount(em, held, { ...like, id: newId('acc') });
    });
    const last = await open();
    await expect(open()).rejects.toMatchObject({ code: 'CONFLICT', message: 'A person has at most 1000 accounts.' });
    const another = accountCreateInput.parse({ name: 'Cash', type: 'wallet', currency: 'EUR' });
    await ledger.accounts.create(ledger.commit, stranger, another);
    await ledger.accounts.remove(ledger.commit, userId, last.id);
    await open();
  });

  test('an account with too many transactions to move is found out by one read that stops there', async () => {
    const [from, to, third] = [await open(), await open(), await open()];
    const fields = { accountId: from.id, occurredOn: '2026-01-01' } as const;
    const create = Array.from({ length: 30 }, (_, index) =>
      index % 3 === 0
        ? draft({ ...fields, kind: 'transfer', amount: '2', transfer: { toAccountId: third.id } })
        : draft({ ...fields, kind: 'expense', amount: '2', splits: [{ amount: '1' }, { amount: '1' }] }),
    );
    await ledger.transactions.bulk(ledger.commit, userId, { create, update: [], delete: [] });
    await ledger.transactions.create(
      ledger.commit,
      userId,
      draft({ ...fields, accountId: third.id, kind: 'transfer', amount: '1', transfer: { toAccountId: from.id } }),
    );
    const move = (max: number) =>
      transact(database, async (em) => {
        const held = await openLedger(em, database.dialect, { userId, nowMs });
        const accounts = await findAccounts(em, database.dialect, userId, [from.id, to.id]);
        const [source, target] = [accounts.get(from.id), accounts.get(to.id)];
        if (!source || !target) throw new Error('there are two accounts');
        const execute = vi.spyOn(em.getKysely(), 'executeQuery');
        const moved = await moveAll(em, held, source, target, max).catch((error: unknown) => error);
        const answers = await Promise.all(
          execute.mock.results.map(({ value }) => value as Promise<{ rows: unknown[] }>),
        );
        return { moved, rows: answers.map(({ rows }) => rows.length) };
      });
    expect(await move(30)).toMatchObject({ moved: { code: 'CONFLICT' }, rows: [31] });
    expect(await move(12)).toMatchObject({ moved: { code: 'CONFLICT' }, rows: [13] });
    expect(await move(31)).toMatchObject({ moved: 20 * 2 + 10 + 1 });
    expect((await ledger.transactions.list(userId, { accountId: from.id, limit: 9 })).items).toEqual([]);
    expect(await ledger.integrity.check(userId)).toMatchObject({ isSound: true });
  });

  test('an opening balance moves with the other entries, so that the account can be deleted; what the person had when stays', async () => {
    const [from, to] = [await open({ openingBalance: '30', openedOn: '2025-10-05' }), await open()];
    const fields = { kind: 'expense', accountId: from.id, amount: '4', occurredOn: '2025-11-02' } as const;
    await ledger.transactions.create(ledger.commit, userId, draft(fields));
    const history = () => ledger.accounts.netWorth(userId, { from: '2025-09', to: '2026-01' });
    const totals = () =>
      ledger.transactions.monthlyTotals(userId, { from: '2025-09', to: '2026-01', limit: 50, cursor: undefined });
    const before = [await history(), await totals()];
    const moved = await ledger.accounts.moveEntries(ledger.commit, userId, { id: from.id, toAccountId: to.id });
    expect(moved).toMatchObject({
      movedEntries: 2,
      from: { balance: '0.00000000', openingBalance: '0.00000000', openedOn: null },
      to: { balance: '26.00000000', openingBalance: '30.00000000', openedOn: '2025-10-05' },
    });
    expect([await history(), await totals()]).toEqual(before);
    expect(await ledger.integrity.check(userId)).toMatchObject({ isSound: true });
    await ledger.accounts.remove(ledger.commit, userId, from.id);
    const changed = await ledger.accounts.update(ledger.commit, userId, { id: to.id, openingBalance: '31' });
    expect(changed).toMatchObject({ balance: '27.00000000', openedOn: '2025-10-05' });
    expect(await ledger.integrity.check(userId)).toMatchObject({ isSound: true });
  });

  test('two opening balances of one day become one, or none; of two days nothing moves until one is given the other’s', async () => {
    const opened = (openingBalance: string, openedOn: string) => open({ openingBalance, openedOn });
    const [from, to] = [await opened('30', '2025-10-05'), await opened('-12', '2025-12-01')];
    const move = (id: string, toAccountId: string) =>
      ledger.accounts.moveEntries(ledger.commit, userId, { id, toAccountId });
    const listed = async () => [
      await ledger.transactions.list(userId, { limit: 50 }),
      await ledger.accounts.netWorth(userId, { from: '2025-09', to: '2026-01' }),
    ];
    const before = await listed();
    await expect(move(from.id, to.id)).rejects.toMatchObject({ code: 'CONFLICT', details: [{ path: 'toAccountId' }] });
    expect(await listed()).toEqual(before);
    await ledger.accounts.update(ledger.commit, userId, { id: to.id, openedOn: '2025-10-05' });
    expect(await move(from.id, to.id)).toMatchObject({
      movedEntries: 1,
      from: { openingBalance: '0.00000000', openedOn: null },
      to: { balance: '18.00000000', openingBalance: '18.00000000', openedOn: '2025-10-05' },
    });
    const against = await opened('-18', '2025-10-05');
    expect(await move(against.id, to.id)).toMatchObject({
      to: { balance: '0.00000000', openingBalance: '0.00000000', openedOn: null },
    });
    expect((await ledger.transactions.list(userId, { limit: 50 })).items).toEqual([]);
    expect(await ledger.integrity.check(userId)).toMatchObject({ isSound: true });
    for (const { id } of [from, to, against]) await ledger.accounts.remove(ledger.commit, userId, id);
  });

  test('while many entries move, others have their turn', async () => {
    const [from, to] = [await open(), await open()];
    const fields = { kind: 'expense', accountId: from.id, amount: '1', occurredOn: '2026-01-01' } as const;
    for (let part = 0; part < 2; part += 1) {
      const create = Array.from({ length: 600 }, () => draft(fields));
      await ledger.transactions.bulk(ledger.commit, userId, { create, update: [], delete: [] });
    }
    let turns = 0;
    const turn = () => {
      turns += 1;
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    await ledger.accounts.moveEntries(ledger.commit, userId, { id: from.id, toAccountId: to.id });
    clearImmediate(next);
    // 1,200 are read and booked 500 at a time, and rewritten 100 at a time.
    expect(turns).toBeGreaterThanOrEqual(2 + 12 + 2);
    expect(await ledger.integrity.check(userId)).toMatchObject({ isSound: true });
  });

  test('the newest page of a statement adds nothing up, and others add so many entries at a time with everybody else’s turn in between', async () => {
    const [{ id: accountId }, { id: other }] = [await open({ openingBalance: '9' }), await open()];
    const create = Array.from({ length: 24 }, (_, index) =>
      draft({
        kind: index % 2 === 0 ? 'income' : 'expense',
        accountId,
        amount: String(index + 1),
        occurredOn: `2026-0${1 + Math.floor(index / 12)}-0${1 + (index % 3)}`,
        ...(index % 5 === 0 ? { splits: [{ amount: '0.5' }, { amount: String(index + 0.5) }] } : {}),
      }),
    );
    await ledger.transactions.bulk(ledger.commit, userId, { create, update: [], delete: [] });
    const away = { kind: 'transfer', amount: '2', transfer: { toAccountId: other }, occurredOn: '2026-02-02' } as const;
    await ledger.transactions.create(ledger.commit, userId, draft({ ...away, accountId }));
    const { items } = await ledger.accounts.statement(userId, { id: accountId, limit: 50 });
    await readSnapshot(database, async (em) => {
      const reading = { em, dialect: database.dialect, userId };
      const execute = vi.spyOn(em.getKysely(), 'executeQuery');
      const newest = await readStatement(reading, { id: accountId, limit: 2, from: '2026-02-01' });
      expect(newest.items).toEqual(items.slice(0, 2));
      const statements = execute.mock.calls.map(([query]) => (query as { sql: string }).sql).join(';');
      expect(statements).not.toMatch(/sum\(/);
      let turns = 0;
      const turn = () => {
        turns += 1;
        next = setImmediate(turn);
      };
      let next = setImmediate(turn);
      for (const atATime of [1, 2, 5, 1_000]) {
        for (const [index, row] of (await selectEntries(reading, { id: accountId, limit: 50 }, undefined)).entries()) {
          const place = {
            occurredOn: row['occurred_on'] as string,
            transactionId: row['transaction_id'] as string,
            line: Number(row['line']),
          };
          turns = 0;
          const balance = formatMoney(await balanceAfter(reading, accountId, place, atATime));
          expect(balance, `${index}, ${atATime}`).toBe(items[index]?.balance);
          const before = items
            .slice(index)
            .filter(({ occurredOn }) => occurredOn.slice(0, 7) === place.occurredOn.slice(0, 7));
          expect(turns).toBeGreaterThanOrEqual(Math.floor(before.length / atATime));
        }
      }
      clearImmediate(next);
    });
  });

  test('an entry of the statement has the currency of its account, and the note of its split, or else of its transaction', async () => {
    const { id: accountId } = await open();
    const splits = [
      { amount: '1', note: 'the split' },
      { amount: '2', note: '' },
    ];
    const fields = { kind: 'expense', accountId, occurredOn: '2026-01-01', note: 'the transaction' } as const;
    await ledger.transactions.create(ledger.commit, userId, draft({ ...fields, amount: '3', splits }));
    await ledger.transactions.create(ledger.commit, userId, draft({ ...fields, amount: '4' }));
    const { items } = await ledger.accounts.statement(userId, { id: accountId, limit: 10 });
    expect(items.map(({ amount, currency, note }) => `${amount} ${currency} ${note}`).toSorted()).toEqual([
      '-1.00000000 EUR the split',
      '-2.00000000 EUR the transaction',
      '-4.00000000 EUR the transaction',
    ]);
  });

  test('a transfer in a statement names the account on its other side, on either of the two', async () => {
    const [from, to] = [await open(), await open()];
    const fields = { accountId: from.id, amount: '1', occurredOn: '2026-01-01' };
    await ledger.transactions.create(
      ledger.commit,
      userId,
      draft({ ...fields, kind: 'transfer', transfer: { toAccountId: to.id } }),
    );
    await ledger.transactions.create(ledger.commit, userId, draft({ ...fields, kind: 'expense' }));
    const others = async (id: string) =>
      (await ledger.accounts.statement(userId, { id, limit: 10 })).items.map(({ kind, otherAccountId }) => [
        kind,
        otherAccountId,
      ]);
    expect(new Map((await others(from.id)) as [string, string | null][])).toEqual(
      new Map([
        ['transfer', to.id],
        ['expense', null],
      ]),
    );
    expect(await others(to.id)).toEqual([['transfer', from.id]]);
  });

  test('summary, net worth and statement hold hidden and archived accounts, as they say', async () => {
    const hidden = await open({ name: 'Hidden', openingBalance: '5', isHidden: true });
    const archived = await open({ name: 'Archived', openingBalance: '7' });
    await ledger.accounts.setArchived(ledger.commit, userId, { id: archived.id, isArchived: true });
    const totals = [{ currency: 'EUR', netWorth: '12.00000000' }];
    expect(await ledger.accounts.summary(userId)).toMatchObject({ totals, groups: [{ accounts: 2 }] });
    expect(await ledger.accounts.netWorth(userId, { from: '2025-12', to: '2025-12' })).toMatchObject({
      points: [{ totals }],
    });
    for (const { id } of [hidden, archived])
      expect((await ledger.accounts.statement(userId, { id, limit: 10 })).items).toHaveLength(1);
  });
});

test('over REST a date of opening without an opening balance is refused by its name', async () => {
  await using server = await startTestServer();
  const token = await server.signIn('user');
  const account = { name: 'Cash', type: 'wallet', currency: 'EUR' };
  const post = (body: object) => server.rest('POST', '/accounts', { token, body: { ...account, ...body } });
  const details = [{ path: 'opened_on', message: 'goes with an opening balance that is not zero' }];
  expect(await post({ opened_on: '2026-01-01' })).toMatchObject({ status: 400, body: { error: { details } } });
  const { body } = await post({});
  const patched = { token, body: { opened_on: '2026-01-01' } };
  expect(await server.rest('PATCH', `/accounts/${String(body?.['id'])}`, patched)).toMatchObject({
    status: 400,
    body: { error: { details } },
  });
});
