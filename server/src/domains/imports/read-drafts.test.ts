import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readDrafts, type Reading } from './read-drafts.ts';
import { sniff } from './parse/sniff.ts';

const book = {
  accounts: new Map(),
  currencies: new Map(),
  categories: () => [],
  openings: new Map(),
  usableIds: new Set<string>(),
  rules: { rules: [], checksPerSubject: 1 },
};

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'finverse-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

const reading = async (text: string): Promise<Reading> => {
  const bytes = Buffer.from(text);
  const path = join(folder, 'file');
  await writeFile(path, bytes);
  const { format, settings } = sniff(bytes, { format: undefined, given: {}, remembered: null, currency: null });
  const account = { accountId: 'acc', accountCurrency: 'EUR' };
  return { path, fileBytes: bytes.length, format, settings, ...account, source: 'bank', book };
};

const ofx = (rows: readonly string[]) => `OFXHEADER:100\n\n<OFX><BANKTRANLIST>${rows.join('\n')}</BANKTRANLIST></OFX>`;

test.each([
  ['CSV', `date,amount\n${'2026-01-02,1\n'.repeat(20_500)}`],
  ['OFX', ofx(Array.from({ length: 20_500 }, () => '<STMTTRN><DTPOSTED>20260102<TRNAMT>1'))],
])('short rows of %s come two thousand at a time, and others have their turn in between', async (_, text) => {
  const [sizes, turns]: [number[], number[]] = [[], []];
  let turn = 0;
  const next = () => {
    turn += 1;
    turning = setImmediate(next);
  };
  let turning = setImmediate(next);
  for await (const rows of readDrafts(await reading(text))) {
    sizes.push(rows.length);
    turns.push(turn);
  }
  clearImmediate(turning);
  expect(sizes).toEqual([...Array.from({ length: 10 }, () => 2000), 500]);
  const between = turns.slice(1, 10).map((count, index) => count - (turns[index] ?? 0));
  expect(Math.min(...between)).toBeGreaterThanOrEqual(3);
});

test('long rows come in batches of some megabytes', async () => {
  const row = `2026-01-02,1,${'x'.repeat(50_000)}\n`;
  const sizes: number[] = [];
  for await (const rows of readDrafts(await reading(`date,amount,other\n${row.repeat(500)}`))) sizes.push(rows.length);
  expect(Math.max(...sizes)).toBeLessThan(100);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(500);
});

test('a file that is shorter than it was is no file, rather than one of fewer rows', async () => {
  const whole = await reading('date,amount\n2026-01-02,1\n2026-01-03,2\n');
  const read = async () => {
    for await (const rows of readDrafts({ ...whole, fileBytes: whole.fileBytes + 13 })) expect(rows).toEqual([]);
  };
  await expect(read()).rejects.toMatchObject({ code: 'IMPORT_FAULTY' });
});
