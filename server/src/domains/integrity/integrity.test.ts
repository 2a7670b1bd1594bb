import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { text as readText } from 'node:stream/consumers';
import { beforeEach, expect, test } from 'vitest';
import { type Database, readSnapshot } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { startTestServer } from '../../http/test-server.ts';
import { systemClock } from '../../kernel/clock.ts';
import { draft, ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import { IntegrityService } from './index.ts';

const CLI = fileURLToPath(new URL('../../check-integrity.cli.ts', import.meta.url));

/** The command as an operator runs it, against a database of ours. */
async function runCommand(url: string, ...options: string[]) {
  const command = spawn(process.execPath, [CLI, ...options], {
    env: { ...process.env, DATABASE_URL: url, WEB3_RPC_URL: '' },
  });
  const [output, fault, [code]] = await Promise.all([
    readText(command.stdout),
    readText(command.stderr),
    once(command, 'exit') as Promise<[number]>,
  ]);
  return { output, fault, code };
}

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let url: string;
  let database: Database;
  let ledger: TestLedger;
  let userId: string;
  let ids: { cash: string; dollars: string; split: string; transfer: string; opening: string; food: string };

  beforeEach(async () => {
    url = await databases.migratedUrl();
    database = await databases.openMigrated(url);
    ledger = ledgerOn(database);
    userId = await ledger.person();
    ids = await fillLedger(ledger, userId);
  });

  const run = (sql: string, values: unknown[] = []) => database.em().execute(sql, values, 'run');
  /** One unit of the smallest size, as each database writes it. */
  const aBit = () => (database.dialect === 'sqlite' ? '1' : '0.00000001');

  test('a ledger that only its services have changed is sound', async () => {
    expect(await ledger.integrity.check(userId)).toMatchObject({
      isSound: true,
      differences: [],
      hasMore: false,
      checked: { accounts: 2, transactions: 3, entries: 5 },
    });
  });

  test('checks of one person come one after the other, and few wait: another person and other work do not wait for them', async () => {
    const other = await ledger.person();
    const own = Promise.allSettled(Array.from({ length: 12 }, () => ledger.integrity.check(userId)));
    expect(await ledger.integrity.check(other)).toMatchObject({ isSound: true });
    const refused = (await own).filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(7);
    expect(refused[0]).toMatchObject({ reason: { code: 'RATE_LIMITED' } });
    expect(await ledger.integrity.check(userId)).toMatchObject({ isSound: true });
  });

  test('every kept figure that is off by the smallest unit is named, with what is kept and what the entries say', async () => {
    type Case = [kind: string, id: () => string, sql: string, values: () => unknown[]];
    const cases: Case[] = [
      ['balance', () => ids.cash, `update accounts set balance = balance + ${aBit()} where id = ?`, () => [ids.cash]],
      [
        'account_month',
        () => `${ids.cash} 2026-02`,
        `update account_months set total = total - ${aBit()} where account_id = ? and month = '2026-02'`,
        () => [ids.cash],
      ],
      [
        'account_month',
        () => `${ids.cash} 2026-02`,
        `update account_months set count = count + 1 where account_id = ? and month = '2026-02'`,
        () => [ids.cash],
      ],
      [
        'account_month',
        () => `${ids.cash} 2026-01`,
        `delete from account_months where account_id = ? and month = '2026-01'`,
        () => [ids.cash],
      ],
      [
        'monthly_total',
        () => `2026-02 EUR expense ${ids.food}`,
        `update monthly_totals set total = total + ${aBit()} where category_id = ?`,
        () => [ids.food],
      ],
      [
        'monthly_total',
        () => `2026-02 EUR expense ${ids.food}`,
        'delete from monthly_totals where category_id = ?',
        () => [ids.food],
      ],
      [
        'split_sum',
        () => ids.split,
        `update transactions set amount = amount + ${aBit()} where id = ?`,
        () => [ids.split],
      ],
      [
        'transfer_sum',
        () => ids.transfer,
        `update transactions set amount = amount + ${aBit()} where id = ?`,
        () => [ids.transfer],
      ],
      [
        'transfer_sum',
        () => ids.transfer,
        `update transactions set to_amount = to_amount + ${aBit()} where id = ?`,
        () => [ids.transfer],
      ],
      [
        'opening_sum',
        () => ids.opening,
        `update transactions set amount = amount + ${aBit()} where id = ?`,
        () => [ids.opening],
      ],
      [
        'entry_copy',
        () => ids.split,
        `update transactions set occurred_on = '2026-02-04' where id = ?`,
        () => [ids.split],
      ],
      ['tag_copy', () => ids.split, `update transaction_tags set occurred_on = '2026-02-04'`, () => []],
      [
        'entry_currency',
        () => ids.transfer,
        `update entries set currency = 'CHF' where transaction_id = ? and line = 1`,
        () => [ids.transfer],
      ],
      [
        'transaction_currency',
        () => ids.transfer,
        `update transactions set currency = 'CHF' where id = ?`,
        () => [ids.transfer],
      ],
      [
        'transaction_currency',
        () => ids.transfer,
        `update transactions set to_currency = 'CHF' where id = ?`,
        () => [ids.transfer],
      ],
      [
        'transaction_currency',
        () => ids.transfer,
        'update transactions set to_currency = null where id = ?',
        () => [ids.transfer],
      ],
      ...(['transfer', 'opening'] as const).map((which): Case => [
        'surplus_entries',
        () => ids[which],
        `insert into entries (transaction_id, line, user_id, account_id, amount, currency, category_id, note, kind, occurred_on)
         select transaction_id, 7, user_id, account_id, 0, currency, category_id, note, kind, occurred_on
         from entries where transaction_id = ? and line = 0`,
        () => [ids[which]],
      ]),
      ['surplus_entries', () => ids.split, 'update transactions set is_split = 0 where id = ?', () => [ids.split]],
      [
        'opening_link',
        () => ids.cash,
        'update accounts set opening_transaction_id = null where id = ?',
        () => [ids.cash],
      ],
      [
        'opening_link',
        () => ids.dollars,
        'update accounts set opening_transaction_id = ? where id = ?',
        () => [ids.opening, ids.dollars],
      ],
      [
        'opening_link',
        () => ids.dollars,
        'update accounts set opening_transaction_id = ? where id = ?',
        () => [ids.split, ids.dollars],
      ],
      ['missing_entries', () => ids.split, 'delete from entries where transaction_id = ?', () => [ids.split]],
      ['unknown_account', () => ids.dollars, 'delete from accounts where id = ?', () => [ids.dollars]],
      ['unknown_category', () => ids.food, 'delete from categories where id = ?', () => [ids.food]],
    ];
    for (const [kind, id, sql, values] of cases) {
      userId = await ledger.person();
      ids = await fillLedger(ledger, userId);
      expect((await ledger.integrity.check(userId)).differences).toEqual([]);
      await run(sql, values());
      const found = await ledger.integrity.check(userId);
      expect(found.isSound, sql).toBe(false);
      expect(found.differences, sql).toContainEqual(
        expect.objectContaining({ kind, id: id(), kept: expect.any(String), recomputed: expect.any(String) }),
      );
    }
  });

  test('an entry that was changed shows in balance, month, total and its own transaction, each by its own name', async () => {
    await run(`update entries set amount = amount - ${aBit()} where transaction_id = ? and line = 0`, [ids.split]);
    const { differences } = await ledger.integrity.check(userId);
    expect(differences.map(({ kind }) => kind).toSorted()).toEqual([
      'account_month',
      'balance',
      'monthly_total',
      'split_sum',
    ]);
    expect(differences.find(({ kind }) => kind === 'balance')).toEqual({
      kind: 'balance',
      id: ids.cash,
      kept: '69.50000000',
      recomputed: '69.49999999',
    });
  });

  test('a check lists differences up to its limit and says that there are more', async () => {
    await run(`update account_months set total = total + ${aBit()}`);
    await run(`update accounts set balance = balance + ${aBit()}`);
    const found = await new IntegrityService({ database, clock: systemClock }).check(userId, 2);
    expect(found).toMatchObject({ isSound: false, hasMore: true });
    expect(found.differences).toHaveLength(2);
  });

  test('the command prints each difference and exits with 1; with 0 where there is none', async () => {
    const sound = await runCommand(url);
    expect(sound, sound.fault).toMatchObject({ code: 0, output: '1 people, 5 entries, 0 differences\n' });
    await run(`update accounts set balance = balance + ${aBit()} where id = ?`, [ids.cash]);
    const unsound = await runCommand(url);
    expect(unsound.code).toBe(1);
    expect(unsound.output).toBe(
      `${userId}: balance of ${ids.cash}: kept 69.50000001, recomputed 69.50000000\n1 people, 5 entries, 1 differences\n`,
    );
    const other = await ledger.person();
    expect((await runCommand(url, '--user', userId)).output).toBe(unsound.output);
    expect(await runCommand(url, '--user', other)).toMatchObject({
      code: 0,
      output: '1 people, 0 entries, 0 differences\n',
    });
    expect(await runCommand(url, '--user', 'usr_x')).toMatchObject({
      code: 2,
      output: '',
      fault: 'finverse: There is no such person.\n',
    });
    expect(await runCommand(url, '--everybody')).toMatchObject({ code: 2, output: '' });
  });

  // One connection that takes one transaction after the other cannot be read in between.
  if (databases.driver === 'sqlite') return;

  test('what another commits in the middle of a check is not seen by it', async () => {
    const writer = await databases.openMigrated(url);
    const seen = await readSnapshot(database, async (em) => {
      const read = async () => (await em.execute<{ balance: string }[]>('select balance from accounts order by id'))[0];
      const before = await read();
      await writer.em().execute(`update accounts set balance = balance + 1`, [], 'run');
      return [before, await read()];
    });
    expect(seen[1]).toEqual(seen[0]);
    expect((await ledger.integrity.check(userId)).isSound).toBe(false);
  });
});

