import type { ImportSettingsInput } from '@finverse/shared';
import { expect, test, vi } from 'vitest';
import { currencyOfName } from './column-names.ts';
import { NO_COLUMNS, placeColumns } from './columns.ts';
import { detectDateFormat, parseDate } from './dates.ts';
import { lessonOf, type Remembered } from './remembered.ts';
import { sniff } from './sniff.ts';

const look = (text: string, given = {}) =>
  sniff(Buffer.from(text), { format: undefined, given, remembered: null, currency: null });
const columnsOf = (text: string) => look(text).settings.columns;

test.each([
  [
    'ING NL',
    'Datum;Naam / Omschrijving;Af Bij;Bedrag (EUR)',
    '20260102;Shop;Af;12,50',
    '20260103;Acme;Bij;2000,00',
    'Af Bij',
  ],
  [
    'Mint',
    'Date,Description,Amount,Transaction Type',
    '1/02/2026,Shop,12.50,debit',
    '1/03/2026,Acme,2000,credit',
    'Transaction Type',
  ],
  ['S/H', 'Buchungstag;Umsatz;S/H', '02.01.2026;12,50;S', '03.01.2026;2.000,00;H', 'S/H'],
  ['Wise', 'Date,Amount,Direction', '2026-01-02,12.50,OUT', '2026-01-03,2000,IN', 'Direction'],
  ['Spanish', 'Fecha,Importe,Cargo/Abono', '2026-01-02,12.50,Cargo', '2026-01-03,2000,Abono', 'Cargo/Abono'],
])('%s says by a column of its own what goes and what comes', (_, header, one, other, kind) => {
  const { settings, warnings } = look(`${[header, one, other].join('\n')}\n`);
  expect(settings.columns).toMatchObject({ kind, debit: null, credit: null });
  expect(settings.columns.amount).not.toBeNull();
  expect(warnings.filter((warning) => warning.includes('All or nearly all'))).toEqual([]);
});

test('a date far ahead is told, whichever number is taken for the year', () => {
  const at = (dates: readonly string[], given = {}) => {
    const file = `Date,Payee,Amount\n${dates.map((date) => `${date},Shop,-1`).join('\n')}\n`;
    const options = { format: undefined, given, remembered: null, currency: null, latestOn: '2027-11-26' };
    return sniff(Buffer.from(file), options).warnings.filter((warning) => warning.includes('far ahead'));
  };
  expect(at(['30/01/68', '31/01/68'])).toEqual([expect.stringContaining('“30/01/68” is read as 2068-01-30')]);
  expect(at(['2027-11-26', '2026-01-01'])).toEqual([]);
  expect(at(['2027-11-27'])).toHaveLength(1);
  expect(at(['25/12/31'], { dateFormat: 'YY/MM/DD' })).toEqual([]);
  expect(look('Date,Amount\n2068-01-01,-1\n').warnings.join()).not.toContain('far ahead');
});

test('a column that is called like a kind and says more is none, and amounts of one sign are told', () => {
  const file = 'Date,Type,Amount\n2026-01-02,CARD_PAYMENT,12.50\n2026-01-03,debit,2.25\n';
  const { settings, warnings } = look(file);
  expect(settings.columns.kind).toBeNull();
  expect(warnings.join()).toContain('above zero and become income');
  expect(look(file, { isAmountInverted: true }).warnings).toEqual([]);
  expect(look(file.replaceAll(/(\d\.\d)/g, '-$1')).warnings.join()).toContain('below zero and become expenses');
  const mixed = 'Date,Amount\n2026-01-02,-12.50\n2026-01-03,2.25\n';
  expect(look(mixed).warnings).toEqual([]);
});

test('of an unsigned amount and columns for each direction those are taken that say which way', () => {
  const rows = '2026-01-02,12.50,12.50,\n2026-01-03,2000,,2000\n';
  const columns = columnsOf(`Date,Amount,Debit,Credit\n${rows}`);
  expect(columns).toMatchObject({ amount: null, debit: 'Debit', credit: 'Credit' });
  const signed = columnsOf(`Date,Amount,Debit,Credit\n${rows.replace('12.50', '-12.50')}`);
  expect(signed).toMatchObject({ amount: 'Amount', debit: null, credit: null });
  const given = look(`Date,Amount,Debit,Credit\n${rows}`, { columns: { amount: 'Amount' } });
  expect(given.settings.columns).toMatchObject({ amount: 'Amount', debit: null, credit: null });
});

test('without a header the amount is what has signs or fractions, and the guess is told', () => {
  const { settings, warnings } = look(
    '2026-01-02,1001,-12.50,Shop Street,1000.00\n2026-01-03,1002,20.00,Acme Works,1020.00\n',
  );
  expect(settings).toMatchObject({ hasHeader: false, columns: { date: '#1', amount: '#3', description: '#4' } });
  expect(warnings.join()).toContain('no header');
});

