import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import { balance, commitToEnd, importFile, openWorld, prepare, preview, type World } from './test-imports.ts';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  let world: World;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database);
    world = await openWorld(database, ledger);
  });
  const HEADER = 'Date,Amount,Direction\n';

  test('the only row of a file tells which way its money goes, with a line end or without', async () => {
    expect(await importFile(world, `${HEADER}2026-01-02,12.50,OUT`)).toMatchObject({ created: 1 });
    expect(await balance(world)).toBe('-12.50000000');
  });

  test('a month without transactions teaches nothing, least of all that the next one has no directions', async () => {
    expect(await importFile(world, HEADER)).toMatchObject({ status: 'completed', created: 0 });
    expect(await ledger.imports.remembered(world.userId)).toEqual([]);
    expect(await importFile(world, `${HEADER}2026-01-02,12.50,OUT\n2026-01-03,2,IN\n`)).toMatchObject({ created: 2 });
    expect(await balance(world)).toBe('-10.50000000');
  });

  test('a column of directions that is new in a source’s file is read, and one that its owner refused is not', async () => {
    const signed = 'Date,Amount\n2026-01-02,-12.50\n2026-01-03,2\n';
    expect(await importFile(world, signed)).toMatchObject({ created: 2 });
    const told = `${HEADER}2026-02-02,12.50,OUT\n2026-02-03,2,IN\n`;
    expect(await prepare(world, told)).toMatchObject({ settings: { columns: { kind: 'Direction' } } });
    const settings = { columns: { kind: null } };
    expect(await importFile(world, told, { settings })).toMatchObject({ created: 2 });
    const next = await prepare(world, told.replaceAll('02-0', '03-0'));
    expect(next).toMatchObject({ settings: { columns: { kind: null } } });
    expect(await commitToEnd(world, next.id)).toMatchObject({ created: 2 });
    expect(await prepare(world, told)).toMatchObject({ settings: { columns: { kind: null } } });
  });

  test('a row without a word is read by its sign, whatever column of words the file before it had', async () => {
    const header = 'Date,Amount,Type\n';
    expect(await importFile(world, `${header}2026-01-02,-14.50,Debit\n2026-01-03,3,Credit\n`)).toMatchObject({
      created: 2,
    });
    const next = `${header}2026-02-02,-14.50,Debit\n2026-02-03,-3.00,\n`;
    expect(await importFile(world, next)).toMatchObject({ created: 2, faulty: 0 });
    expect(await balance(world)).toBe('-29.00000000');
  });

  test('a file without fractions or without dates that can be read teaches no notation of them', async () => {
    const file = (...amounts: string[]) => `Date,Amount\n${amounts.map((each) => `2026-01-02,${each}\n`).join('')}`;
    expect(await importFile(world, file('-500', '700'))).toMatchObject({ created: 2 });
    const open = await prepare(world, file('-15.000', '20'));
    expect(open.warnings).toEqual([expect.stringContaining('read in two ways')]);
    const [lesson] = await ledger.imports.remembered(world.userId);
    expect(lesson?.settings).toMatchObject({ dateFormat: 'YYYY-MM-DD' });
    expect(lesson?.settings).not.toHaveProperty('decimalSeparator');
  });

  test('an encoding that was corrected is that of the next file, whose rows are the same ones again', async () => {
    const rows = 'Datum;Betrag;Empfänger\n01.02.2026;-1,00;Żółć Łódź\n';
    // Polish, as Windows writes it.
    const bytes = Buffer.from(
      Array.from(
        rows,
        (letter) => ({ Ż: 0xaf, ó: 0xf3, ł: 0xb3, ć: 0xe6, Ł: 0xa3, ź: 0x9f, ä: 0xe4 })[letter] ?? letter.charCodeAt(0),
      ),
    );
    const settings = { encoding: 'windows-1250' };
    const made = await prepare(world, bytes, { settings });
    expect((await preview(world, made.id)).rows[0]?.transaction).toMatchObject({ payee: 'Żółć Łódź' });
    expect(await commitToEnd(world, made.id)).toMatchObject({ created: 1 });
    const next = await prepare(world, bytes);
    expect(next.settings.encoding).toBe('windows-1250');
    expect(await commitToEnd(world, next.id)).toMatchObject({ created: 0, duplicates: 1 });
    expect((await prepare(world, Buffer.from(rows))).settings.encoding).toBe('utf-8');
  });

  test('a month whose letters are all ASCII leaves the encoding of its source', async () => {
    const header = 'Date;Amount;Payee\n';
    const polish = Buffer.from(`${header}2026-03-01;-1.00;\xaf\xf3\xb3\xe6\n`, 'latin1');
    expect(await importFile(world, polish, { settings: { encoding: 'windows-1250' } })).toMatchObject({ created: 1 });
    expect(await importFile(world, `${header}2026-02-01;-2.00;Shop\n`)).toMatchObject({ created: 1 });
    const next = await prepare(world, polish);
    expect(next.settings.encoding).toBe('windows-1250');
    expect(await commitToEnd(world, next.id)).toMatchObject({ created: 0, duplicates: 1 });
    const settings = { encoding: 'utf-8' };
    expect(await importFile(world, `${header}2026-02-02;-2.00;Shop\n`, { settings })).toMatchObject({ created: 1 });
    const [lesson] = await ledger.imports.remembered(world.userId);
    expect(lesson?.settings.encoding).toBe('utf-8');
  });

  test('an import that was prepared before its source was told something does not teach what it guessed', async () => {
    const fileOf = (day: string) => `Date,Amount,Text\n${day}/02/2026,12.50,Shop\n`;
    const early = await prepare(world, fileOf('03'));
    expect(early.settings).toMatchObject({ dateFormat: 'DD/MM/YYYY', isAmountInverted: false });
    const settings = { dateFormat: 'MM/DD/YYYY', isAmountInverted: true, columns: { payee: 'Text' } } as const;
    expect(await importFile(world, fileOf('04'), { settings })).toMatchObject({ created: 1 });
    expect(await commitToEnd(world, early.id)).toMatchObject({ created: 1 });
    const [lesson] = await ledger.imports.remembered(world.userId);
    expect(lesson?.settings).toMatchObject({ ...settings, columns: expect.objectContaining(settings.columns) });
  });

  test('lines to skip are counted as faults count them, so none of the rows behind them is lost', async () => {
    const rows = ['01.01.2026;Acme;1000,00', '02.01.2026;Shop;-12,50', 'soon;Shop;-3,00'];
    const file = ['Bank;X', '', 'Account;42', '', '', 'Datum;Name;Betrag', ...rows, ''].join('\n');
    const made = await prepare(world, file, { settings: { skipRows: 5 } });
    const { counts, faults } = await preview(world, made.id);
    expect(counts).toMatchObject({ read: 3, new: 2, faulty: 1 });
    expect(faults).toMatchObject([{ line: 9, field: 'date' }]);
    expect(await commitToEnd(world, made.id, { skipFaulty: true })).toMatchObject({ created: 2, warnings: [] });
    expect(await balance(world)).toBe('987.50000000');
  });

  test('amounts with three digits behind the only mark are thousands in an account in euros, and teach nothing', async () => {
    const file = (...amounts: string[]) =>
      `Datum;Name;Betrag\n${amounts.map((each, index) => `1${index}.04.2026;a;${each}\n`).join('')}`;
    const made = await importFile(world, file('1.234', '-2.500'));
    expect(made).toMatchObject({ created: 2, warnings: [] });
    expect(await balance(world)).toBe('-1266.00000000');
    expect(await importFile(world, file('1.50', '-2.25'))).toMatchObject({ created: 2 });
    expect(await balance(world)).toBe('-1266.75000000');
  });

  test('a file that is no text is refused by its field, and so is a text that says so of itself', async () => {
    const refusal = (path: string, what: string) => ({
      code: 'VALIDATION_FAILED',
      details: [{ path, message: expect.stringContaining(what) as string }],
    });
    const excel = Buffer.concat([Buffer.from('PK\u0003\u0004'), Buffer.alloc(30), Buffer.from('xl/workbook.xml')]);
    await expect(prepare(world, excel)).rejects.toMatchObject(refusal('fileId', 'is an Excel file'));
    await expect(prepare(world, '%PDF-1.4\n')).rejects.toMatchObject(refusal('text', 'is a PDF'));
    const zeros = Buffer.from('Date,Amount\n2026-01-02,5\n'.replaceAll('5', '\0\0\0\0'));
    await expect(prepare(world, zeros)).rejects.toMatchObject(refusal('fileId', 'is no text'));
    const wide = await prepare(world, Buffer.from('Date,Amount\n2026-01-02,5\n', 'utf16le'));
    expect(wide).toMatchObject({
      settings: { encoding: 'utf-16le' },
      warnings: [expect.stringContaining('above zero')],
    });
    const none = await prepare(world, 'hello world');
    const missing = ['Which column is the date is not known.', 'Which column is the amount is not known.'];
    expect(none.warnings).toEqual(missing);
    expect((await preview(world, none.id)).warnings).toEqual(missing);
  });
});
