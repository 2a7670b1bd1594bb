import { importDateFormats } from '@finverse/shared';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { detectDateFormat, parseDate } from './dates.ts';
import { decodeStream, detectEncoding } from './encoding.ts';
import { AmountError, detectDecimalSeparator, parseAmount } from './numbers.ts';
import { ofxEncoding, readOfxRows } from './ofx-rows.ts';

async function* pieces(text: string, size: number): AsyncGenerator<string> {
  // A decoder never cuts a character in two.
  const characters = Array.from(text);
  for (let start = 0; start < characters.length; start += size) yield characters.slice(start, start + size).join('');
}

test('an encoding is told by its mark, its zeros, its validity, and otherwise taken for Western', () => {
  const text = 'Datum;Betrag;Empfänger\n01.02.2026;1,00;Müller & Söhne GmbH Straße\n'.repeat(5);
  const western = Buffer.from(text, 'latin1');
  expect(detectEncoding(Buffer.from(`\ufeff${text}`))).toBe('utf-8');
  expect(detectEncoding(Buffer.from(text))).toBe('utf-8');
  expect(detectEncoding(Buffer.from(text, 'utf16le'))).toBe('utf-16le');
  expect(detectEncoding(Buffer.from(text, 'utf16le').swap16())).toBe('utf-16be');
  expect(detectEncoding(western)).toBe('windows-1252');
});

test('bytes that are not of the encoding are refused, never replaced', async () => {
  const read = async (encoding: string, bytes: number[]) => {
    let text = '';
    for await (const part of decodeStream(
      (async function* () {
        for (const byte of bytes) yield Uint8Array.of(byte);
      })(),
      encoding,
    ))
      text += part;
    return text;
  };
  expect(await read('windows-1252', [0x80, 0xe4])).toBe('€ä');
  expect(await read('utf-8', [0xef, 0xbb, 0xbf, 0x61, 0xe2, 0x82, 0xac])).toBe('a€');
  await expect(read('utf-8', [0x61, 0xe4, 0x62])).rejects.toMatchObject({ code: 'IMPORT_FAULTY' });
});

test.each([
  ['1234.56', '.', '1234.56'],
  ['1,234.56', '.', '1234.56'],
  ['-1,234.56', '.', '-1234.56'],
  ['1.234,56', ',', '1234.56'],
  ['1 234,56 €', ',', '1234.56'],
  ['1\u00a0234\u00a0567,8', ',', '1234567.8'],
  ['1\u2009234.5', '.', '1234.5'],
  ["1'234.50", '.', '1234.5'],
  ['1’234.50', '.', '1234.5'],
  ['(12.00)', '.', '-12'],
  ['(€12.00)', '.', '-12'],
  ['-€12.00', '.', '-12'],
  ['€ -12.00', '.', '-12'],
  ['12.00-', '.', '-12'],
  ['12.00- EUR', '.', '-12'],
  ['+5', '.', '5'],
  ['\u2212 7,5', ',', '-7.5'],
  ['EUR 3.10', '.', '3.1'],
  ['3.10eur', '.', '3.1'],
  ['12.00 CR', '.', '12'],
  ['12.00Dr', '.', '-12'],
  ['12,34,567.00', '.', '1234567'],
  ['.5', '.', '0.5'],
  ['007', '.', '7'],
  ['1.00000000000', '.', '1'],
] as const)('%s with %s is %s', (text, separator, expected) => {
  const units = BigInt(Math.round(Number(expected) * 100)) * 1_000_000n;
  expect(parseAmount(text, separator, { currency: 'EUR' })).toBe(units);
});

test.each([
  '',
  '-',
  'NaN',
  '1e5',
  '0x10',
  '1.2.3',
  '12,50',
  '1,2',
  '--5',
  '99999999999',
  '0.123456789',
  'Infinity',
  '1 2 x',
  // Not grouped by threes, or by two marks.
  '12 50',
  '1 23',
  "12'50",
  "1,234'567",
  '0,123',
  '012,345',
  // Another currency, or a word.
  'USD 12.00',
  '$20.00',
  '500 JPY',
  '12.00 Deb',
  '12,345.67 Dbt',
  '12.00 kr',
  '5 EURO',
  'EUR',
  // Signs that contradict, and a dash that stands for no cents.
  '-12.00 CR',
  '(-12.00)',
  '-12.00-',
  '12.-',
  '12.–',
  `1${' '.repeat(60_000)}x`,
])('%j is no amount in euros', (text) => {
  expect(() => parseAmount(text, '.', { currency: 'EUR' })).toThrow(AmountError);
});