test('what stands before the table is skipped, never a transaction without a word, and rows at fault count', () => {
  const rows = '2026-01-02,-5,x\n2026-01-03,7,y\n2026-01-04,-7,y\n';
  expect(look(`Account,42\nDate,Amount,Payee\n${rows}`)).toMatchObject({ settings: { skipRows: 1 }, warnings: [] });
  expect(look(`"open\nit "x" is\nDate,Amount,Payee\n${rows}`).settings.skipRows).toBe(2);
  const { settings, warnings } = look(`2026-01-01,-9,Shop, Street\n${rows}`);
  expect(settings.skipRows).toBe(1);
  expect(warnings.join()).toContain('looks like a transaction');
  const trailing = look(`Date,Amount,Payee\n${rows.replaceAll('\n', ',\n')}`).settings;
  expect(trailing).toMatchObject({ skipRows: 0, hasHeader: true, columns: { amount: 'Amount' } });
});

test('what is the same for several transactions is no id', () => {
  const rows = 'x1,2026-01-02,-5\nx1,2026-01-03,-7\n';
  expect(columnsOf(`Reference number,Date,Amount\n${rows}`).externalId).toBeNull();
  expect(columnsOf(`Transaction ID,Date,Amount\n${rows}`).externalId).toBeNull();
  expect(columnsOf(`Transaction ID,Date,Amount\n${rows.replace('x1', 'x0')}`).externalId).toBe('Transaction ID');
});

test('a bank’s signs, strokes and endings in the names of its columns hide none of them', () => {
  const dkb = [
    '"Girokonto";"DE00"',
    '""',
    '"Buchungsdatum";"Wertstellung";"Status";"Zahlungspflichtige*r";"Zahlungsempfänger*in";"Verwendungszweck";"Umsatztyp";"IBAN";"Betrag (€)"',
    '"02.01.26";"02.01.26";"Gebucht";"Ada Beispiel";"Bäckerei";"Brot";"Ausgang";"DE11";"-3,20"',
    '"31.12.25";"31.12.25";"Gebucht";"Acme";"Ada Beispiel";"Gehalt";"Eingang";"DE22";"1.250,00"',
  ].join('\n');
  const { settings, warnings } = look(`${dkb}\n`);
  expect(warnings).toEqual([expect.stringContaining('names stand in “Zahlungspflichtige*r”')]);
  expect(settings).toMatchObject({
    skipRows: 2,
    dateFormat: 'DD.MM.YY',
    decimalSeparator: ',',
    columns: {
      date: 'Buchungsdatum',
      amount: 'Betrag (€)',
      payee: 'Zahlungsempfänger*in',
      description: 'Verwendungszweck',
    },
  });
  const spaced = columnsOf('Buchungstag;Auftraggeber / Empfänger;Betrag\n02.01.2026;Shop;-12,50\n');
  expect(spaced.payee).toBe('Auftraggeber / Empfänger');
  for (const payee of ['Empfaenger', 'ZAHLUNGSEMPFAENGER', 'Auftraggeber/Empfaenger'])
    expect(columnsOf(`Buchungstag;${payee};Betrag\n02.01.2026;Shop;-12,50\n`).payee).toBe(payee);
  expect(columnsOf('Date,Amount ($),Name / Omschrijving\n2026-01-02,-5,x\n')).toMatchObject({ amount: 'Amount ($)' });
  expect(currencyOfName('Betrag (€)')).toBe('EUR');
  expect(currencyOfName('Amount ($)')).toBeNull();
});

test.each([
  ['Umsatz in EUR', 'EUR', { amount: 'Umsatz in EUR' }],
  ['Amount (CHF)', 'CHF', { amount: 'Amount (CHF)' }],
  ['amount (usd)', 'USD', { amount: 'amount (usd)' }],
  ['Importe EUR', 'EUR', { amount: 'Importe EUR' }],
  ['Débit euros', 'EUR', { debit: 'Débit euros' }],
  ['Crédit (euros)', 'EUR', { credit: 'Crédit (euros)' }],
  ['Amount (all)', null, { amount: null }],
  ['Money out', null, { debit: 'Money out' }],
])('a column %j is known with the currency in its name, %s', (name, currency, columns) => {
  expect(currencyOfName(name)).toBe(currency);
  expect(columnsOf(`Date,${name}\n2026-01-02,5\n`)).toMatchObject(columns);
});

test('of a gross amount, its fee and what is left the last one moves the balance', () => {
  const file = 'Date,Name,Gross,Fee,Net\n2026-01-02,Ada,10.00,-0.50,9.50\n2026-01-03,Shop,-5.00,0.00,-5.00\n';
  expect(look(file)).toMatchObject({ settings: { columns: { amount: 'Net' } }, warnings: [] });
  expect(columnsOf(file.replace('Net', 'Rest')).amount).toBe('Gross');
});

/** An ING statement: fourteen lines before its header, four of them empty. */
const ingOf = (rows: string) =>
  [
    'Umsatzanzeige;Datei erstellt am: 01.02.2026 10:00',
    '',
    'IBAN;DE00 0000',
    'Kontoname;Girokonto',
    'Bank;ING',
    'Kunde;Ada Beispiel',
    'Zeitraum;01.01.2026 - 31.01.2026',
    'Saldo;1.000,00;EUR',
    '',
    'Sortierung;Datum absteigend',
    '',
    'In der CSV-Datei finden Sie alle bereits gebuchten Umsätze.',
    'Die vorgemerkten Umsätze werden nicht aufgenommen.',
    '',
    'Buchung;Wertstellungsdatum;Auftraggeber/Empfänger;Buchungstext;Verwendungszweck;Saldo;Währung;Betrag;Währung',
    rows,
  ].join('\n');
