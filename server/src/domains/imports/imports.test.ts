import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import {
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

const BANK = `Booking date;Payee;Description;Amount
03.02.2026;Café Blau;Coffee;-3,50
03.02.2026;Café Blau;Coffee;-3,50
04.02.2026;Acme GmbH;Salary;1.234,56
`;

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  let world: World;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database);
    world = await openWorld(database, ledger);
  });

  test('a bank file is understood by itself: delimiter, header, dates, numbers, columns', async () => {
    const made = await prepare(world, BANK);
    expect(made).toMatchObject({ format: 'csv', status: 'ready' });
    expect(made.settings).toMatchObject({
      delimiter: ';',
      hasHeader: true,
      dateFormat: 'DD.MM.YYYY',
      decimalSeparator: ',',
      encoding: 'utf-8',
      columns: { date: 'Booking date', payee: 'Payee', description: 'Description', amount: 'Amount', kind: null },
    });
    const seen = await preview(world, made.id);
    expect(seen.counts).toEqual({ read: 3, new: 3, duplicate: 0, faulty: 0, deleted: 0, possibleDuplicates: 0 });
    expect(seen.rows[2]?.transaction).toMatchObject({
      kind: 'income',
      amount: '1234.56000000',
      occurredOn: '2026-02-04',
    });
    expect(await balance(world)).toBe('0.00000000');
  });

  test('two equal coffees of one day are two, and the same file again adds none', async () => {
    expect(await importFile(world, BANK)).toMatchObject({ status: 'completed', created: 3, duplicates: 0 });
    expect(await balance(world)).toBe('1227.56000000');
    const again = await prepare(world, BANK);
    expect((await preview(world, again.id)).counts).toEqual({
      read: 3,
      new: 0,
      duplicate: 3,
      faulty: 0,
      deleted: 0,
      possibleDuplicates: 0,
    });
    expect(await commitToEnd(world, again.id)).toMatchObject({ status: 'completed', created: 0, duplicates: 3 });
    const third = `${BANK}03.02.2026;Café Blau;Coffee;-3,50\n`;
    expect(await importFile(world, third)).toMatchObject({ created: 1, duplicates: 3 });
    expect(await balance(world)).toBe('1224.06000000');
    await expectExact(world);
  });

  test('an external id makes a row the same one, whatever else the next file says of it', async () => {
    const rows = (payee: string) =>
      `id,date,amount,payee\na1,2026-01-01,5,${payee}\na2,2026-01-01,5,${payee}\na2,2026-01-01,5,${payee}\n`;
    expect(await importFile(world, rows('x'))).toMatchObject({ created: 2, duplicates: 1 });
    expect(await importFile(world, rows('y'))).toMatchObject({ created: 0, duplicates: 3 });
    expect(await importFile(world, rows('y'), { source: 'other' })).toMatchObject({ created: 2, duplicates: 1 });
    await expectExact(world);
  });

  test('rules decide what is new, and what they change makes no row another one', async () => {
    const look = { kind: 'both', parentId: null, icon: null, color: null } as const;
    const { id: categoryId } = await ledger.categories.create(ledger.commit, world.userId, { name: 'Cafés', ...look });
    await ledger.rules.create(ledger.commit, world.userId, {
      name: 'Cafés',
      conditions: [{ field: 'payee', op: 'contains', value: 'café' }],
      actions: { categoryId, addTags: ['out'], payee: 'Blau' },
      isStop: false,
      isEnabled: true,
    });
    const made = await prepare(world, BANK);
    expect(made.settings.appliesRules).toBe(true);
    const decided = { categoryId, tags: ['out'], payee: 'Blau' };
    const { rows } = await preview(world, made.id);
    expect(rows.map(({ transaction }) => transaction)).toMatchObject([decided, decided, { payee: 'Acme GmbH' }]);
    await commitToEnd(world, made.id);
    expect(await transactionsOf(world)).toMatchObject([decided, decided, { payee: 'Acme GmbH', categoryId: null }]);
    expect(await importFile(world, BANK)).toMatchObject({ created: 0, duplicates: 3 });
    const untouched = { source: 'other', settings: { appliesRules: false } };
    expect(await importFile(world, BANK, untouched)).toMatchObject({ created: 3 });
    expect((await transactionsOf(world)).filter(({ categoryId: id }) => id === categoryId)).toHaveLength(2);
    await expectExact(world);
  });

  test('the path of a category for both kinds is found without the mark that a namesake gives it, archived or not', async () => {
    const look = { icon: null, color: null };
    const create = async (name: string, kind: 'both' | 'expense', parentId: string | null) =>
      (await ledger.categories.create(ledger.commit, world.userId, { name, kind, parentId, ...look })).id;
    const board = await create('Board', 'both', null);
    const lunch = await create('Lunch', 'both', board);
    const namesake = await create('Board', 'expense', null);
    const made = await prepare(
      world,
      'date,amount,category\n2026-01-01,-5,Board / Lunch\n2026-01-01,5,Board / Lunch\n2026-01-02,-5,Board\n2026-01-02,5,Board\n',
    );
    const filed = async () =>
      (await preview(world, made.id)).rows.map(({ transaction }) => transaction?.categoryId ?? null);
    expect(await filed()).toEqual([lunch, lunch, namesake, board]);
    await ledger.categories.setArchived(ledger.commit, world.userId, { id: namesake, isArchived: true });
    expect(await filed()).toEqual([lunch, lunch, board, board]);
  });

  test('a category is found whatever the kind of the row; of two at one place that of the row’s kind is meant', async () => {
    const look = { parentId: null, icon: null, color: null };
    const create = async (name: string, kind: 'income' | 'expense') =>
      (await ledger.categories.create(ledger.commit, world.userId, { name, kind, ...look })).id;
    const books = await create('Books', 'expense');
    const [bonusIn, bonusOut] = [await create('Bonus', 'income'), await create('Bonus', 'expense')];
    const rows = [
      '-5,Books',
      '5,Books',
      '-5,Bonus',
      '5,Bonus',
      String.raw`5,Bonus\(expense)`,
      String.raw`-5,Bonus\(income)`,
    ];
    const made = await prepare(
      world,
      ['date,amount,category', ...rows.map((row) => `2026-01-01,${row}`), ''].join('\n'),
    );
    const seen = await preview(world, made.id);
    expect(seen.faults).toEqual([]);
    const filed = seen.rows.map(({ transaction }) => transaction?.categoryId);
    expect(filed).toEqual([books, books, bonusOut, bonusIn, bonusOut, bonusIn]);
  });

  test('a fault names line and field; nothing is imported of a faulty file, unless its faulty rows are left out', async () => {
    const file =
      'date,amount,payee\n2026-01-01,5,a\n2026-02-30,5,b\n2026-01-03,abc,c\n2026-01-04,0,d\n2026-01-05,7,e\n';
    const made = await prepare(world, file);
    const seen = await preview(world, made.id);
    expect(seen.counts).toEqual({ read: 5, new: 2, duplicate: 0, faulty: 3, deleted: 0, possibleDuplicates: 0 });
    expect(seen.faults.map(({ line, field }) => [line, field])).toEqual([
      [3, 'date'],
      [4, 'amount'],
      [5, 'amount'],
    ]);
    const failed = await commitToEnd(world, made.id);
    const told = { status: 'failed', rowsRead: 5, created: 0, faulty: 3, error: { code: 'IMPORT_FAULTY' } };
    expect(failed).toMatchObject(told);
    expect(failed.error?.message).toContain('Line 3: date');
    expect(await transactionsOf(world)).toEqual([]);
    expect(await commitToEnd(world, made.id, { skipFaulty: true })).toMatchObject({
      status: 'completed',
      created: 2,
      faulty: 3,
    });
    expect(await balance(world)).toBe('12.00000000');
    await expectExact(world);
  });

  test('what is detected wrongly is corrected, and the source remembers it', async () => {
    const file = 'Datum,Bedrag,Wie\n03/04/2026,"1,234",a\n05/04/2026,"2,500",b\n';
    const made = await prepare(world, file);
    expect((await preview(world, made.id)).warnings).toHaveLength(2);
    const settings = {
      dateFormat: 'MM/DD/YYYY',
      decimalSeparator: ',',
      isAmountInverted: true,
      columns: { payee: 'Wie' },
    } as const;
    await ledger.imports.update(ledger.commit, world.userId, { id: made.id, settings });
    const seen = await preview(world, made.id);
    expect(seen.warnings).toEqual([]);
    expect(seen.rows[0]?.transaction).toMatchObject({
      kind: 'expense',
      occurredOn: '2026-03-04',
      amount: '1.23400000',
      payee: 'a',
    });
    expect(await commitToEnd(world, made.id)).toMatchObject({ status: 'completed', created: 2 });
    const next = await prepare(world, 'Datum,Bedrag,Wie\n06/04/2026,"1,000",c\n');
    expect(next.settings).toMatchObject(settings);
    const elsewhere = await prepare(world, 'Datum,Bedrag,Wie\n06/04/2026,"1,000",c\n', { source: 'other-bank' });
    expect(elsewhere.settings).toMatchObject({ dateFormat: 'DD/MM/YYYY', isAmountInverted: false });
  });

  test('a column whose header names another currency than the account’s is not imported', async () => {
    const file = 'Date,Amount (USD),Amount (EUR)\n2026-01-02,-5,-4.50\n2026-01-03,7,6.30\n';
    const dollars = { settings: { columns: { amount: 'Amount (USD)' } } };
    const made = await prepare(world, file, dollars);
    await expect(preview(world, made.id)).rejects.toMatchObject({ code: 'IMPORT_FAULTY' });
    expect(await commitToEnd(world, made.id)).toMatchObject({ status: 'failed', error: { code: 'IMPORT_FAULTY' } });
    expect(await importFile(world, file, { source: 'other' })).toMatchObject({ status: 'completed', created: 2 });
    expect(await balance(world)).toBe('1.80000000');
    const [lesson] = (await ledger.imports.remembered(world.userId)).filter(({ source }) => source === 'other');
    expect(lesson?.settings.columns).toMatchObject({ amount: 'Amount (EUR)' });
  });

  test('a file without a header is read by the places of its columns', async () => {
    const made = await prepare(world, '2026-01-01,Shop,Bread and butter,-2.50\n2026-01-02,Shop,Milk,-1.20\n');
    expect(made.settings).toMatchObject({
      hasHeader: false,
      columns: { date: '#1', payee: '#2', description: '#3', amount: '#4' },
    });
    expect(await commitToEnd(world, made.id)).toMatchObject({ created: 2 });
  });

  test('an import across batches that fails at its end leaves nothing, and every figure exact', async () => {
    const rows = Array.from({ length: 9_000 }, (_, index) => `2026-0${(index % 9) + 1}-03,${index + 1},p${index}`);
    const file = ['date,amount,payee', ...rows, '2026-13-01,1,x', ''].join('\n');
    const before = await transactionsOf(world);
    const failed = await importFile(world, file);
    expect(failed).toMatchObject({ status: 'failed', created: 0 });
    expect(await transactionsOf(world)).toEqual(before);
    expect(await balance(world)).toBe('0.00000000');
    await expectExact(world);
  });

  test('one that is cancelled while it runs is taken back, with every figure exact at every moment', async () => {
    const rows = Array.from({ length: 30_000 }, (_, index) => `2026-0${(index % 9) + 1}-03,${index + 1},p${index}`);
    const made = await prepare(world, ['date,amount,payee', ...rows, ''].join('\n'));
    await ledger.imports.commit(ledger.commit, world.userId, {
      id: made.id,
      skipFaulty: false,
      restoreDeleted: false,
      skipPossibleDuplicates: false,
    });
    const signal = AbortSignal.timeout(60_000);
    let isCancelled = false;
    for await (const { import: state } of ledger.imports.progress(world.userId, { id: made.id, signal })) {
      if (state.created === 0 || isCancelled || state.status !== 'running') continue;
      await expectExact(world);
      isCancelled = true;
      await ledger.imports.cancel(ledger.commit, world.userId, made.id);
    }
    expect(await waitForEnd(world, made.id)).toMatchObject({ status: 'cancelled', created: 0, error: null });
    expect(await transactionsOf(world)).toEqual([]);
    await expectExact(world);
  });

  test('a credit limit holds for the whole of an import and not for its steps', async () => {
    const credit = { type: 'credit', creditLimit: '100', name: 'Card' };
    const card = await openWorld(database, ledger, credit);
    const spend = Array.from({ length: 3_000 }, (_, index) => `2026-01-03,-1,p${index}`);
    const paid = ['date,amount,payee', ...spend, '2026-01-04,2950,payment', ''].join('\n');
    const first = await prepare(card, paid);
    expect((await preview(card, first.id)).warnings).toEqual(first.warnings);
    expect(await commitToEnd(card, first.id)).toMatchObject({ status: 'completed' });
    expect(await balance(card)).toBe('-50.00000000');
    const over = ['date,amount,payee', ...spend.map((row) => row.replace('01-03', '02-03')), ''].join('\n');
    const made = await prepare(card, over);
    const limit = 'The balance of “Card” would be -3050.00000000, below its credit limit.';
    expect((await preview(card, made.id)).warnings).toContain(`${limit} So the import would fail.`);
    const refusal = { code: 'CREDIT_LIMIT_EXCEEDED', message: limit };
    expect(await commitToEnd(card, made.id)).toMatchObject({ status: 'failed', error: refusal });
    expect(await balance(card)).toBe('-50.00000000');
    await expectExact(card);
  });

  test('hostile files name their faults and import nothing that is not there', async () => {
    const file = [
      'date,amount,payee',
      '2026-01-01,1,a\u0000b',
      '2026-01-02,2,"not closed',
      '2026-01-03,3,"c"',
      '2026-01-04,4,x,y',
      '',
    ].join('\r\n');
    const made = await prepare(world, file);
    const { counts, faults } = await preview(world, made.id);
    expect(counts).toEqual({ read: 4, new: 1, duplicate: 0, faulty: 3, deleted: 0, possibleDuplicates: 0 });
    expect(faults.map(({ line, field }) => [line, field])).toEqual([
      [2, 'payee'],
      [3, 'row'],
      [5, 'row'],
    ]);
    expect(await commitToEnd(world, made.id)).toMatchObject({ status: 'failed', error: { code: 'IMPORT_FAULTY' } });
    await expectExact(world);
  });

  test.each([
    ['a quote that is never closed', '2026-01-02,2,"never closed\n2026-01-03,3,c\n'],
    ['a row that is too large', `2026-01-02,2,${'x'.repeat(70_000)}\n2026-01-03,3,c\n`],
  ])('behind %s nothing is read, so nothing is imported, whatever may be left out', async (_, rest) => {
    const made = await prepare(world, `date,amount,payee\n2026-01-01,1,a\n${rest}`);
    const refusal = { code: 'IMPORT_FAULTY', message: expect.stringContaining('Line 3') as string };
    await expect(preview(world, made.id)).rejects.toMatchObject(refusal);
    expect(await commitToEnd(world, made.id, { skipFaulty: true })).toMatchObject({
      status: 'failed',
      created: 0,
      error: refusal,
    });
    expect(await transactionsOf(world)).toEqual([]);
    await expectExact(world);
  });

  test.each(['utf8', 'utf16le', 'latin1'] as const)(
    'a file in %s, with a mark or without, has the letters that were written',
    async (encoding) => {
      const mark = encoding === 'utf16le' ? '\ufeff' : '';
      const made = await prepare(
        world,
        Buffer.from(`${mark}Datum;Betrag;Empfänger\n01.02.2026;-1,00;Müller Straße Größe\n`, encoding),
      );
      expect((await preview(world, made.id)).rows[0]?.transaction).toMatchObject({
        payee: 'Müller Straße Größe',
        amount: '1.00000000',
      });
    },
  );

  test('OFX is imported by the bank’s own ids: the next statement, which overlaps, adds what is new', async () => {
    const statement = (ids: string[]) =>
      `OFXHEADER:100\nDATA:OFXSGML\n\n<OFX><CURDEF>EUR<ACCTID>42<BANKTRANLIST>${ids
        .map((id) => `<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260203<TRNAMT>-5.00<FITID>${id}<NAME>Shop\n`)
        .join('')}</BANKTRANLIST></OFX>`;
    expect(await importFile(world, statement(['1', '2']))).toMatchObject({ format: 'ofx', created: 2 });
    expect(await importFile(world, statement(['2', '3']))).toMatchObject({ created: 1, duplicates: 1 });
    expect(await balance(world)).toBe('-15.00000000');
    await expectExact(world);
  });

  test('what a process has left half done when it died is taken back before the next one serves anybody', async () => {
    const rows = Array.from({ length: 40_000 }, (_, index) => `2026-0${(index % 9) + 1}-03,${index + 1},p${index}`);
    const made = await prepare(world, ['date,amount,payee', ...rows, ''].join('\n'));
    await ledger.imports.commit(ledger.commit, world.userId, {
      id: made.id,
      skipFaulty: false,
      restoreDeleted: false,
      skipPossibleDuplicates: false,
    });
    // It stops between two batches and leaves its row as a killed process does.
    const signal = AbortSignal.timeout(30_000);
    for await (const { import: state } of ledger.imports.progress(world.userId, { id: made.id, signal }))
      if (state.created > 0) break;
    await ledger.imports.close();
    expect((await ledger.imports.status(world.userId, made.id)).status).toBe('running');
    const next = { ...world, ledger: ledgerOn(database) };
    await next.ledger.imports.recover({ isAlone: databases.driver === 'sqlite' });
    expect(await next.ledger.imports.status(world.userId, made.id)).toMatchObject({
      status: 'failed',
      created: 0,
      error: { code: 'IMPORT_INTERRUPTED' },
    });
    expect(await transactionsOf(next)).toEqual([]);
    await expectExact(next);
  }, 60_000);

  test('no reconciliation is finished while an import runs, which may still be taken back', async () => {
    const made = await prepare(world, BANK);
    const { accountId, userId } = world;
    const statement = { accountId, statementDate: '2026-02-28', statementBalance: '0' };
    const { id } = await ledger.reconciliations.start(ledger.commit, userId, statement);
    await database.em().execute(`update imports set status = 'running' where id = ?`, [made.id]);
    const finish = () => ledger.reconciliations.finish(ledger.commit, userId, { id });
    await expect(finish()).rejects.toMatchObject({ code: 'IMPORT_NOT_READY' });
    await database.em().execute(`update imports set status = 'ready' where id = ?`, [made.id]);
    expect((await finish()).reconciliation.finishedAt).not.toBeNull();
  });

  test('an import is its owner’s alone', async () => {
    const made = await prepare(world, BANK);
    const stranger = await openWorld(database, ledger);
    const refusal = { code: 'NOT_FOUND' };
    await expect(ledger.imports.status(stranger.userId, made.id)).rejects.toMatchObject(refusal);
    await expect(preview(stranger, made.id)).rejects.toMatchObject(refusal);
    await expect(
      ledger.imports.commit(ledger.commit, stranger.userId, {
        id: made.id,
        skipFaulty: false,
        restoreDeleted: false,
        skipPossibleDuplicates: false,
      }),
    ).rejects.toMatchObject(refusal);
    await expect(ledger.imports.cancel(ledger.commit, stranger.userId, made.id)).rejects.toMatchObject(refusal);
  });
});
