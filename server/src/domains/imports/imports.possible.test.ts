import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { draft, ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import { findCandidates } from './known-rows.repository.ts';
import { partlyWarnings } from './possible-duplicates.ts';
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
  let giro: World;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database);
    giro = await openWorld(database, ledger, { name: 'Giro', openingBalance: '50' });
  });

  const HEADER = 'date,amount,payee';
  const fileOf = (...rows: string[]) => [HEADER, ...rows, ''].join('\n');
  const save = () => addAccount(giro, { name: 'Save' });
  const idOf = async (payee: string) => (await transactionsOf(giro)).find((each) => each.payee === payee)?.id ?? '';
  /** The transactions that the rows of a file may be, by its preview. */
  const possibleOf = async (world: World, file: string, source = 'bank') => {
    const seen = await preview(world, (await prepare(world, file, { source })).id);
    const ids = seen.rows.map(({ possibleDuplicateOf }) => possibleDuplicateOf);
    expect(seen.counts.possibleDuplicates).toBe(ids.filter((id) => id !== null).length);
    expect(seen.warnings.some((warning) => warning.includes('may be transactions that the ledger has'))).toBe(
      seen.counts.possibleDuplicates > 0,
    );
    return ids;
  };
  const write = (kind: 'income' | 'expense', amount: string, occurredOn: string, fields: object = {}) =>
    ledger.transactions.create(
      ledger.commit,
      giro.userId,
      draft({ kind, accountId: giro.accountId, amount, currency: 'EUR', occurredOn, ...fields }),
    );

  test.each(['bank', 'other'])(
    'a transfer that the file of one account has made is seen in the file of the other, from source %s',
    async (source) => {
      await importFile(giro, fileOf('2026-01-02,-100,To savings', '2026-01-03,-5,Baker'));
      const saved = await save();
      const id = await idOf('To savings');
      const transfer = { toAccountId: saved.accountId };
      await ledger.transactions.update(ledger.commit, giro.userId, { id, kind: 'transfer', transfer });
      const rows = fileOf('2026-01-05,100,From Giro', '2026-01-31,1,Interest', '2026-01-05,5,Gift');
      expect(await possibleOf(saved, rows, source)).toEqual([id, null, null]);
    },
  );

  test('what was typed by hand is seen in a file, each for the row that is nearest to it, and for no second one', async () => {
    const { id } = await write('expense', '5', '2026-01-04', {
      splits: [
        { amount: '2', categoryId: null, note: '' },
        { amount: '3', categoryId: null, note: '' },
      ],
    });
    const { id: later } = await write('expense', '5', '2026-01-09');
    const rows = ['2026-01-08,-5,Baker', '2026-01-05,-5,Baker', '2026-01-06,-5,Baker'];
    expect(await possibleOf(giro, fileOf(...rows))).toEqual([later, id, null]);
  });

  test('a row takes no transaction that another row is nearer to, whichever comes first in the file', async () => {
    const { id } = await write('expense', '5', '2026-01-06');
    const rows = ['2026-01-05,-5,New', '2026-01-06,-5,Same'];
    expect(await possibleOf(giro, fileOf(...rows))).toEqual([null, id]);
    const made = await prepare(giro, fileOf(...rows));
    expect(await commitToEnd(giro, made.id, { skipPossibleDuplicates: true })).toMatchObject({ created: 1 });
    expect((await transactionsOf(giro)).map(({ payee }) => payee)).toContain('New');
  });

  test('what a source has written by another program without a key may be a row, and an id with a stroke is a key', async () => {
    const { id } = await write('expense', '5', '2026-01-10', { source: 'bank' });
    await write('expense', '7', '2026-01-10', { source: 'bank', externalId: '2026/7' });
    expect(await possibleOf(giro, fileOf('2026-01-10,-5,a', '2026-01-10,-7,b'))).toEqual([id, null]);
  });

  test('what a row is known to be is no row of a later batch', async () => {
    const saved = await save();
    const row = '2026-01-05,-100,To savings';
    await importFile(giro, fileOf(row));
    const transfer = { toAccountId: saved.accountId };
    const id = await idOf('To savings');
    await ledger.transactions.update(ledger.commit, giro.userId, { id, kind: 'transfer', transfer });
    const filler = Array.from({ length: 2_100 }, (_, index) => `2026-01-05,${index + 1000},x`);
    const made = await prepare(giro, fileOf(row, ...filler, '2026-01-06,-100,Rent'));
    expect((await preview(giro, made.id)).counts).toMatchObject({ new: 2_101, possibleDuplicates: 0 });
    const done = await commitToEnd(giro, made.id, { skipPossibleDuplicates: true });
    expect(done).toMatchObject({ created: 2_101, duplicates: 1 });
  }, 120_000);

  test('what a row of an export is known to be, whose names are gone, is no other row', async () => {
    const { id } = await write('expense', '5', '2026-01-10');
    const file = `id,date,amount,payee,category\n${id},2026-01-10,-5,a,Gone\n,2026-01-11,-5,b,\n`;
    expect(await possibleOf(giro, file)).toEqual([null, null]);
  });

  test('another day, sign, amount or account is another one, and so is an opening balance', async () => {
    await write('expense', '5', '2026-01-10');
    const openedOn = (await transactionsOf(giro)).find(({ kind }) => kind === 'opening')?.occurredOn;
    const rows = ['2026-01-04,-5,a', '2026-01-16,-5,b', '2026-01-10,5,c', '2026-01-10,-5.01,d', `${openedOn},50,e`];
    expect(await possibleOf(giro, fileOf(...rows))).toEqual([null, null, null, null, null]);
    expect(await possibleOf(await save(), fileOf('2026-01-10,-5,a'))).toEqual([null]);
  });

  test('the rows that a source had before are no others, from another source they may be', async () => {
    await importFile(giro, fileOf('2026-01-31,-3,Coffee', '2026-01-31,-3,Coffee'));
    const next = fileOf('2026-01-31,-3,Coffee', '2026-02-01,-3,Coffee');
    expect(await possibleOf(giro, next)).toEqual([null, null]);
    const ids = await possibleOf(giro, next, 'other');
    const coffees = (await transactionsOf(giro)).filter(({ payee }) => payee === 'Coffee');
    expect(new Set(ids)).toEqual(new Set(coffees.map(({ id }) => id)));
  });

  test('a transfer that a row is known to be is no other row as well', async () => {
    const saved = await save();
    await importFile(saved, fileOf('2026-01-05,100,From Giro'));
    const id = await idOf('From Giro');
    const ends = { accountId: giro.accountId, transfer: { toAccountId: saved.accountId } };
    await ledger.transactions.update(ledger.commit, giro.userId, { id, kind: 'transfer', ...ends });
    expect(await possibleOf(saved, fileOf('2026-01-05,100,From Giro', '2026-01-06,100,Gift'))).toEqual([null, null]);
    expect(await possibleOf(giro, fileOf('2026-01-04,-100,To savings'))).toEqual([id]);
    const withIds = (account: string) => `id,date,amount,payee\n1,2026-03-05,${account},x\n`;
    await importFile(giro, withIds('-70'));
    const { id: other = '' } = (await transactionsOf(giro)).find(({ amount }) => amount.startsWith('70.')) ?? {};
    const transfer = { toAccountId: saved.accountId };
    await ledger.transactions.update(ledger.commit, giro.userId, { id: other, kind: 'transfer', transfer });
    expect(await possibleOf(giro, withIds('-70').replace('1,', '2,'))).toEqual([null]);
    expect(await possibleOf(saved, withIds('70'))).toEqual([other]);
  });

  test('a transfer is one row on each of its sides, in one file as in two', async () => {
    const saved = await save();
    const { accountId } = saved;
    const fields = { kind: 'transfer', accountId: giro.accountId, amount: '100', currency: 'EUR' } as const;
    const made = { ...fields, occurredOn: '2026-01-05', transfer: { toAccountId: accountId } };
    const { id } = await ledger.transactions.create(ledger.commit, giro.userId, draft(made));
    const file = (...rows: string[]) => `account,${HEADER}\n${rows.join('\n')}\n`;
    const both = ['Giro,2026-01-05,-100,out', 'Save,2026-01-06,100,in'];
    const settings = { columns: { account: 'account' } };
    const { rows } = await preview(giro, (await prepare(giro, file(...both, ...both), { settings })).id);
    expect(rows.map(({ possibleDuplicateOf }) => possibleDuplicateOf)).toEqual([id, id, null, null]);
  });

  test('whoever asks has none of them imported, across batches, each for one row, and nothing of the run itself', async () => {
    const { id } = await write('expense', '5', '2026-01-04');
    const filler = Array.from({ length: 2_100 }, (_, index) => `2026-01-04,${index + 10},x`);
    const file = fileOf('2026-01-04,-5,Baker', ...filler, '2026-01-05,-5,Baker', '2026-01-05,10,y');
    const made = await prepare(giro, file);
    expect((await preview(giro, made.id)).counts).toMatchObject({ new: 2_103, possibleDuplicates: 1 });
    const done = await commitToEnd(giro, made.id, { skipPossibleDuplicates: true });
    const warnings = [expect.stringContaining('1 of the duplicates are left out')];
    expect(done).toMatchObject({ status: 'completed', created: 2_102, duplicates: 1 });
    expect(done.warnings).toEqual(expect.arrayContaining(warnings));
    const bakers = (await transactionsOf(giro)).filter((each) => each.id === id || each.payee === 'Baker');
    expect(bakers).toHaveLength(2);
    await expectExact(giro);
    const before = await balance(giro);
    expect(await importFile(giro, fileOf('2026-01-04,-5,Shop'), { source: 'other' })).toMatchObject({ created: 1 });
    expect(Number(await balance(giro))).toBe(Number(before) - 5);
  }, 120_000);

  test('a transfer that the run itself has made is not what a later row may be', async () => {
    await save();
    const filler = Array.from({ length: 2_100 }, (_, index) => `Giro,2026-01-04,expense,${index + 1000},`);
    const rows = ['Giro,2026-01-04,transfer,100,Save', ...filler, 'Save,2026-01-05,income,100,'];
    const file = `account,date,kind,amount,to\n${rows.join('\n')}\n`;
    const settings = { columns: { account: 'account', kind: 'kind', toAccount: 'to' } };
    const made = await prepare(giro, file, { settings });
    const done = await commitToEnd(giro, made.id, { skipPossibleDuplicates: true });
    expect(done).toMatchObject({ status: 'completed', created: 2_102, duplicates: 0 });
    await expectExact(giro);
  }, 120_000);

  test('nothing of another person is compared, and what is compared has a bound', async () => {
    const { userId, accountId } = giro;
    for (const day of ['04', '05', '06']) await write('expense', '5', `2026-01-${day}`);
    const query = { userId, accountIds: [accountId], from: '2026-01-04', to: '2026-01-05' };
    const find = (fields: object) => findCandidates(database.em(), database.dialect, { ...query, limit: 3, ...fields });
    expect(await find({})).toMatchObject({ candidates: [{ amount: 500_000_000n, transfer: null }, {}], isWhole: true });
    expect(await find({ limit: 2 })).toMatchObject({ candidates: [{}, {}], isWhole: false });
    expect((await find({ userId: (await openWorld(database, ledger)).userId })).candidates).toEqual([]);
    expect(partlyWarnings(false)).toEqual([expect.stringContaining('not all of it was looked at')]);
  });
});
