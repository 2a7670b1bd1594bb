import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import {
  addAccount,
  balance,
  commitToEnd,
  expectExact,
  importFile,
  openWorld,
  prepare,
  preview,
  transactionsOf,
  type World,
} from './test-imports.ts';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  let old: World;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database);
    old = await openWorld(database, ledger, { name: 'Old' });
  });

  const account = (name: string) => addAccount(old, { name });
  const move = (from: World, to: World) =>
    ledger.accounts.moveEntries(ledger.commit, old.userId, { id: from.accountId, toAccountId: to.accountId });
  const moved = expect.stringContaining('were moved to this one since') as string;

  const csv = (...rows: string[]) => ['date,amount,payee', ...rows, ''].join('\n');
  const withIds = (...rows: string[]) => ['id,date,amount,payee', ...rows, ''].join('\n');
  const ofx = (...rows: [id: string, date: string, amount: string][]) => {
    const items = rows.map(
      ([id, date, amount]) => `<STMTTRN><DTPOSTED>${date}<TRNAMT>${amount}<FITID>${id}<NAME>Shop</STMTTRN>`,
    );
    return `OFXHEADER:100\n\n<OFX><BANKTRANLIST>${items.join('\n')}</BANKTRANLIST></OFX>`;
  };

  test.each([
    [
      'CSV without ids',
      csv('2026-01-05,-3,Coffee', '2026-01-05,-3,Coffee', '2026-01-06,8,Gift'),
      csv('2026-01-05,-3,Coffee', '2026-01-05,-3,Coffee', '2026-01-06,8,Gift', '2026-01-07,-1,Bus'),
    ],
    [
      'CSV with ids',
      withIds('1,2026-01-05,-3,a', '2,2026-01-06,8,b'),
      withIds('2,2026-01-06,8,b', '3,2026-01-07,-1,c'),
    ],
    ['OFX', ofx(['1', '20260105', '-3'], ['2', '20260106', '8']), ofx(['2', '20260106', '8'], ['3', '20260107', '-1'])],
  ])('%s of an account whose entries were moved, and moved on, adds nothing twice', async (_name, before, after) => {
    const { created } = await importFile(old, before);
    const [next, last] = [await account('Next'), await account('Last')];
    await move(old, next);
    await move(next, last);
    for (const { accountId } of [old, next]) await ledger.accounts.remove(ledger.commit, old.userId, accountId);
    const seen = await preview(last, (await prepare(last, after)).id);
    expect(seen.counts).toMatchObject({ new: 1, possibleDuplicates: 0, faulty: 0 });
    expect(seen.warnings).toContainEqual(moved);
    const done = await importFile(last, after);
    expect(done).toMatchObject({ status: 'completed', created: 1 });
    expect(done.warnings).toContainEqual(moved);
    expect(await importFile(last, before)).toMatchObject({ created: 0 });
    expect(await importFile(last, after)).toMatchObject({ created: 0 });
    expect(await transactionsOf(last)).toHaveLength(created + 1);
    await expectExact(last);
  });

  test('a statement of the old account adds nothing twice to that one either, and moving back changes nothing', async () => {
    const file = csv('2026-01-05,-3,Coffee');
    await importFile(old, file);
    const next = await account('Next');
    await move(old, next);
    expect(await importFile(old, file)).toMatchObject({ created: 0, duplicates: 1 });
    await move(next, old);
    expect(await importFile(old, file)).toMatchObject({ created: 0, duplicates: 1 });
    // It is not on that account any more.
    expect(await importFile(next, file)).toMatchObject({ created: 1 });
  });

  test('an id that both accounts of a bank have is of another transaction where date or amount differ', async () => {
    await importFile(old, withIds('1,2026-01-05,-3,a', '2,2026-01-06,8,b'));
    const next = await account('Next');
    await move(old, next);
    const own = withIds('1,2026-01-05,-4,c', '2,2026-01-07,8,d');
    expect(await importFile(next, own)).toMatchObject({ created: 2, duplicates: 0 });
    expect(await importFile(next, own)).toMatchObject({ created: 0, duplicates: 2 });
    expect(await balance(next)).toBe('9.00000000');
  });

  test('a transaction is one row: that of the old account where a file has both', async () => {
    const file = (...rows: string[]) => ['account,id,date,amount', ...rows, ''].join('\n');
    const settings = { columns: { account: 'account' } };
    await importFile(old, file('Old,1,2026-01-05,-3'), { settings });
    const next = await account('Next');
    await move(old, next);
    const both = file('Old,1,2026-01-05,-3', 'Next,1,2026-01-05,-3');
    expect(await importFile(next, both, { settings })).toMatchObject({ created: 1, duplicates: 1 });
  });

  test('a moved entry that was made a transfer is known on either side, and what was deleted stays deleted', async () => {
    await importFile(old, csv('2026-01-05,-3,Coffee', '2026-01-06,100,Saved'));
    const [next, save] = [await account('Next'), await account('Save')];
    await move(old, next);
    const ids = new Map((await transactionsOf(old)).map(({ payee, id }) => [payee, id]));
    const ends = { accountId: save.accountId, transfer: { toAccountId: next.accountId } };
    const changes = { id: ids.get('Saved') ?? '', kind: 'transfer', ...ends } as const;
    await ledger.transactions.update(ledger.commit, old.userId, changes);
    await ledger.transactions.remove(ledger.commit, old.userId, ids.get('Coffee') ?? '');
    const file = csv('2026-01-05,-3,Coffee', '2026-01-06,100,Saved');
    const { id } = await prepare(next, file);
    expect((await preview(next, id)).counts).toMatchObject({ new: 0, duplicate: 2, deleted: 1 });
    expect(await commitToEnd(next, id, { restoreDeleted: true })).toMatchObject({ created: 1, duplicates: 1 });
    expect(await balance(next)).toBe('97.00000000');
  });

  test('nothing is known by the accounts of another person', async () => {
    await importFile(old, csv('2026-01-05,-3,Coffee'));
    await move(old, await account('Next'));
    const other = await openWorld(database, ledger);
    expect(await importFile(other, csv('2026-01-05,-3,Coffee'))).toMatchObject({ created: 1 });
  });
});