test('a sign of several currencies is that of the account', () => {
  expect(parseAmount('$1,000', '.', { currency: 'USD' })).toBe(100_000_000_000n);
  expect(parseAmount('$1,000', '.', { currency: 'CAD' })).toBe(100_000_000_000n);
  expect(parseAmount('1.000,00 kr.', ',', { currency: 'DKK' })).toBe(100_000_000_000n);
  for (const text of ['$1', 'CHF 1', '1']) {
    const read = () => parseAmount(text, '.', { currency: null });
    if (text === '1') expect(read()).toBe(100_000_000n);
    else expect(read).toThrow('nothing may stand beside it');
  }
  expect(() => parseAmount('US$1', '.', { currency: 'CAD' })).toThrow(AmountError);
});

test('the fraction is told by what stands last, by its length and by a lone zero', () => {
  const read = (...texts: string[]) => detectDecimalSeparator(texts, null);
  expect(read('1.234,56')).toEqual({ separator: ',', isTold: true, isAmbiguous: false, example: null });
  expect(read('0,123')).toEqual({ separator: ',', isTold: true, isAmbiguous: false, example: null });
  const open = { separator: '.', isTold: false, isAmbiguous: true };
  expect(read('Rs. 500', 'Rs. 1,234')).toEqual({ ...open, example: 'Rs. 1,234' });
});

test.each([
  [['1.234', '-2.500'], ',', false],
  [['1,234', '-2,500'], '.', false],
  [['1.234', '-500'], '.', true],
  [['1.234', '2,500'], '.', true],
  [['1.234', '2.50'], '.', false],
  // A bank that pads its fractions writes so.
  [['-12.340', '259.000'], '.', true],
  [['-12,340', '259,000'], ',', true],
  [['-12.340', '1000.000'], '.', false],
])(
  'where a currency has two digits after the point, %j are read with %s, ambiguous: %s',
  (texts, separator, isAmbiguous) => {
    expect(detectDecimalSeparator(texts, 2)).toMatchObject({ separator, isAmbiguous });
    if (texts.every((text) => /^-?\d{1,3}[.,]\d{3}$/.test(text)))
      expect(detectDecimalSeparator(texts, 3)).toMatchObject({ isTold: false, isAmbiguous: true });
  },
);

test.each([
  ['31 janv. 2025', '2025-01-31'],
  ['3 févr. 2025', '2025-02-03'],
  ['5 mai 2025', '2025-05-05'],
  ['7 août 2025', '2025-08-07'],
  ['7-aou-25', '2025-08-07'],
  ['12 juil. 2025', '2025-07-12'],
  ['1 ene 2025', '2025-01-01'],
  ['9. Dez. 2025', '2025-12-09'],
  ['9 März 2025', '2025-03-09'],
  ['2 mrt 2025', '2025-03-02'],
  ['2 Sept 2025', '2025-09-02'],
  // June or July, and months of other languages that begin like another of these.
  ['12 jui 2025', null],
  ['3 marraskuu 2025', null],
  ['3 listopad 2025', null],
  ['3 lip 2025', null],
])('a month in letters is read where it can be no other: %s', (text, date) => {
  expect(parseDate(text, 'DD MMM YYYY')).toBe(date);
});

test('in a currency without a fraction a mark before three digits groups thousands, beside amounts without one too', () => {
  expect(detectDecimalSeparator(['1.000', '-500'], 0)).toMatchObject({ separator: ',', isAmbiguous: false });
  expect(detectDecimalSeparator(['1,000', '-500'], 0)).toMatchObject({ separator: '.', isAmbiguous: false });
  expect(detectDecimalSeparator(['1.000', '2,500'], 0)).toMatchObject({ isAmbiguous: true });
});

