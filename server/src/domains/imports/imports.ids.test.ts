import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { draft, ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
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
  waitForEnd,
  type World,
} from './test-imports.ts';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  let world: World;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database);
    world = await openWorld(database, ledger);
  });

  const secondAccount = async () => (await addAccount(world, { name: 'Savings' })).accountId;

  test('an id that rows of a file share although they differ is a fault: none of them is taken for another', async () => {
    const file =
      'Reference Number,date,amount,payee\n0,2026-01-01,5,a\n0,2026-01-02,5,b\n0,2026-01-01,6,c\n0,2026-01-01,5,a\n';
    const settings = { columns: { externalId: 'Reference Number' } };
    const made = await prepare(world, file, { settings });
    const seen = await preview(world, made.id);
    expect(seen.counts).toEqual({ read: 4, new: 1, duplicate: 0, faulty: 3, deleted: 0, possibleDuplicates: 0 });
    expect(seen.faults.map(({ line, field }) => [line, field])).toEqual([
      [3, 'externalId'],
      [4, 'externalId'],
      [5, 'externalId'],
    ]);
    expect(await commitToEnd(world, made.id)).toMatchObject({
      status: 'failed',
      created: 0,
      error: { code: 'IMPORT_FAULTY' },
    });
    await ledger.imports.update(ledger.commit, world.userId, {
      id: made.id,
      settings: { columns: { externalId: null } },
    });
    expect(await commitToEnd(world, made.id)).toMatchObject({ status: 'completed', created: 4 });
    expect(await balance(world)).toBe('21.00000000');
  });

  test('an id made of date and amount, as some banks have, loses no row of another payee', async () => {
    const file = 'id,date,amount,payee\n0105,2026-01-01,5,a\n0106,2026-01-01,6,a\n0105,2026-01-01,5,b\n';
    const made = await prepare(world, file, { settings: { columns: { externalId: 'id' } } });
    const seen = await preview(world, made.id);
    expect(seen.counts).toEqual({ read: 3, new: 2, duplicate: 0, faulty: 1, deleted: 0, possibleDuplicates: 0 });
    expect(seen.faults).toMatchObject([{ line: 4, field: 'externalId' }]);
  });

  test('a row of an account that is archived is a fault of its own line', async () => {
    const accountId = await secondAccount();
    await ledger.accounts.setArchived(ledger.commit, world.userId, { id: accountId, isArchived: true });
    const file = `date,amount,account\n2026-01-01,5,Checking\n2026-01-01,5,Savings\n`;
    const made = await prepare(world, file, { settings: { columns: { account: 'account' } } });
    expect((await preview(world, made.id)).faults).toMatchObject([{ line: 3, field: 'account' }]);
    expect((await commitToEnd(world, made.id)).error?.message).toContain('Line 3: account is archived');
    expect(await commitToEnd(world, made.id, { skipFaulty: true })).toMatchObject({ created: 1, faulty: 1 });
  });

  test('a transfer of our own export arrives in the currency that it arrived in', async () => {
    const accountId = await secondAccount();
    const transfer = { kind: 'transfer', accountId: world.accountId, amount: '5', occurredOn: '2026-01-01' } as const;
    const { id } = await ledger.transactions.create(
      ledger.commit,
      world.userId,
      draft({ ...transfer, transfer: { toAccountId: accountId } }),
    );
    let csv = '';
    const signal = AbortSignal.timeout(30_000);
    for await (const { piece } of ledger.exports.pieces(world.userId, { format: 'csv', signal })) csv += piece.text;
    await ledger.transactions.remove(ledger.commit, world.userId, id);
    const other = csv.replace('Savings,5.00000000,EUR', 'Savings,5.00000000,USD');
    const made = await prepare(world, other, { source: 'export' });
    expect((await preview(world, made.id)).faults).toMatchObject([{ line: 2, field: 'toAccount' }]);
    expect(await importFile(world, csv, { source: 'export' })).toMatchObject({ created: 1 });
  });

  test('the same holds for OFX, and across batches', async () => {
    const entry = (amount: string, id: string) =>
      `<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260203<TRNAMT>${amount}<FITID>${id}<NAME>Shop\n`;
    const entries = [
      entry('-1', '0'),
      ...Array.from({ length: 2500 }, (_, row) => entry('-1', `n${row}`)),
      entry('-2', '0'),
    ];
    const file = `OFXHEADER:100\nDATA:OFXSGML\n\n<OFX><CURDEF>EUR<ACCTID>42<BANKTRANLIST>${entries.join('')}</BANKTRANLIST></OFX>`;
    const made = await prepare(world, file);
    expect((await preview(world, made.id)).counts).toMatchObject({ new: 2501, duplicate: 0, faulty: 1 });
    expect(await commitToEnd(world, made.id, { skipFaulty: true })).toMatchObject({
      created: 2501,
      duplicates: 0,
      faulty: 1,
    });
    await expectExact(world);
  }, 60_000);

  test('each account of a bank numbers its own rows, whatever the file', async () => {
    const file = (payee: string) => `id,date,amount,payee\n1,2026-01-01,5,${payee}\n2,2026-01-02,6,${payee}\n`;
    const accountId = await secondAccount();
    expect(await importFile(world, file('a'))).toMatchObject({ created: 2 });
    expect(await importFile(world, file('b'), { accountId })).toMatchObject({ created: 2, duplicates: 0 });
    expect(await importFile(world, file('b'), { accountId })).toMatchObject({
      created: 0,
      duplicates: 2,
      warnings: [],
    });
    const named = `id,date,amount,payee,account\n1,2026-01-01,5,a,Checking\n1,2026-01-01,5,a,Savings\n`;
    // Nobody has said that the column of accounts is read.
    const warnings = [expect.stringContaining('names several accounts')];
    expect(await importFile(world, named)).toMatchObject({ created: 0, duplicates: 2, warnings });
    await expectExact(world);
  });

  test('an id that the ledger has with another amount is a duplicate, and is spoken of', async () => {
    const file = (amount: string) => `id,date,amount,payee\n1,2026-01-01,${amount},a\n2,2026-01-02,-6,b\n`;
    expect(await importFile(world, file('5'))).toMatchObject({ created: 2, warnings: [] });
    const made = await prepare(world, file('5.50'));
    const seen = await preview(world, made.id);
    expect(seen.counts).toEqual({ read: 2, new: 0, duplicate: 2, faulty: 0, deleted: 0, possibleDuplicates: 0 });
    expect(seen.warnings).toEqual([expect.stringContaining('1 of the duplicates')]);
    const done = await commitToEnd(world, made.id);
    expect(done).toMatchObject({
      created: 0,
      duplicates: 2,
      warnings: [expect.stringContaining('1 of the duplicates')],
    });
    expect(await balance(world)).toBe('-1.00000000');
  });

  test('what another program has written with the id of the bank is known again', async () => {
    const { accountId, userId } = world;
    const known = {
      kind: 'income',
      accountId,
      amount: '5',
      occurredOn: '2026-01-01',
      source: 'bank',
      externalId: '1',
    } as const;
    await ledger.transactions.create(ledger.commit, userId, draft({ ...known, currency: 'EUR' }));
    const file = 'id,date,amount\n1,2026-01-01,5\n2,2026-01-01,-5\n';
    expect(await importFile(world, file)).toMatchObject({ created: 1, duplicates: 1, warnings: [] });
    expect(await importFile(world, file, { accountId: await secondAccount() })).toMatchObject({ created: 2 });
  });

  test('our own export adds nothing to the ledger that it is of, with or without all of its columns', async () => {
    await importFile(world, 'date,amount,payee\n2026-01-01,5,a\n2026-01-01,5,a\n2026-01-02,6,b\n');
    let csv = '';
    const signal = AbortSignal.timeout(30_000);
    for await (const { piece } of ledger.exports.pieces(world.userId, { format: 'csv', signal })) csv += piece.text;
    for (const source of ['export', 'bank'])
      expect(await importFile(world, csv, { source })).toMatchObject({ status: 'completed', created: 0, warnings: [] });
    const some = csv.split('\r\n').map((line) => line.split(',').slice(0, 6).join(','));
    const settings = { columns: { externalId: 'id', kind: 'kind' } };
    expect(
      await importFile(world, some.filter((line) => !line.includes('opening')).join('\n'), {
        source: 'other',
        settings,
      }),
    ).toMatchObject({ created: 0 });
    expect(await balance(world)).toBe('16.00000000');
    const [first] = await transactionsOf(world);
    await ledger.transactions.remove(ledger.commit, world.userId, first?.id ?? '');
    expect(await importFile(world, csv, { source: 'export' })).toMatchObject({ created: 1 });
    await expectExact(world);
  });

  test('what our own export has of categories and accounts that have another name since, or are archived, is known', async () => {
    const look = { kind: 'both', parentId: null, icon: null, color: null } as const;
    const make = (name: string) => ledger.categories.create(ledger.commit, world.userId, { name, ...look });
    const [old, shop] = [await make('Old'), await make('Shop')];
    await importFile(world, 'date,amount,category\n2026-01-01,5,Old\n2026-01-02,-6,Shop\n2026-01-03,-7,Shop\n');
    let csv = '';
    const signal = AbortSignal.timeout(30_000);
    for await (const { piece } of ledger.exports.pieces(world.userId, { format: 'csv', signal })) csv += piece.text;
    await ledger.categories.setArchived(ledger.commit, world.userId, { id: old.id, isArchived: true });
    await ledger.categories.update(ledger.commit, world.userId, { id: shop.id, name: 'Shops' });
    expect(await importFile(world, csv, { source: 'export' })).toMatchObject({ created: 0, duplicates: 3, faulty: 0 });
    await ledger.transactions.remove(ledger.commit, world.userId, (await transactionsOf(world))[2]?.id ?? '');
    const made = await prepare(world, csv, { source: 'export' });
    expect((await preview(world, made.id)).faults).toMatchObject([{ field: 'category' }]);
  });

  test('a category that is archived while an import runs makes it fail, and leaves no sound row out', async () => {
    const look = { kind: 'both', parentId: null, icon: null, color: null } as const;
    const { id: categoryId } = await ledger.categories.create(ledger.commit, world.userId, { name: 'Bread', ...look });
    const rows = Array.from(
      { length: 20_000 },
      (_, index) => `2026-0${(index % 9) + 1}-03,${index + 1},p${index},Bread`,
    );
    const made = await prepare(world, ['date,amount,payee,category', ...rows, ''].join('\n'));
    await ledger.imports.commit(ledger.commit, world.userId, {
      id: made.id,
      skipFaulty: true,
      restoreDeleted: false,
      skipPossibleDuplicates: false,
    });
    const signal = AbortSignal.timeout(60_000);
    for await (const { import: state } of ledger.imports.progress(world.userId, { id: made.id, signal }))
      if (state.created > 0) break;
    await ledger.categories.setArchived(ledger.commit, world.userId, { id: categoryId, isArchived: true });
    const failed = await waitForEnd(world, made.id);
    expect(failed).toMatchObject({ status: 'failed', created: 0, faulty: 0, error: { code: 'IMPORT_FAULTY' } });
    expect(failed.error?.message).toContain('while the import ran');
    await expectExact(world);
  }, 120_000);
});