const ingRow = (day: string, amount: string) =>
  `${day}.01.2026;${day}.01.2026;Shop;Lastschrift;Brot, Käse;1.000,00;EUR;${amount};EUR\n`;

test.each([0, 1, 2, 4, 25])('a table of %i rows is found behind more lines of another width', (count) => {
  const rows = Array.from({ length: count }, (_, index) => ingRow(String(index + 1).padStart(2, '0'), '-12,50'));
  const { settings } = look(ingOf(rows.join('')));
  expect(settings).toMatchObject({
    delimiter: ';',
    skipRows: 14,
    hasHeader: true,
    columns: { date: 'Buchung', amount: 'Betrag', payee: 'Auftraggeber/Empfänger' },
  });
});

test('decimal commas are no delimiter, even where every row has one and rows end with another', () => {
  const row = '"15.01.2026";"15.01.2026";"Lastschrift";"Text, mehr Text";"-12,50";\n';
  const head = '"Buchungstag";"Wertstellung (Valuta)";"Vorgang";"Buchungstext";"Umsatz in EUR";\n';
  const file = `;\n"Umsätze Girokonto";"Zeitraum: 30 Tage";\n"Neuer Kontostand";"1.247,06 EUR";\n\n${head}${row.repeat(25)}\n"Alter Kontostand";"247,06 EUR"\n`;
  expect(look(file)).toMatchObject({
    settings: { delimiter: ';', skipRows: 4, columns: { date: 'Buchungstag', amount: 'Umsatz in EUR' } },
  });
  const unnamed = look(file.replace('Umsatz in EUR', 'Wieviel')).settings;
  expect(unnamed).toMatchObject({ delimiter: ';', skipRows: 4, hasHeader: true });
});

test('lines that a spreadsheet has made as wide as the table are skipped, whatever its columns are called', () => {
  const file = (header: string) =>
    `Bank X,,,\nAccount,123456,,\n,,,\n${header}\n${'2026-01-02,Shop,x,-5.00\n'.repeat(60)}`;
  expect(look(file('Date,Payee,Memo,Amount')).settings).toMatchObject({ skipRows: 3, columns: { amount: 'Amount' } });
  expect(look(file('Day,Whom,Why,Sum')).settings).toMatchObject({ skipRows: 3, hasHeader: true });
});

test('a skipped line that looks like a transaction is told by its number, whoever said how many to skip', () => {
  const file = ingOf(ingRow('01', '1.000,00') + ingRow('02', '-12,50') + ingRow('03', '-3,00'));
  expect(look(file, { skipRows: 14 })).toMatchObject({ settings: { columns: { amount: 'Betrag' } }, warnings: [] });
  expect(look(file, { skipRows: 17 }).warnings.join()).toContain('Line 16 is skipped and looks like a transaction');
  const header = look(file, { skipRows: 15, hasHeader: true });
  expect(header.warnings.join()).toContain('taken for the header looks like a transaction');
});

test('text that may be the payee or the description and is not read is told, until somebody has said so', () => {
  const rows = '2026-01-02,-5,Bread,Baker,42,Bread\n2026-01-03,7,Pay,Acme,43,Pay\n';
  const file = `Date,Amount,Memo,Whom,Ref,Category\n${rows}`;
  expect(look(file).warnings).toEqual([expect.stringMatching(/taken for the payee, .* in “Whom”\./)]);
  expect(look(file, { columns: { payee: 'Whom' } }).warnings).toEqual([]);
  expect(look(file, { columns: { payee: null } }).warnings).toEqual([]);
  expect(lookAgain(file, learned(file)).warnings).toEqual([]);
  expect(look('Date,Amount\n2026-01-02,-5\n2026-01-03,7\n').warnings).toEqual([]);
  const many = ['Date', 'Amount', ...Array.from({ length: 9 }, (_, index) => `Text ${index}`)].join(',');
  const words = Array(9).fill('some').join(',');
  const [warning = ''] = look(`${many}\n2026-01-02,-5,${words}\n2026-01-03,5,${words}\n`).warnings;
  expect(warning).toContain('the payee or the description');
  expect(warning).toContain('“Text 4”, …');
});

test('fees and states that are not read are told', () => {
  const { warnings } = look(
    'Date,Amount,Fee,State\n2026-01-02,-5,0.10,COMPLETED\n2026-01-03,7,0.00,REVERTED\n2026-01-03,7,0.00,COMPLETED\n',
  );
  expect(warnings).toMatchObject([expect.stringContaining('“Fee”'), expect.stringContaining('“State”')]);
});

test('of two columns with one name each has its place; the name alone is that of neither', () => {
  const file = 'Date,Amount,Amount\n2026-01-02,-5,3\n';
  expect(columnsOf(file).amount).toBe('#2');
  const asked = { ...NO_COLUMNS, amount: 'Amount' };
  expect(placeColumns(asked, ['Date', 'Amount', 'Amount'], 3)).toEqual({ places: {}, missing: ['amount'] });
});