test('every date of every format is read back, and no date is made up', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date('1970-01-01'), max: new Date('2069-12-31'), noInvalidDate: true }),
      fc.constantFrom(...importDateFormats),
      (day, format) => {
        const iso = day.toISOString().slice(0, 10);
        const [year = '', month = '', date = ''] = iso.split('-');
        const names = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
        const text = format
          .replace('YYYY', year)
          .replace('YY', year.slice(2))
          .replace('MMM', names[Number(month) - 1] ?? '')
          .replace('MM', month)
          .replace('DD', date);
        expect(parseDate(text, format)).toBe(iso);
      },
    ),
  );
  for (const text of ['2026-02-30', '2026-13-01', '2026-00-10', '1899-01-01', '2026-1', 'x'])
    expect(parseDate(text, 'YYYY-MM-DD')).toBeNull();
  expect(detectDateFormat(['13/02/2026', '01/02/2026'])).toEqual({
    format: 'DD/MM/YYYY',
    isTold: true,
    isAmbiguous: false,
  });
  expect(detectDateFormat(['02/13/2026', '01/02/2026'])).toEqual({
    format: 'MM/DD/YYYY',
    isTold: true,
    isAmbiguous: false,
  });
  expect(detectDateFormat(['01/02/2026']).isAmbiguous).toBe(true);
});

const SGML = `OFXHEADER:100
DATA:OFXSGML
ENCODING:USASCII
CHARSET:1252

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR
<BANKACCTFROM><BANKID>1<ACCTID>42</BANKACCTFROM>
<BANKTRANLIST>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260203120000[-5:EST]<TRNAMT>-12.50<FITID>a1<NAME>Caf&eacute; &amp; Co<MEMO>Coffee
</STMTTRN>
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260204<TRNAMT>100<FITID>a2<BANKACCTTO><ACCTID>77</BANKACCTTO><NAME>Acme
</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>`;
const XML = `<?xml version="1.0" encoding="UTF-8"?><?OFX OFXHEADER="200"?>
<OFX><CREDITCARDMSGSRSV1><CCSTMTTRNRS><CCSTMTRS><CURDEF>EUR</CURDEF><CCACCTFROM><ACCTID>42</ACCTID></CCACCTFROM>
<BANKTRANLIST><STMTTRN><TRNTYPE>DEBIT</TRNTYPE><DTPOSTED>20260203</DTPOSTED><TRNAMT>-12,50</TRNAMT><FITID>a1</FITID><NAME><![CDATA[A <b> & c]]></NAME><MEMO/></STMTTRN></BANKTRANLIST>
</CCSTMTRS></CCSTMTTRNRS></CREDITCARDMSGSRSV1></OFX>`;

test('OFX of both kinds gives the same fields, wherever it is cut', async () => {
  for (const size of [1, 3, 10_000]) {
    const rows = [];
    for await (const part of readOfxRows(pieces(SGML, size))) rows.push(...part);
    expect(rows.map(({ fields }) => Object.fromEntries(fields))).toMatchObject([
      { ACCTID: '42', CURDEF: 'EUR', TRNAMT: '-12.50', FITID: 'a1', NAME: 'Caf&eacute; & Co', MEMO: 'Coffee' },
      { ACCTID: '42', TRNAMT: '100', FITID: 'a2', NAME: 'Acme' },
    ]);
    expect(rows.map(({ line }) => line)).toEqual([9, 11]);
    const xml = [];
    for await (const part of readOfxRows(pieces(XML, size))) xml.push(...part);
    expect(xml.map(({ fields }) => Object.fromEntries(fields))).toMatchObject([
      { ACCTID: '42', TRNAMT: '-12,50', NAME: 'A <b> & c' },
    ]);
  }
  expect(ofxEncoding(SGML)).toBe('windows-1252');
  expect(ofxEncoding(XML)).toBe('utf-8');
});

test('an OFX file whose tag or text does not end is refused, in flat memory', async () => {
  const read = async () => {
    for await (const rows of readOfxRows(pieces(`<OFX><STMTTRN><NAME>${'x'.repeat(300_000)}`, 10_000)))
      expect(rows).toEqual([]);
  };
  await expect(read()).rejects.toMatchObject({ code: 'IMPORT_FAULTY' });
});
