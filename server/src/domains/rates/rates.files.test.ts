import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AppError } from '../../kernel/errors.ts';
import { readCsvRates, readEcbRates } from './rates.files.ts';

const ecb = (days: string) => `<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<gesmes:subject>Reference rates</gesmes:subject><gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
<Cube>${days}</Cube></gesmes:Envelope>`;

const details = async (work: () => unknown) => {
  try {
    await work();
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.details.map(({ message }) => message);
  }
};

test('the XML of the ECB gives every rate of every day as it is written; currencies of old are counted and left out', async () => {
  const { rates, skipped } = await readEcbRates(
    ecb(`<Cube time="2006-12-29"><Cube currency="USD" rate="1.3170"/><Cube currency="SIT" rate="239.64"/></Cube>
      <Cube time='2006-12-28'><Cube currency='JPY' rate='156.11'/></Cube>`),
  );
  expect(rates).toEqual([
    { date: '2006-12-29', base: 'EUR', quote: 'USD', rate: '1.3170' },
    { date: '2006-12-28', base: 'EUR', quote: 'JPY', rate: '156.11' },
  ]);
  expect([...skipped]).toEqual([['SIT', 1]]);
});

test('a file with one bad rate is refused whole, naming the place', async () => {
  const bad = ecb(`<Cube time="2026-02-30"><Cube currency="USD" rate="1.3"/></Cube>
    <Cube time="2026-02-02"><Cube currency="USD" rate="1e3"/><Cube currency="JPY" rate="-1"/><Cube currency="GBP" rate="0"/></Cube>`);
  expect((await details(() => readEcbRates(bad))).slice(0, 4)).toEqual([
    '2026-02-30 USD: "2026-02-30" is no date',
    expect.stringContaining('2026-02-02 USD: the rate "1e3"'),
    expect.stringContaining('2026-02-02 JPY: the rate "-1"'),
    expect.stringContaining('2026-02-02 GBP: the rate "0"'),
  ]);
});

test.each([
  ['no XML', 'hello'],
  ['cut short', ecb('<Cube time="2026-02-02">').slice(0, 300)],
  ['of another kind', '<html><body>Not found</body></html>'],
  ['without days', ecb('')],
  [
    'with entities that grow',
    `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>${ecb('<Cube time="&b;"><Cube currency="USD" rate="&b;"/></Cube>').slice(38)}`,
  ],
])('XML that is %s is refused', async (_title, content) => {
  expect((await details(() => readEcbRates(content))).length).toBeGreaterThan(0);
});

test('a CSV with one rate a line is read whatever its delimiter and the order of its columns', async () => {
  const expected = [
    { date: '2026-02-02', base: 'EUR', quote: 'USD', rate: '1.25' },
    { date: '2026-02-03', base: 'USD', quote: 'JPY', rate: '150' },
  ];
  const commas = 'date,base,quote,rate\n2026-02-02,EUR,USD,1.25\n2026-02-03,USD,JPY,150\n';
  const semicolons = '\ufeffRate;Quote;Base;Date\r\n1.25;"USD";EUR;2026-02-02\r\n\r\n150;JPY;USD;2026-02-03';
  expect((await readCsvRates(commas, 'EUR')).rates).toEqual(expected);
  expect((await readCsvRates(semicolons, 'EUR')).rates).toEqual(expected);
});

test('the table of the ECB is read, where N/A is no rate', async () => {
  const { rates, skipped } = await readCsvRates('Date,USD,CYP,JPY,\n2006-12-29,1.317,0.5782,N/A,\n', 'EUR');
  expect(rates).toEqual([{ date: '2006-12-29', base: 'EUR', quote: 'USD', rate: '1.317' }]);
  expect([...skipped]).toEqual([['CYP', 1]]);
});

test('a CSV is refused whole, naming the lines', async () => {
  const content =
    'date,base,quote,rate\n2026-02-02,EUR,USD,1.25\n2026-02-02,EUR,XYZ,1\n02.02.2026,EUR,USD,1\n2026-02-02,EUR,EUR,1\n2026-02-02,EUR,USD,"1,25"\n';
  expect(await details(() => readCsvRates(content, 'EUR'))).toEqual([
    'line 3: "XYZ" is no currency',
    'line 4: "02.02.2026" is no date',
    'line 5: EUR to itself is no rate',
    expect.stringContaining('line 6: the rate "1,25"'),
  ]);
  expect(await details(() => readCsvRates('a,b\n1,2\n', 'EUR'))).toEqual([
    expect.stringContaining('line 1: must be a header'),
  ]);
  expect(await details(() => readCsvRates('date,base,quote,rate\n"2026', 'EUR'))).toHaveLength(1);
});

test('XML that is nested deeper than a file of rates ever is, is refused where it gets too deep', async () => {
  expect(await details(() => readEcbRates('<a>'.repeat(20_000)))).toEqual([
    'the file: is nested deeper than 16 levels',
  ]);
});