test.each([
  [['26/02/03', '26/02/28', '26/03/14', '26/04/30'], 'YY/MM/DD', false],
  [['03.02.26', '28.02.26', '14.03.26', '30.04.26'], 'DD.MM.YY', false],
  [['26/02/03'], 'DD/MM/YY', true],
  [['02.01.26', '31.12.25'], 'DD.MM.YY', false],
  [['03.02.26', '05.02.26', '11.02.26'], 'DD.MM.YY', false],
  [['26.02.03', '26.02.05', '26.02.11'], 'YY.MM.DD', false],
  [['03.02.26', '03.02.26'], 'DD.MM.YY', true],
  [['03.01.26', '03.02.26'], 'DD.MM.YY', true],
  [['01/02/26', '02/02/26', '12/02/26'], 'DD/MM/YY', true],
  [['03/02/26', '04/05/26', '12/11/26', '09/08/26'], 'DD/MM/YY', true],
  [['03/02/2026', '04/05/2026'], 'DD/MM/YYYY', true],
] as const)('dates %j are %s, ambiguous: %s', (texts, format, isAmbiguous) => {
  expect(detectDateFormat(texts)).toEqual({ format, isAmbiguous, isTold: !isAmbiguous });
});

test('of a file of many thousand columns, or of many cells, a bounded part is looked at', () => {
  const trim = vi.spyOn(String.prototype, 'trim');
  const files = ['1x,'.repeat(60_000), `${'1x,'.repeat(499)}\n`.repeat(170), '1,x\n'.repeat(60_000)];
  const trims = files.map((file) => {
    trim.mockClear();
    look(file);
    return trim.mock.calls.length;
  });
  trim.mockRestore();
  // Each look at a cell trims it; without one of the bounds the second file has 138,000 and more.
  expect(Math.max(...trims)).toBeLessThan(100_000);
});

test('no empty line is read as a row, and a file is cut once by each delimiter', () => {
  const split = vi.spyOn(String.prototype, 'split');
  const splits = (file: string) => {
    split.mockClear();
    look(file);
    return split.mock.calls.filter(([by]) => (by as unknown) === ',' || (by as unknown) === ';').length;
  };
  expect(splits('\n'.repeat(50_000))).toBe(0);
  expect(splits('\r\n'.repeat(50_000))).toBe(0);
  const rows = '2026-01-02,-5,x\n'.repeat(100);
  expect(splits(`Date,Amount,Payee\n\n\n${rows}`)).toBe(2 * 101);
  split.mockRestore();
});

/** What a source is remembered by once a file has been imported with these settings. */
const learned = (text: string, given: ImportSettingsInput = {}): Remembered => lessonOf(look(text, given), null);
const lookAgain = (text: string, remembered: Remembered, given: ImportSettingsInput = {}) =>
  sniff(Buffer.from(text), { format: undefined, given, remembered, currency: null });

test('what a person said of delimiter, first row and header is right for the next file, where it fits', () => {
  const rows = (month: string) => `2026-0${month}-02,-5,x;y;z\n2026-0${month}-03,7,y;z;x\n`;
  const given = { delimiter: ',', skipRows: 0, hasHeader: true } as const;
  const header = '2026,Amount,Who;What;Why\n';
  const remembered = learned(`${header}${rows('1')}`, { ...given, columns: { date: '#1', amount: 'Amount' } });
  expect(look(`${header}${rows('2')}`).settings).not.toMatchObject(given);
  expect(lookAgain(`${header}${rows('2')}`, remembered).settings).toMatchObject(given);
  const before = lookAgain(`Account,42\nDate,Amount,Payee\n${rows('2')}`, remembered).settings;
  expect(before).toMatchObject({ skipRows: 1, hasHeader: true });
});

test('no row is skipped because another file had something else before its table', () => {
  const rows = '2026-01-02,-5,x\n2026-01-03,7,y\n';
  const remembered = learned(`Account,42\n${rows}`);
  expect(remembered.skipRows).toBe(1);
  expect(lookAgain(rows, remembered).settings.skipRows).toBe(0);
});

test('places that are remembered are of a table of the same columns, and hold what they held', () => {
  const remembered = learned('02.01.2026;Shop;-5,00\n03.01.2026;Acme;7,00\n', {
    columns: { date: '#1', payee: '#2', amount: '#3' },
  });
  const same = lookAgain('02.02.2026;Shop;-5,00\n03.02.2026;Acme;7,00\n', remembered).settings;
  expect(same.columns).toMatchObject({ date: '#1', payee: '#2', amount: '#3' });
  const wider = lookAgain('02.02.2026;1001;Shop;-5,00\n03.02.2026;1002;Acme;7,00\n', remembered);
  expect(wider.settings.columns).toMatchObject({ date: '#1', amount: '#4' });
  expect(wider.warnings.join()).toContain('no header');
  const turned = lookAgain('Shop;-5,00;02.02.2026\nAcme;7,00;03.02.2026\n', remembered).settings;
  expect(turned.columns).toMatchObject({ date: '#3', amount: '#2' });
});

test('what nothing in a file tells is no lesson of it', () => {
  expect(learned('Date,Amount\n2026-01-02,500\n')).not.toHaveProperty('decimalSeparator');
  expect(learned('Date,Amount\n2026-01-02,500.50\n')).toHaveProperty('decimalSeparator', '.');
  expect(learned('Date,Amount\nsoon,500.50\n')).not.toHaveProperty('dateFormat');
  const columns = { amount: 'Amount' };
  expect(learned('Date,Amount\n2026-01-02,5\n').columns).not.toHaveProperty('debit');
  expect(learned('Date,Amount\n2026-01-02,5\n', { columns }).columns).toMatchObject({ debit: null, credit: null });
});

