import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCsvRows } from './csv-rows.ts';
import { rowShapeOf } from './row-shape.ts';

async function* pieces(text: string, size: number): AsyncGenerator<string> {
  // A decoder never cuts a character in two.
  const characters = Array.from(text);
  for (let start = 0; start < characters.length; start += size) yield characters.slice(start, start + size).join('');
}

type Row = { line: number; cells: readonly string[]; fault: string | null };

async function rowsOf(text: string, size = 7): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const part of readCsvRows(pieces(text, size), ',')) rows.push(...part);
  return rows;
}

const cellText = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r\n', ' ', 'ä', '😀', ';'), maxLength: 8 });
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

test('CSV that is cut anywhere has the cells that were written', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(cellText, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 9 }),
      async (table, size) => {
        const text = table.map((row) => row.map(quoted).join(',')).join('\r\n');
        const rows = await rowsOf(text, size);
        expect(rows.map(({ cells }) => cells)).toEqual(table);
        expect(rows.every(({ fault }) => fault === null)).toBe(true);
      },
    ),
    { numRuns: 100 },
  );
});

test('mixed line ends end lines, empty lines are none, and every row has the number of the line that it begins on', async () => {
  const rows = await rowsOf('a,b\r\nc,d\ne,f\r\r\n\n"g\r\nh",i\nj,k');
  expect(rows.map(({ line, cells }) => [line, ...cells])).toEqual([
    [1, 'a', 'b'],
    [2, 'c', 'd'],
    [3, 'e', 'f'],
    [6, 'g\r\nh', 'i'],
    [8, 'j', 'k'],
  ]);
});

test('a quote within an unquoted cell, or behind a quoted one, is part of the text', async () => {
  expect((await rowsOf('5" nail,b\n"c"x,d\n"e"" ,f\n"g",h')).map(({ cells }) => cells)).toEqual([
    ['5" nail', 'b'],
    ['"c"x', 'd'],
    [],
    ['g', 'h'],
  ]);
});

test('a quote that is not closed costs its own line and takes none of the lines behind it', async () => {
  const rows = await rowsOf('2026-01-02,"unclosed,-5.00\n2026-01-03,x,-7.00\n2026-01-04,"ok",-8.00\n');
  expect(rows).toEqual([
    { line: 1, characters: 27, cells: [], fault: 'has a quote that is not closed' },
    { line: 2, characters: 19, cells: ['2026-01-03', 'x', '-7.00'], fault: null },
    { line: 3, characters: 22, cells: ['2026-01-04', 'ok', '-8.00'], fault: null },
  ]);
});

test('after a quote that is lost anywhere, no row is missing that nothing is said of, and none has another amount', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cellText, cellText, fc.boolean()), { minLength: 2, maxLength: 6 }),
      fc.boolean(),
      fc.nat(),
      async (texts, isAmountLast, where) => {
        const rows = texts.map(([payee, note, isQuoted], index) => {
          const date = `2026-01-0${index + 1}`;
          const amount = `-${index + 1}.50`;
          const write = (text: string) => (isQuoted || /[",\r\n]/.test(text) ? quoted(text) : text);
          const cells = isAmountLast ? [date, payee, note, amount] : [date, amount, payee, note];
          return cells.map(write).join(',');
        });
        const text = ['date,a,b,c', ...rows, ''].join('\n');
        const quotes = [...text.matchAll(/"/g)].map(({ index }) => index);
        const lost = quotes[where % Math.max(1, quotes.length)];
        const broken = lost === undefined ? text : text.slice(0, lost) + text.slice(lost + 1);
        const read = await rowsOf(broken, 1000).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'IMPORT_FAULTY' });
          return null;
        });
        if (!read) return;
        const shapeFault = rowShapeOf({
          header: ['date', 'a', 'b', 'c'],
          delimiter: ',',
          datePlace: 0,
          dateFormat: 'YYYY-MM-DD',
        });
        const good: string[] = [];
        let faults = 0;
        for (const { cells, fault } of read.slice(1)) {
          const figures = `${cells[0]} ${cells[isAmountLast ? 3 : 1]}`;
          if (fault === null && shapeFault(cells) === null && /^[\d-]{10} -?[\d.]+$/.test(figures)) good.push(figures);
          else faults += 1;
        }
        const written = texts.map((_, index) => `2026-01-0${index + 1} -${index + 1}.50`);
        expect(written).toEqual(expect.arrayContaining(good));
        if (faults === 0) expect(good).toEqual(written);
      },
    ),
    { numRuns: 1000 },
  );
});

test.each([
  ['a quote that is never closed', `a,b\n"c,d\ne,f\n`, 'Line 2'],
  ['a quote that is never closed, in a large file', `a,b\n"${'x,y\n'.repeat(50_000)}`, 'Line 2'],
  ['a row that is too large', `a,b\n${'x'.repeat(200_000)},1\nc,d\n`, 'Line 2'],
  ['a last row that is too large', `a,b\n${'ä'.repeat(40_000)},1`, 'Line 2'],
  ['a row of too many cells', `a,b\nc,d\n${'x,'.repeat(600)}\ne,f\n`, 'Line 3'],
])('%s ends the reading by its line, instead of losing what follows', async (_, text, line) => {
  const reading = rowsOf(text, 10_000);
  await expect(reading).rejects.toMatchObject({ code: 'IMPORT_FAULTY' });
  await expect(reading).rejects.toThrow(line);
});

const shape = (header: string[] | null) =>
  rowShapeOf({ header, delimiter: ',', datePlace: 0, dateFormat: 'YYYY-MM-DD' });

test('a cell too many or too few is a fault, wherever the empty ones stand', () => {
  const named = shape(['date', 'amount', 'payee', 'note']);
  expect(named(['2026-01-01', '12.00', 'x', ''])).toBeNull();
  // `12,50` without quotes, and no note: the amount would be 12.
  expect(named(['2026-01-01', '12', '50', 'x', ''])).toContain('has 5 cells');
  // Without its payee a balance would be where the amount is.
  expect(named(['2026-01-01', '12.00', '1000.00'])).toContain('has 3 cells');
  const trailing = shape(['date', 'amount']);
  expect(trailing(['2026-01-01', '1', ''])).toBeNull();
  expect(trailing(['2026-01-01', '1', '50', ''])).not.toBeNull();
  const shorter = shape(['date', 'amount', '']);
  expect(shorter(['2026-01-01', '1'])).toBeNull();
});

test('a cell that holds other rows is a fault; one of several lines is none', () => {
  const named = shape(['date', 'amount', 'payee']);
  expect(named(['2026-01-01', '-5.00', 'open\n2026-01-02,-7.00,x'])).toContain('other rows');
  expect(named(['2026-01-01', '-5.00', 'Shop, Street\n1, Town\non 2026-01-02'])).toBeNull();
});