test('a command that finds no database says so and exits with 2, and makes none', async () => {
  const answer = await runCommand('sqlite:/nonexistent/finverse.sqlite');
  expect(answer.code).toBe(2);
  expect(answer.fault).toContain('DATABASE_URL: there is no');
});

test('a person checks their own ledger; only an admin everybody’s, page by page', async () => {
  await using server = await startTestServer();
  const [user, admin] = [await server.signIn('user'), await server.signIn('admin')];
  const own = await server.rest('GET', '/integrity', { token: user });
  expect(own.body).toMatchObject({ is_sound: true, differences: [], has_more: false });
  expect((await server.rest('GET', '/integrity/all', { token: user })).status).toBe(403);
  const first = await server.rest('GET', '/integrity/all?limit=1', { token: admin });
  const second = await server.rest('GET', `/integrity/all?limit=1&cursor=${String(first.body?.['next_cursor'])}`, {
    token: admin,
  });
  expect(second.body).toMatchObject({ next_cursor: null });
  const seen = [first, second].flatMap(({ body }) =>
    ((body?.['items'] ?? []) as { user_id: string }[]).map((item) => item.user_id),
  );
  expect(new Set(seen).size).toBe(2);
  for (const userId of seen) {
    const one = await server.rest('GET', `/integrity/all?user_id=${userId}`, { token: admin });
    expect(one.body).toMatchObject({ items: [{ user_id: userId, is_sound: true }], next_cursor: null });
    expect((await server.rest('GET', `/integrity/all?user_id=${userId}`, { token: user })).status).toBe(403);
  }
  expect((await server.rest('GET', '/integrity/all?user_id=usr_x', { token: admin })).status).toBe(404);
});