test('a column of directions is none where a cell says something else or none says anything, not where one is empty', () => {
  const kindOf = (...cells: string[]) =>
    columnsOf(`Date,Amount,Direction\n${cells.map((cell) => `2026-01-02,12.50,${cell}\n`).join('')}`).kind;
  expect(kindOf()).toBe('Direction');
  expect(kindOf('OUT', '', 'IN')).toBe('Direction');
  expect(kindOf('', '')).toBeNull();
  expect(kindOf('OUT', 'CARD')).toBeNull();
  const signed = (...rows: string[]) => columnsOf(`Date,Amount,Direction\n2026-01-02,${rows.join('\n2026-01-02,')}\n`);
  expect(signed('-12.50,OUT', '3,IN', '-2,').kind).toBeNull();
  expect(signed('-12.50,OUT', '3,IN', '-2,OUT').kind).toBe('Direction');
  // Here the signs say something else than the words, so only the words can be meant.
  expect(signed('12.50,OUT', '-3,OUT', '2,').kind).toBe('Direction');
  expect(columnsOf('Date,Debit,Credit,Direction\n2026-01-02,12.50,,OUT\n2026-01-03,,5,\n')).toMatchObject({
    kind: null,
  });
  expect(look('Date,Amount\n').warnings).toEqual([]);
});

test('a column of words that a source taught is not read where signs say as much and a word is missing, unless a person named it', () => {
  const file = (...rows: string[]) => `Date,Amount,Type\n2026-01-02,${rows.join('\n2026-01-02,')}\n`;
  const full = file('-14.50,Debit', '3.00,Credit');
  const gap = file('-14.50,Debit', '-3.00,');
  const kindOf = (text: string, remembered: Remembered) => lookAgain(text, remembered).settings.columns.kind;
  const remembered = learned(full);
  expect(remembered.columns.kind).toBe('Type');
  expect(kindOf(gap, remembered)).toBeNull();
  // The file after it teaches the column anew.
  expect(kindOf(full, lessonOf(lookAgain(gap, remembered), remembered))).toBe('Type');
  expect(kindOf(full, remembered)).toBe('Type');
  expect(kindOf(file('14.50,Debit', '3.00,'), remembered)).toBe('Type');
  expect(kindOf(file('-14.50,Credit', '-3.00,'), remembered)).toBe('Type');

  const named = learned(full, { columns: { kind: 'Type' } });
  expect(kindOf(gap, named)).toBe('Type');
  expect(kindOf(gap, lessonOf(lookAgain(full, named), named))).toBe('Type');

  // As before it was kept whether somebody did.
  const { isKindGiven: _unknown, ...older } = remembered;
  expect(kindOf(gap, older)).toBe('Type');
  expect(kindOf(gap, lessonOf(lookAgain(full, older), older))).toBe('Type');

  const card = learned(file('14.50,Debit', '-3.00,Credit'), { isAmountInverted: true });
  expect(kindOf(file('14.50,Debit', '-3.00,'), card)).toBeNull();
  expect(kindOf(gap, card)).toBe('Type');
});

test('the first transaction of a file is no header, and no line before one, because the file before had them', () => {
  const columns = { date: '#1', payee: '#2', amount: '#3' };
  const rows = '02.02.2026;Shop;-5,00\n03.02.2026;Acme;7,00\n';
  for (const preamble of ['', 'Account;42\n']) {
    const remembered = learned(`${preamble}Foo;Bar;Baz\n02.01.2026;Shop;-5,00\n03.01.2026;Acme;7,00\n`, { columns });
    expect(remembered).toMatchObject({ hasHeader: true, skipRows: preamble === '' ? 0 : 1 });
    for (const file of [rows, '02.02.2026;Shop;-5,00\n'])
      expect(lookAgain(file, remembered).settings).toMatchObject({ hasHeader: false, skipRows: 0, columns });
    const named = lookAgain(`Foo;Bar;Baz\n${rows}`, remembered).settings;
    expect(named).toMatchObject({ hasHeader: true, skipRows: 0 });
  }
});

test('of what a source taught, that goes which its next file contradicts; where nothing is left, it is told', () => {
  const card = learned('Date,Amount,Payee\n2026-01-13,12.50,Shop\n2026-01-14,-2.00,Back\n', { isAmountInverted: true });
  const otherDates = lookAgain('Date,Amount,Payee\n13/02/2026,12.50,Shop\n14/02/2026,2.00,Shop\n', card);
  expect(otherDates).toMatchObject({ settings: { isAmountInverted: true, dateFormat: 'DD/MM/YYYY' }, warnings: [] });
  const noSign = lookAgain('Date,Amount,Payee,Direction\n2026-02-13,12.50,Shop,OUT\n', card);
  expect(noSign.settings).toMatchObject({ isAmountInverted: false, columns: { kind: 'Direction', amount: 'Amount' } });
  const file = 'Date,Amount,Payee,Direction\n2026-02-13,12.50,Shop,OUT\n2026-02-14,-2.00,Back,IN\n';
  expect(lookAgain(file, card).settings).toMatchObject({ isAmountInverted: true, columns: { kind: 'Direction' } });
  const split = lookAgain('Date,Debit,Credit,Payee\n2026-02-13,12.50,,Shop\n2026-02-14,,2.00,Back\n', card);
  expect(split.settings.columns).toMatchObject({ amount: null, debit: 'Debit', credit: 'Credit' });
  const unlike = 'Day,Sum,Payee\n2026-02-13,12.50,Shop\n2026-02-14,-2.00,Back\n';
  expect(lookAgain(unlike, card)).toMatchObject({
    settings: { isAmountInverted: false },
    warnings: [expect.any(String), expect.any(String), expect.stringContaining('last file')],
  });
  const given = { columns: { date: 'Day', amount: 'Sum' }, isAmountInverted: true };
  expect(lookAgain(unlike, card, given).warnings).toEqual([]);
});

