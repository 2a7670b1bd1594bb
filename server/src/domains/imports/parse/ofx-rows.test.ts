import { expect, test } from 'vitest';
import { ofxFaultsOf } from './ofx-faults.ts';
import { readOfxRows } from './ofx-rows.ts';
import { ofxSignWarnings } from './ofx-signs.ts';
import { sniff } from './sniff.ts';

async function* pieces(text: string, size: number): AsyncGenerator<string> {
  for (let start = 0; start < text.length; start += size) yield text.slice(start, start + size);
}

async function fieldsOf(text: string, size = 10_000): Promise<Record<string, string>[]> {
  const rows: Record<string, string>[] = [];
  for await (const part of readOfxRows(pieces(text, size)))
    rows.push(...part.map(({ fields }) => Object.fromEntries(fields)));
  return rows;
}

const statement = (...transactions: string[]) =>
  `OFXHEADER:100\n\n<OFX><STMTRS><CURDEF>EUR<BANKACCTFROM><BANKID>1<ACCTID>42<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST>${transactions
    .map((each) => `<STMTTRN><DTPOSTED>20260203${each}</STMTTRN>`)
    .join('\n')}</BANKTRANLIST><LEDGERBAL><BALAMT>5</LEDGERBAL></STMTRS></OFX>\n`;

test.each([1, 2, 7, 10_000])(
  'a lone < is part of its text, and the tags behind it are read (cut by %i)',
  async (size) => {
    const names = ['A < B', 'A <B', 'x <3', 'a<', 'Tom <tom@example.org>', '5 < 6 > 4'];
    const rows = await fieldsOf(statement(...names.map((name) => `<TRNAMT>-1<NAME>${name}<MEMO>m`)), size);
    expect(rows.map(({ NAME, MEMO }) => [NAME, MEMO])).toEqual(names.map((name) => [name, 'm']));
  },
);

test('what comments hold is no transaction', async () => {
  const rows = await fieldsOf(
    statement('<TRNAMT>-1').replace('<STMTTRN>', '<!-- <STMTTRN><TRNAMT>9</STMTTRN> --><STMTTRN>'),
  );
  expect(rows).toMatchObject([{ TRNAMT: '-1' }]);
});

test.each([
  ['within a transaction', (text: string) => text.slice(0, text.indexOf('<FITID>b'))],
  ['behind a transaction', (text: string) => text.slice(0, text.lastIndexOf('</STMTTRN>') + 10)],
  ['within its end', (text: string) => text.trim().slice(0, -1)],
])('a file that is cut %s is no file, rather than a shorter one', async (_, cut) => {
  const whole = statement('<TRNAMT>-1<FITID>a', '<TRNAMT>-2<FITID>b');
  expect(await fieldsOf(whole)).toHaveLength(2);
  await expect(fieldsOf(cut(whole))).rejects.toMatchObject({ code: 'IMPORT_FAULTY' });
});

const reading = { accountCurrency: 'EUR', isAmountInverted: false };
const faultsOf = async (text: string, options = reading) => {
  const faults = ofxFaultsOf(options);
  return (await fieldsOf(text)).map((fields) => faults(new Map(Object.entries(fields))).map(({ field }) => field));
};

test('an amount in another currency than the account’s is a fault; one that was converted is none', async () => {
  const text = statement(
    '<TRNAMT>-100<CURRENCY><CURRATE>1.1<CURSYM>USD</CURRENCY><FITID>a',
    '<TRNAMT>-100<CURRENCY><CURRATE>1<CURSYM>EUR</CURRENCY><FITID>b',
    '<TRNAMT>-91<ORIGCURRENCY><CURRATE>0.91<CURSYM>USD</ORIGCURRENCY><FITID>c',
  );
  expect(await faultsOf(text)).toEqual([['currency'], [], []]);
  expect(await faultsOf(text.replace('<CURDEF>EUR', '<CURDEF>GBP'))).toEqual([['currency'], [], ['currency']]);
});

test('a correction of an earlier transaction is a fault, not another transaction', async () => {
  const text = statement(
    '<TRNAMT>-1<FITID>a<CORRECTFITID>z<CORRECTACTION>DELETE',
    '<TRNAMT>-1<FITID>b<CORRECTFITID>z<CORRECTACTION>REPLACE',
    '<TRNAMT>-1<FITID>c',
  );
  expect(await faultsOf(text)).toEqual([['row'], ['row'], []]);
});