/** An opening balance, a split with a tag, and a transfer between currencies. */
async function fillLedger(ledger: TestLedger, userId: string) {
  const account = (name: string, currency: string, openingBalance: string) =>
    ledger.accounts.create(ledger.commit, userId, {
      name,
      type: 'wallet',
      currency,
      creditLimit: null,
      openingBalance,
      openedOn: '2026-01-01',
      icon: null,
      color: null,
      note: '',
      isHidden: false,
    });
  const cash = await account('Cash', 'EUR', '100');
  const dollars = await account('Dollars', 'USD', '0');
  const [food] = await ledger.categories.createMany(ledger.commit, userId, [
    { name: `Food ${cash.id}`, kind: 'expense', parentId: null, icon: null, color: null },
  ]);
  const split = await ledger.transactions.create(
    ledger.commit,
    userId,
    draft({
      kind: 'expense',
      accountId: cash.id,
      amount: '20.5',
      occurredOn: '2026-02-03',
      tags: ['weekly'],
      splits: [{ amount: '12.5', categoryId: food?.id ?? '' }, { amount: '8' }],
    }),
  );
  const transfer = await ledger.transactions.create(
    ledger.commit,
    userId,
    draft({
      kind: 'transfer',
      accountId: cash.id,
      amount: '10',
      occurredOn: '2026-02-04',
      transfer: { toAccountId: dollars.id, rate: '1.1' },
    }),
  );
  const listed = await ledger.transactions.list(userId, { limit: 10, kind: 'opening' });
  return {
    cash: cash.id,
    dollars: dollars.id,
    split: split.id,
    transfer: transfer.id,
    opening: listed.items[0]?.id ?? '',
    food: food?.id ?? '',
  };
}