test('a column of directions that comes beside other columns leaves those that their owner named', () => {
  const remembered = learned('Date,Sum,Text\n2026-01-13,-12.50,Shop\n2026-01-14,2.00,Back\n', {
    isAmountInverted: true,
    columns: { date: 'Date', amount: 'Sum', payee: 'Text' },
    unknownCategory: 'none',
  });
  const file = 'Date,Sum,Amount,Text,Direction\n2026-02-13,12.50,1.00,Shop,OUT\n2026-02-14,2.00,1.00,Back,IN\n';
  expect(lookAgain(file, remembered).settings).toMatchObject({
    unknownCategory: 'none',
    columns: { amount: 'Sum', kind: 'Direction', payee: 'Text', debit: null, credit: null },
  });
});

test.each([
  ['more lines of one width before it', '"Giro";"DE12"\n""\n"From";"01.01.2025"\n"Balance";"1.758,39 €"\n""\n'],
  [
    'lines without a delimiter before it',
    ['Statement of January', 'Max Muster', 'Account 12', 'as of today', ''].join('\n'),
  ],
])('the table of a short statement is found with %s', (_, before) => {
  const table = 'Datum;Empfänger;Zweck;Betrag (€)\n31.01.25;Edeka;Einkauf;-45,67\n02.01.25;Max;Lohn;2.500\n';
  const { settings } = look(before + table);
  expect(settings).toMatchObject({
    delimiter: ';',
    hasHeader: true,
    dateFormat: 'DD.MM.YY',
    decimalSeparator: ',',
    columns: { date: 'Datum', amount: 'Betrag (€)', payee: 'Empfänger' },
  });
  expect(look(before + table, { skipRows: 0 }).settings.columns.amount).toBeNull();
});

test('of columns with one name that hold different things it is told which is read', () => {
  const file = 'Date,Amount,Amount\n2026-01-02,-5.00,-5.50\n2026-01-03,7.25,7.25\n';
  const said = 'Several columns are called “Amount” and hold different things; the first of them is read as the amount';
  expect(look(file).warnings.join()).toContain(said);
  expect(look(file, { columns: { amount: '#3' } }).warnings).toEqual([]);
  expect(look(file.replace('-5.50', '-5.00')).warnings).toEqual([]);
});

test('on an account of credit amounts that mostly are above zero are told', () => {
  const file = Buffer.from('Date,Amount\n2026-01-31,23.10\n2026-01-15,-500\n2026-01-05,120\n');
  const warningsOn = (isOfCredit: boolean, given = {}) =>
    sniff(file, { format: undefined, given, remembered: null, currency: null, isOfCredit }).warnings;
  expect(warningsOn(true)).toEqual([expect.stringContaining('on an account of credit')]);
  expect(warningsOn(true, { isAmountInverted: true })).toEqual([]);
  expect(warningsOn(false)).toEqual([]);
});

test('a year of two digits behind a month in letters is read', () => {
  const { settings } = look('Date,Amount\n02-Jan-25,-5\n13-Feb-25,7\n');
  expect(settings.dateFormat).toBe('DD MMM YYYY');
  expect(parseDate('02-Jan-25', 'DD MMM YYYY')).toBe('2025-01-02');
  expect(parseDate('Jan 2, 25', 'MMM DD, YYYY')).toBe('2025-01-02');
  expect(parseDate('25 Jan 10:15', 'DD MMM YYYY')).toBeNull();
});

test('a code behind a name is the currency of its column, and no part of the name', () => {
  const swiss = look('Datum;Gutschrift in CHF;Lastschrift in CHF\n02.01.2025;;-5.00\n31.01.2025;7.25;\n');
  expect(swiss.settings.columns).toMatchObject({ debit: 'Lastschrift in CHF', credit: 'Gutschrift in CHF' });
  expect(columnsOf('Datum;Betrag EUR\n02.01.2025;-5,00\n').amount).toBe('Betrag EUR');
  expect(['Amount in USD', 'Betrag EUR', 'AMOUNT in GBP'].map(currencyOfName)).toEqual(['USD', 'EUR', 'GBP']);
  expect(['AMOUNT ALL', 'Amount XYZ', 'Amount', 'EUR'].map(currencyOfName)).toEqual([null, null, null, null]);
});