test('a type that contradicts the sign is a fault', async () => {
  const text = statement(
    '<TRNTYPE>DEBIT<TRNAMT>12.50',
    '<TRNTYPE>CREDIT<TRNAMT>-12.50',
    '<TRNTYPE>DEBIT<TRNAMT>-12.50',
    '<TRNTYPE>ATM<TRNAMT>20',
  );
  expect(await faultsOf(text)).toEqual([['amount'], ['amount'], [], []]);
  expect(await faultsOf(text, { ...reading, isAmountInverted: true })).toEqual([[], [], ['amount'], []]);
});

test('another account is one of another number, bank or type', async () => {
  const one = statement('<TRNAMT>-1').replace('</OFX>\n', '');
  const two = statement('<TRNAMT>-2').slice('OFXHEADER:100\n\n<OFX>'.length);
  expect(await faultsOf(one + two)).toEqual([[], []]);
  expect(await faultsOf(one + two.replace('CHECKING', 'SAVINGS'))).toEqual([[], ['account']]);
  expect(await faultsOf(one + two.replace('<ACCTTYPE>CHECKING', ''))).toEqual([[], ['account']]);
  expect(await faultsOf(one + two.replace('<ACCTID>42', '<ACCTID>43'))).toEqual([[], ['account']]);
});

test('of a transaction only what is read is kept, and one without end is refused', async () => {
  const many = Array.from({ length: 10_000 }, (_, index) => `<X${index}>1`).join('');
  const [row] = await fieldsOf(statement(`<TRNAMT>-1${many}`));
  const read = { BANKID: '1', ACCTID: '42', ACCTTYPE: 'CHECKING', CURDEF: 'EUR', DTPOSTED: '20260203', TRNAMT: '-1' };
  expect(row).toEqual(read);
  const long = statement(`<TRNAMT>-1<NAME>${'x'.repeat(40_000)}<MEMO>${'y'.repeat(40_000)}`);
  await expect(fieldsOf(long)).rejects.toMatchObject({
    code: 'IMPORT_FAULTY',
    message: expect.stringContaining('Line 3') as string,
  });
  const account = statement('<TRNAMT>-1').replace('<ACCTID>42', `<ACCTID>${'4'.repeat(2000)}`);
  await expect(fieldsOf(account)).rejects.toMatchObject({ code: 'IMPORT_FAULTY' });
});

test('a comma before three digits is no fraction unless the currency has thousandths', async () => {
  const text = statement('<TRNAMT>-1,234', '<TRNAMT>-1,50', '<TRNAMT>0,125', '<TRNAMT>1.234');
  expect(await faultsOf(text)).toEqual([['amount'], [], [], []]);
  expect(await faultsOf(text.replace('EUR', 'KWD'), { ...reading, accountCurrency: 'KWD' })).toEqual([[], [], [], []]);
});

test('trades and dividends of an investment account are faults, and the money that came beside them is read', async () => {
  const text = `OFXHEADER:100\n\n<OFX><INVSTMTRS><CURDEF>EUR<INVACCTFROM><BROKERID>b<ACCTID>9</INVACCTFROM><INVTRANLIST>
<BUYSTOCK><INVBUY><INVTRAN><FITID>B1<DTTRADE>20260115</INVTRAN><UNITS>10<UNITPRICE>5<TOTAL>-50.00</INVBUY></BUYSTOCK>
<INVBANKTRAN><STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260117<TRNAMT>1000.00<FITID>C1</STMTTRN></INVBANKTRAN>
<INCOME><INVTRAN><FITID>D1<DTTRADE>20260116</INVTRAN><TOTAL>3.00</INCOME></INVTRANLIST></INVSTMTRS></OFX>\n`;
  expect(await faultsOf(text)).toEqual([['row'], [], ['row']]);
  expect((await fieldsOf(text, 7))[1]).toMatchObject({ TRNAMT: '1000.00', FITID: 'C1' });
});

test('a file whose types say that money goes, and whose amounts stand above zero, is asked about', () => {
  const file = statement(
    '<TRNTYPE>PAYMENT<TRNAMT>12.34',
    '<TRNTYPE>POS<TRNAMT>22.34',
    '<TRNTYPE>POS<TRNAMT>-1.00',
    '<TRNTYPE>DEP<TRNAMT>99',
  );
  expect(ofxSignWarnings(file)).toEqual([expect.stringContaining('(PAYMENT, POS) have amounts above zero')]);
  expect(ofxSignWarnings(file.replace('>12', '>-12'))).toEqual([]);
  expect(ofxSignWarnings(statement('<TRNTYPE>DEP<TRNAMT>99'))).toEqual([]);
  const look = (given = {}) =>
    sniff(Buffer.from(file), { format: undefined, given, remembered: null, currency: 'EUR' }).warnings;
  expect(look()).toHaveLength(1);
  expect(look({ isAmountInverted: true })).toEqual([]);
});
