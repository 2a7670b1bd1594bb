import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import { balance, commitToEnd, expectExact, openWorld, prepare, preview, transactionsOf } from './test-imports.ts';

/** A text as Windows writes it in Western Europe. */
const western = (text: string) => Buffer.from(text.replaceAll('€', '\x80'), 'latin1');
const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');
const lines = (...rows: string[]) => `${rows.join('\n')}\n`;
const ofx = (currency: string, ...transactions: string[]) =>
  lines(
    'OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nENCODING:USASCII\nCHARSET:1252\n',
    `<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>${currency}<BANKTRANLIST>`,
    ...transactions.map((each) => `<STMTTRN>${each}</STMTTRN>`),
    '</BANKTRANLIST><LEDGERBAL><BALAMT>999.00</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>',
  );

type Statement = {
  file: string | Buffer;
  currency?: string;
  /** What the file says, added up by hand: date and signed amount, in the order of the file. */
  rows: readonly (readonly [date: string, amount: number])[];
  faultyLines?: readonly number[];
  texts?: readonly string[];
};

const STATEMENTS: Record<string, Statement> = {
  'a German bank’s, in windows-1252, with decimal commas and empty cells': {
    file: western(
      lines(
        '"Auftragskonto";"Buchungstag";"Valutadatum";"Buchungstext";"Verwendungszweck";"Beguenstigter/Zahlungspflichtiger";"Betrag";"Waehrung"',
        '"DE89";"02.01.25";"02.01.25";"LASTSCHRIFT";"Miete Müllerstraße";"Größe & Söhne";"-1.234,56";"EUR"',
        '"DE89";"03.01.25";"03.01.25";"GUTSCHRIFT";"Gehalt; mit Bonus";"Öztürk GmbH";"3.000,00";"EUR"',
        '"DE89";"13.01.25";"13.01.25";"KARTE";"";"Café €uro";"-7,05";"EUR"',
      ),
    ),
    rows: [
      ['2025-01-02', -1234.56],
      ['2025-01-03', 3000],
      ['2025-01-13', -7.05],
    ],
    texts: ['Größe & Söhne', 'Öztürk GmbH', 'Café €uro'],
  },
  'a German bank’s with more lines before the table than in it': {
    file: western(
      lines(
        'Umsatzanzeige;Datei erstellt am: 01.02.2025',
        '',
        'IBAN;DE12 3456 7890',
        'Kunde;Max Müller',
        'Zeitraum;01.01.2025 - 31.01.2025',
        'Saldo;1.000,00;EUR',
        '',
        'Sie finden hier alle gebuchten Umsätze.',
        '',
        'Buchung;Auftraggeber/Empfänger;Verwendungszweck;Saldo;Währung;Betrag;Währung',
        '31.01.2025;Bäckerei;Brötchen;1.000,00;EUR;-3,20;EUR',
        '30.01.2025;Firma;Januar;1.003,20;EUR;1.500,00;EUR',
      ),
    ),
    rows: [
      ['2025-01-31', -3.2],
      ['2025-01-30', 1500],
    ],
  },
  'a US bank’s with debit, credit and balance': {
    file: lines(
      'Date,Description,Debit,Credit,Balance',
      '01/02/2025,ATM,"$1,200.00",,"$3,800.00"',
      '01/31/2025,PAYROLL,,"$2,500.00","$6,300.00"',
      '02/03/2025,"CHECK 1001, RENT",$15.00,,"$6,285.00"',
    ),
    currency: 'USD',
    rows: [
      ['2025-01-02', -1200],
      ['2025-01-31', 2500],
      ['2025-02-03', -15],
    ],
  },
  'a UK bank’s with pounds, and parentheses for what goes': {
    file: lines(
      'Date,Description,Amount',
      '31/01/2025,Rent,"(£1,234.56)"',
      '01/02/2025,Salary,"£3,000.00"',
      '03/02/2025,Tesco,(£4.50)',
    ),
    currency: 'GBP',
    rows: [
      ['2025-01-31', -1234.56],
      ['2025-02-01', 3000],
      ['2025-02-03', -4.5],
    ],
  },
  'one of UTF-16 with tabs': {
    file: utf16('Date\tPayee\tAmount\r\n2025-01-02\tZażółć\t-5.00\r\n2025-01-03\tGęślą\t7.25\r\n'),
    rows: [
      ['2025-01-02', -5],
      ['2025-01-03', 7.25],
    ],
    texts: ['Zażółć', 'Gęślą'],
  },
  'one whose lines end with CR, with line ends in quotes': {
    file: 'Date,Description,Amount\r2025-01-02,"one\rtwo, more\r2025-01-09 was promised",-5.00\r2025-01-03,"said ""hi""",7.25\r',
    rows: [
      ['2025-01-02', -5],
      ['2025-01-03', 7.25],
    ],
  },
  'one that ends with sums': {
    file: lines('Date,Description,Amount', '2025-01-02,a,-5.00', '2025-01-03,b,7.25', 'Total,,2.25', 'Sum,2.25'),
    rows: [
      ['2025-01-02', -5],
      ['2025-01-03', 7.25],
    ],
    faultyLines: [4, 5],
  },
  'one of two currencies': {
    file: lines('Date,Amount,Currency', '2025-01-02,-5.00,EUR', '2025-01-03,7.25,USD', '2025-01-04,1.00,EUR'),
    rows: [
      ['2025-01-02', -5],
      ['2025-01-04', 1],
    ],
    faultyLines: [3],
  },
  'OFX 1 with time zones': {
    file: ofx(
      'USD',
      '<TRNTYPE>DEBIT<DTPOSTED>20250131120000[-5:EST]<TRNAMT>-12.50<FITID>A1<NAME>SHOP &amp; CO',
      '<TRNTYPE>CREDIT<DTPOSTED>20250130<TRNAMT>2000.00<FITID>A2<NAME>PAYROLL',
      '<TRNTYPE>CHECK<DTPOSTED>20250129233000.000[-5:EST]<TRNAMT>-40<FITID>A3<CHECKNUM>1001',
    ),
    currency: 'USD',
    rows: [
      ['2025-01-31', -12.5],
      ['2025-01-30', 2000],
      ['2025-01-29', -40],
    ],
  },
  'OFX 2 with amounts that break its rules': {
    file: lines(
      '<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="211"?>',
      '<OFX><CREDITCARDMSGSRSV1><CCSTMTTRNRS><CCSTMTRS><CURDEF>EUR</CURDEF><BANKTRANLIST>',
      '<STMTTRN><DTPOSTED>20250131003000[+1:CET]</DTPOSTED><TRNAMT>-7,50</TRNAMT><FITID>1</FITID></STMTTRN>',
      '<STMTTRN><DTPOSTED>20250130</DTPOSTED><TRNAMT>-1,234.50</TRNAMT><FITID>2</FITID></STMTTRN>',
      '<STMTTRN><DTPOSTED>20250130</DTPOSTED><TRNAMT>-1,234</TRNAMT><FITID>3</FITID></STMTTRN>',
      '<STMTTRN><DTPOSTED>20250115</DTPOSTED><TRNAMT>+500.00</TRNAMT><FITID>4</FITID></STMTTRN>',
      '</BANKTRANLIST></CCSTMTRS></CCSTMTTRNRS></CREDITCARDMSGSRSV1></OFX>',
    ),
    rows: [
      ['2025-01-31', -7.5],
      ['2025-01-15', 500],
    ],
    faultyLines: [5, 6],
  },
  'QFX without ids': {
    file: ofx(
      'USD',
      '<TRNTYPE>DEBIT<DTPOSTED>20250131<TRNAMT>-3.00<NAME>COFFEE',
      '<TRNTYPE>DEBIT<DTPOSTED>20250131<TRNAMT>-3.00<NAME>COFFEE',
      '<TRNTYPE>DEBIT<DTPOSTED>20250130<TRNAMT>-9.99<FITID><NAME>APP',
    ),
    currency: 'USD',
    rows: [
      ['2025-01-31', -3],
      ['2025-01-31', -3],
      ['2025-01-30', -9.99],
    ],
  },
};

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database);
  });

  test.each(Object.entries(STATEMENTS))(
    'a statement is what it says: %s',
    async (_, { file, currency = 'EUR', rows, faultyLines = [], texts = [] }) => {
      const world = await openWorld(database, ledger, { currency });
      const { id } = await prepare(world, file);
      const seen = await preview(world, id);
      expect([...new Set(seen.faults.map(({ line }) => line))]).toEqual(faultyLines);
      await commitToEnd(world, id, { skipFaulty: true });
      const made = (await transactionsOf(world)).map(({ kind, amount, occurredOn }) => [
        occurredOn,
        kind === 'income' ? Number(amount) : -Number(amount),
      ]);
      const byText = (all: readonly (readonly unknown[])[]) => all.map(String).toSorted();
      expect(byText(made)).toEqual(byText(rows));
      const cents = rows.reduce((sum, [, amount]) => sum + Math.round(amount * 100), 0);
      expect(Number(await balance(world))).toBe(cents / 100);
      const payees = (await transactionsOf(world)).map(({ payee }) => payee);
      expect(payees).toEqual(expect.arrayContaining([...texts]));
      await expectExact(world);
    },
  );

  test('a row that looks like a balance is told, and one of a shop that is called so besides other words is not', async () => {
    const world = await openWorld(database, ledger);
    const rows = [
      '2025-01-01,Opening Balance,100',
      '2025-01-02,Saldo Pizza,-5',
      '2025-01-31,Endsaldo:,95',
      '2025-01-31,Total,95',
    ];
    const { id } = await prepare(world, lines('Date,Description,Amount', ...rows));
    const told = expect.stringContaining('3 of the new rows look like balances or sums') as string;
    expect((await preview(world, id)).warnings).toContainEqual(told);
    expect((await commitToEnd(world, id)).warnings).toContainEqual(told);
  });

  test('a column whose name ends with another currency than the account’s is refused', async () => {
    const world = await openWorld(database, ledger);
    const { id } = await prepare(world, lines('Date,Amount in USD', '2025-01-02,-5', '2025-01-03,7.25'));
    await expect(preview(world, id)).rejects.toMatchObject({ code: 'IMPORT_FAULTY' });
  });

  test('a file of several accounts is told, however far down the second one begins', async () => {
    const world = await openWorld(database, ledger);
    const rows = Array.from({ length: 600 }, (_, index) => `NL01,2025-01-02,${index % 2 ? '-' : ''}${index + 1}`);
    const { id, warnings } = await prepare(world, lines('Account,Date,Amount', ...rows, 'NL02,2025-01-03,9'));
    expect(warnings).toEqual([]);
    const told = expect.stringContaining('several accounts, such as “NL01” and “NL02”') as string;
    expect((await preview(world, id)).warnings).toEqual([told]);
    const soon = await prepare(world, lines('Account,Date,Amount', ...rows.slice(0, 2), 'NL02,2025-01-03,9'));
    expect((await preview(world, soon.id)).warnings).toEqual([told]);
  });

  test('an account of credit is asked about the sign of what is spent', async () => {
    const world = await openWorld(database, ledger, { type: 'credit', creditLimit: '1000' });
    const rows = ['2025-01-05,120', '2025-01-15,-500', '2025-01-31,23.10'];
    const { warnings, id } = await prepare(world, lines('Date,Amount', ...rows));
    expect(warnings).toContainEqual(expect.stringContaining('on an account of credit'));
    const settings = { isAmountInverted: true };
    expect((await ledger.imports.update(ledger.commit, world.userId, { id, settings })).warnings).toEqual([]);
  });
});