test('a source whose lines before the table were counted without empty ones, as they once were, skips no other rows', () => {
  const file = ingOf(ingRow('01', '1.000,00') + ingRow('02', '-12,50'));
  const remembered = { ...learned(file, { isAmountInverted: true }), skipRows: 10 };
  expect(lookAgain(file, remembered)).toMatchObject({
    settings: { skipRows: 14, isAmountInverted: true },
    warnings: [],
  });
  const columns = { date: '#1', payee: '#2', amount: '#3' };
  const plain = 'Account;42\n\n\nX;Y\n02.01.2026;Shop;-5,00\n03.01.2026;Acme;7,00\n';
  const older = { ...learned(plain, { columns }), skipRows: 2 };
  expect(lookAgain(plain, older).settings).toMatchObject({ skipRows: 4, hasHeader: false, columns });
});

test('three digits behind the only mark of all amounts are no cents, unless a row’s currency may have three', () => {
  const euros = (text: string) =>
    sniff(Buffer.from(text), { format: 'csv', given: {}, remembered: null, currency: 'EUR' });
  const rows = '13.04.2026;a;1.234\n14.04.2026;b;-2.500\n';
  const read = euros(`Datum;Name;Betrag\n${rows}`);
  expect(read).toMatchObject({ settings: { decimalSeparator: ',' }, warnings: [], openFields: ['decimalSeparator'] });
  const mixed = euros(`Datum;Name;Betrag\n15.04.2026;b;500\n${rows}`).warnings;
  expect(mixed).toEqual([expect.stringContaining('Amounts such as 1.234 may be read in two ways')]);
  const dinars = euros(`Datum;Name;Betrag;Währung\n${rows.replaceAll('\n', ';KWD\n')}`);
  expect(dinars.warnings.join()).toContain('two ways');
});

test.each(['', 'hello world', 'Datum;Was\n01.02.2026;Brot\n'])('what is missing in %j is told at once', (text) => {
  const { warnings } = look(text);
  expect(warnings.join()).toContain('Which column is the amount is not known');
  expect(warnings.join()).not.toContain('text is not read');
  expect(warnings.some((warning) => warning.includes('is the date'))).toBe(!text.startsWith('Datum'));
});

test('a word that says no way does not make the others unheard where signs contradict them', () => {
  const rows = '2026-01-13,50.00,Debit\n2026-01-14,1000.00,Credit\n2026-01-15,-2.00,Adjustment\n2026-01-16,9,Debit\n';
  const file = `Date,Amount,Type\n${rows}`;
  expect(look(file)).toMatchObject({ settings: { columns: { kind: 'Type' } }, warnings: [] });
  const signed = look(file.replaceAll(/(\d+(\.00)?),Debit/g, '-$1,Debit'));
  expect(signed).toMatchObject({ settings: { columns: { kind: null } }, warnings: [] });
  const other = file.replace('Type', 'Movement');
  expect(look(other).settings.columns.kind).toBeNull();
  expect(look(other).warnings.join()).toContain('“Movement” says which way money goes');
  expect(look(other, { columns: { kind: null } }).warnings.join()).not.toContain('which way');
});

test('a file of several accounts is told by the column that names them, not by one of other people’s', () => {
  const file = 'Account,Date,Amount\nNL01,2026-01-02,-5\nNL01,2026-01-03,7\nNL02,2026-01-04,9\n';
  expect(look(file).warnings).toEqual([expect.stringContaining('several accounts, such as “NL01” and “NL02”')]);
  expect(look(file.replace('NL02', 'NL01')).warnings).toEqual([]);
  expect(look(file.replace('NL02', '').replace('NL01', '')).warnings).toEqual([]);
  expect(look(file.replace('Account', 'IBAN')).warnings).toEqual([]);
});

test('a payee beside whom another party stands, or that is mostly empty, is asked about', () => {
  const dkb = 'Datum;Zahlungspflichtige*r;Zahlungsempfänger*in;Betrag\n';
  const rows = '02.01.2026;Max Muster;Bäcker;-5\n13.01.2026;Firma;Max Muster;2000\n';
  expect(look(dkb + rows).warnings.join()).toContain(
    '“Zahlungsempfänger*in” alone, and names stand in “Zahlungspflichtige*r”',
  );
  expect(look(dkb + rows, { columns: { payee: 'Zahlungsempfänger*in' } }).warnings.join()).not.toContain('alone');
  const empty =
    'Date,Merchant,Description,Whom,Amount\n2026-01-02,,Card,Shop,-5\n2026-01-03,,Pay,Firm,7\n2026-01-04,Bar,x,,-1\n';
  expect(look(empty).warnings).toEqual([expect.stringMatching(/mostly empty one, is taken for the payee, .*“Whom”/)]);
});

test('rows that are not booked yet are told whatever their column is called', () => {
  const file = 'Buchungstag;Betrag;Info\n13.01.26;-5,00;Umsatz vorgemerkt\n12.01.26;7,00;Umsatz gebucht\n';
  expect(look(file).warnings.join()).toContain('“Info” is not read: rows that are pending');
  expect(look(file.replace('vorgemerkt', 'gebucht')).warnings.join()).not.toContain('pending');
});

test('a Valuta that holds dates is no currency', () => {
  const file = (valuta: string) =>
    `Datum;Text;Betrag;Valuta\n13.01.2026;a;-5,00;${valuta}\n14.01.2026;b;7,00;${valuta}\n`;
  expect(columnsOf(file('14.01.2026')).currency).toBeNull();
  expect(columnsOf(file('SEK')).currency).toBe('Valuta');
});