test('a header with more columns than there are currencies, or with one twice, is refused', async () => {
  const wide = `date${',USD'.repeat(200)}\n${'a\n'.repeat(1000)}`;
  expect(await details(() => readCsvRates(wide, 'EUR'))).toEqual(['line 1: has 201 columns; at most 200 are read']);
  expect(await details(() => readCsvRates('Date,USD,JPY,USD\n2026-02-02,1,2,3\n', 'EUR'))).toEqual([
    'line 1: has the column "USD" twice',
  ]);
  expect(await details(() => readCsvRates('date,base,quote,rate,Rate\n2026-02-02,EUR,USD,1,2\n', 'EUR'))).toEqual([
    'line 1: has the column "rate" twice',
  ]);
});

test('a line of a table without a date, or with more fields than the header, is refused; one with fewer has fewer rates', async () => {
  expect(await details(() => readCsvRates('Date,USD\n2026-02-02,1,25\nSource: ECB\n', 'EUR'))).toEqual([
    'line 2: has more fields than the header',
    'line 3: "Source: ECB" is no date',
  ]);
  const { rates } = await readCsvRates('Date,USD,JPY\n2026-02-02,1.25\n,,\n2026-02-01,1.5,,,\n', 'EUR');
  expect(rates.map(({ date, rate }) => `${date} ${rate}`)).toEqual(['2026-02-02 1.25', '2026-02-01 1.5']);
});

test('a decimal comma without quotes is no rate of what stands before it', async () => {
  const content = 'date,base,quote,rate\n2026-02-02,EUR,USD,1,25\n2026-02-02,EUR,GBP,0.85,\n';
  expect(await details(() => readCsvRates(content, 'EUR'))).toEqual(['line 2: has more fields than the header']);
});

test('a day and pair that stand twice have one rate, however it is written; two are refused', async () => {
  const twice = (rate: string) => `date,base,quote,rate\n2026-02-02,EUR,USD,1.25\n2026-02-02,EUR,USD,${rate}\n`;
  expect(await details(() => readCsvRates(twice('1.250'), 'EUR'))).toEqual([]);
  expect(await details(() => readCsvRates(twice('1.26'), 'EUR'))).toEqual([
    'line 3: the rate "1.26" of 2026-02-02 EUR USD stands before as "1.25"',
  ]);
  const day = (rate: string) => `<Cube time="2026-02-02"><Cube currency="USD" rate="${rate}"/></Cube>`;
  expect(await details(() => readEcbRates(ecb(day('1.25') + day('1.26'))))).toHaveLength(1);
});

test('nothing is read behind the fiftieth fault', async () => {
  const found = await details(() => readCsvRates(`date,USD${'\na'.repeat(1000)}\n"never closed`, 'EUR'));
  expect(found).toHaveLength(50);
  expect(found.at(-1)).toBe('line 51: "a" is no date');
});

test('a CSV of one line without an end is refused, and none of it is kept', async () => {
  const endless = `date,USD\n2026-02-02,"${'1'.repeat(200_000)}`;
  expect(await details(() => readCsvRates(endless, 'EUR'))).toEqual([
    expect.stringMatching(/^after line \d: .*maximum/),
  ]);
});

test('a text is no different where one part of it ends and the next begins', async () => {
  const line = '2026-02-02,EUR,USD,1.25,😀é\n';
  const { rates } = await readCsvRates(`date,base,quote,rate,note\n${line.repeat(3000)}`, 'EUR');
  expect(rates).toHaveLength(3000);
  expect(new Set(rates.map((rate) => JSON.stringify(rate)))).toEqual(
    new Set([JSON.stringify({ date: '2026-02-02', base: 'EUR', quote: 'USD', rate: '1.25' })]),
  );
});

test.each([
  ['CSV', (lines: number) => readCsvRates(`date,USD\n${'2026-02-02,1.25\n'.repeat(lines)}`, 'EUR')],
  [
    'XML',
    (lines: number) =>
      readEcbRates(ecb(`<Cube time="2026-02-02">${'<Cube currency="USD" rate="1"/>'.repeat(lines)}</Cube>`)),
  ],
])('others have their turn again and again while a long %s is read', async (_kind, read) => {
  let [turns, isOver] = [0, false];
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const { rates } = await read(20_000);
  isOver = true;
  expect(rates).toHaveLength(20_000);
  expect(turns).toBeGreaterThan(15);
});

test('any text at all is read or refused, never anything else', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.string().map(ecb),
        fc.string().map((text) => `Date,USD\n${text}`),
      ),
      async (text) => {
        expect((await details(() => readEcbRates(text))).length).toBeLessThanOrEqual(50);
        expect((await details(() => readCsvRates(text, 'EUR'))).length).toBeLessThanOrEqual(50);
      },
    ),
    { numRuns: 300 },
  );
});