/** Bytes of a single-byte encoding: each character by the place that the encoding has for it. */
const encoded = (text: string, encoding: string) => {
  const places = new Map(
    Array.from({ length: 256 }, (_, byte) => [new TextDecoder(encoding).decode(Uint8Array.of(byte)), byte] as const),
  );
  return Buffer.from(Array.from(text, (character) => places.get(character) ?? 63));
};

test.each([
  ['windows-1250', 'PLN', 'Żabka Łódź kartą'],
  ['iso-8859-2', 'PLN', 'Żabka Łódź kartą'],
  ['windows-1250', 'CZK', 'Řízkárna Šťastný'],
  ['windows-1251', 'RUB', 'Пятёрочка'],
  ['windows-1254', 'TRY', 'Şişli ağaç'],
])('letters of %s are read by the currency of the account, %s, and asked about: %s', (encoding, currency, payee) => {
  const file = encoded(`Date;Payee;Amount\n2026-01-13;${payee};-5\n2026-01-14;x;7\n`, encoding);
  const seen = sniff(file, { format: undefined, given: {}, remembered: null, currency });
  expect(seen.settings.encoding).toBe(encoding);
  expect(seen.warnings).toEqual([expect.stringContaining(`as in “${payee.split(' ')[0]}”`)]);
  const given = { encoding };
  expect(sniff(file, { format: undefined, given, remembered: null, currency }).warnings).toEqual([]);
});

test.each([
  ['windows-1252', 'Müller Bäcker, Café à Orléans, São João, Øster Æble, 5 € l’été', false],
  ['windows-1250', 'Žilina', true],
  ['windows-1250', 'zażółć', true],
  ['windows-1253', 'Μισθός', true],
  ['windows-1254', 'ağaç', true],
  ['ibm866', 'Пятёрочка', true],
])('letters of %s in an account in euros, %j, are doubted: %s', (encoding, payee, isDoubted) => {
  const file = encoded(`Date;Payee;Amount\n2026-01-13;${payee};-5\n2026-01-14;x;7\n`, encoding);
  const { settings, warnings } = sniff(file, { format: undefined, given: {}, remembered: null, currency: 'EUR' });
  expect(settings.encoding).toBe('windows-1252');
  expect(warnings).toEqual(isDoubted ? [expect.stringContaining('read as windows-1252')] : []);
});

test.each([
  ['a balance before and behind, overdrawn', ['1000,00;1011,50;-', '1011,50;-11,50;', '11,50;-31,50;-'], null],
  ['one of money that comes, newest first', ['12,34;;-987,66', '500,00;;-1000,00', '20,00;;-1500,00'], '#3'],
])('without a header a running balance is no amount: %s', (_, rows, amount) => {
  const texts = ['-1000,00;-1011,50;-11,50', '-1011,50;-11,50;1000,00', '-11,50;-31,50;-20,00'];
  const file = (amount === null ? texts : rows).map((row, index) => `0${index + 1}.01.2026;Shop;${row}`).join('\n');
  expect(columnsOf(`${file}\n`)).toMatchObject({ amount: amount ?? '#5', debit: null, credit: null });
});

test('without a header the balance tells which of two columns has what goes', () => {
  const file = '01/31/2026,SHOP,12.34,,987.66\n01/30/2026,ACME,,1000.00,1000.00\n01/29/2026,RENT,50.00,,0.00\n';
  const { settings, warnings } = look(file);
  expect(settings.columns).toMatchObject({ date: '#1', amount: null, debit: '#3', credit: '#4', description: '#2' });
  expect(warnings.join()).toContain('no header');
  const zeros = file.replaceAll(',,', ',0.00,');
  expect(columnsOf(zeros)).toMatchObject({ amount: null, debit: '#3', credit: '#4' });
});

test.each([
  ['Date,Narration,Withdrawal Amt.,Deposit Amt.,Closing Balance', '31/01/25,a,5.00,,9.00', 'Withdrawal Amt.'],
  [
    'Transaction Date,Transaction Remarks,Withdrawal Amount(INR),Deposit Amount(INR)',
    '31/01/2025,a,5.00,0.00',
    'Withdrawal Amount(INR)',
  ],
  ['Date,Payee,Memo,Outflow,Inflow', '31/01/2025,a,b,5.00,0.00', 'Outflow'],
  ['日付,摘要内容,支払い金額,預かり金額,差引残高', '2025/1/31,a,500,,900', '支払い金額'],
])('columns of another bank for each direction are known: %s', (header, row, debit) => {
  const { columns } = look(`${header}\n${row}\n`).settings;
  expect(columns).toMatchObject({ debit, credit: header.split(',')[header.split(',').indexOf(debit) + 1] });
  expect(columns.date).not.toBeNull();
});

test('Chinese words say which way money goes, and what neither comes nor goes is a fault of its row', () => {
  const file =
    '交易时间,交易对方,收/支,金额\n2025-01-31 10:00:00,a,支出,12.34\n2025-01-30 10:00:00,b,收入,9.00\n2025-01-29 10:00:00,c,不计收支,0.50\n';
  expect(columnsOf(file)).toMatchObject({ date: '交易时间', payee: '交易对方', kind: '收/支', amount: '金额' });
});
