import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { currencyCodes } from '@finverse/shared';
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { startTestServer } from '../../http/test-server.ts';
import { systemClock } from '../../kernel/clock.ts';
import { ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import { loadRateBook } from './rates.repository.ts';
import { findConversion, toRateBook } from './rates.rules.ts';

const TODAY = '2026-03-10';
const clock = { ...systemClock, now: () => Date.parse(`${TODAY}T10:00:00Z`) };

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  let userId: string;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database, clock);
    userId = await ledger.person();
  });

  const set = (pair: string, date: string, rate: string, owner: { userId: string } | 'all' = { userId }) =>
    ledger.rates.set(ledger.commit, owner, { base: pair.slice(0, 3), quote: pair.slice(4), date, rate });
  const convert = (from: string, to: string, amount = '1.00000000', who = userId) =>
    ledger.rates.convert(who, { from, to, amount, maxAgeDays: 7 });
  const account = (name: string, currency: string, openingBalance: string, openedOn = '2026-01-05') =>
    ledger.accounts.create(ledger.commit, userId, {
      name,
      type: 'wallet',
      currency,
      creditLimit: null,
      openingBalance,
      openedOn,
      icon: null,
      color: null,
      note: '',
      isHidden: false,
    });

  test('a rate that is entered again for its day is replaced, keeps its id, and is there once', async () => {
    const first = await set('EUR/USD', '2026-03-09', '1.08');
    const second = await set('EUR/USD', '2026-03-09', '1.09');
    expect(second).toMatchObject({ id: first.id, rate: '1.09', scope: 'own', source: 'manual' });
    expect((await ledger.rates.list(userId, { limit: 10 })).items).toEqual([second]);
  });

  test('nobody sees or deletes the rates of another; those for all serve everybody', async () => {
    const stranger = await ledger.person();
    const own = await set('EUR/USD', '2026-03-09', '1.5');
    const all = await set('EUR/USD', '2026-03-10', '2', 'all');
    expect(await convert('EUR', 'USD', '1.00000000', stranger)).toMatchObject({ converted: '2.00000000' });
    expect((await ledger.rates.list(stranger, { limit: 10 })).items.map(({ id }) => id)).toEqual([all.id]);
    expect((await ledger.rates.list(userId, { limit: 10, scope: 'own' })).items.map(({ id }) => id)).toEqual([own.id]);
    const remove = (owner: { userId: string } | 'all', id: string) => ledger.rates.remove(ledger.commit, owner, id);
    await expect(remove({ userId: stranger }, own.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(remove({ userId }, all.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await remove({ userId }, own.id);
    await remove('all', all.id);
    await expect(convert('EUR', 'USD')).rejects.toMatchObject({ code: 'RATE_MISSING' });
  });

  test('a conversion over a base names both rates and their dates', async () => {
    await set('EUR/USD', '2026-03-09', '1.25', 'all');
    await set('EUR/GBP', '2026-03-06', '0.8', 'all');
    expect(await convert('USD', 'GBP', '10.00000000')).toMatchObject({
      kind: 'cross',
      converted: '6.40000000',
      date: TODAY,
      rates: [
        { base: 'EUR', quote: 'USD', date: '2026-03-09', isInverse: true, scope: 'all' },
        { base: 'EUR', quote: 'GBP', date: '2026-03-06', isInverse: false },
      ],
    });
  });

  test('an import replaces what is there, keeps every digit, and a refused one writes nothing', async () => {
    await set('EUR/USD', '2026-03-09', '9');
    const content = 'date,base,quote,rate\n2026-03-09,EUR,USD,1.123456789012\n2026-03-10,EUR,USD,1.5\n';
    const run = (text: string) =>
      ledger.rates.import(ledger.commit, { userId }, { format: 'csv', base: 'EUR', content: text });
    await expect(run(`${content}2026-03-11,EUR,USD,oops\n`)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    expect((await ledger.rates.list(userId, { limit: 10 })).items).toMatchObject([{ rate: '9' }]);
    expect(await run(content)).toEqual({ imported: 2, from: '2026-03-09', to: '2026-03-10', skipped: [] });
    const { items } = await ledger.rates.list(userId, { limit: 10 });
    expect(items.map(({ date, rate, source }) => [date, rate, source])).toEqual([
      ['2026-03-10', '1.5', 'csv'],
      ['2026-03-09', '1.123456789012', 'csv'],
    ]);
  });

  test('the list pages through own rates and those for all, each once, newest date first', async () => {
    for (let day = 1; day <= 9; day += 1) {
      await set('EUR/USD', `2026-02-0${day}`, '1', day % 2 === 0 ? 'all' : { userId });
      await set('EUR/JPY', `2026-02-0${day}`, '160');
    }
    const seen: string[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await ledger.rates.list(userId, { limit: 4, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.items.map(({ date, id }) => `${date} ${id}`));
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    expect(seen).toHaveLength(18);
    expect(seen).toEqual([...new Set(seen)].toSorted().toReversed());
  });

  test('the summary in a currency adds up what has a rate, names the rates, and leaves the rest out by name', async () => {
    await account('Cash', 'EUR', '100');
    await account('Dollars', 'USD', '-25');
    await account('Yen', 'JPY', '16000');
    await set('EUR/USD', '2026-03-09', '1.25');
    await set('EUR/JPY', '2026-03-01', '160');
    const { totals, converted } = await ledger.accounts.summary(userId, { currency: 'EUR' });
    expect(totals).toHaveLength(3);
    expect(converted).toMatchObject({
      currency: 'EUR',
      date: TODAY,
      assets: '100.00000000',
      liabilities: '20.00000000',
      netWorth: '80.00000000',
      leftOut: ['JPY'],
      conversions: [{ from: 'USD', kind: 'inverse', rates: [{ date: '2026-03-09', rate: '1.25' }] }],
    });
  });

  test('net worth in a currency goes by the rates of each month’s last day, and of today in the one that runs', async () => {
    await account('Dollars', 'USD', '10');
    await set('USD/EUR', '2026-01-30', '0.8');
    await set('USD/EUR', '2026-03-10', '0.9');
    await set('USD/EUR', '2026-03-31', '7');
    const { points } = await ledger.accounts.netWorth(userId, { from: '2026-01', to: '2026-03', currency: 'EUR' });
    expect(points.map(({ converted }) => [converted.date, converted.netWorth, converted.leftOut])).toEqual([
      ['2026-01-31', '8.00000000', []],
      ['2026-02-28', '0.00000000', ['USD']],
      ['2026-03-10', '9.00000000', []],
    ]);
    expect(points.map(({ converted }) => converted.conversions)).toMatchObject([
      [{ from: 'USD', to: 'EUR', rate: '0.800000000000', rates: [{ date: '2026-01-30', rate: '0.8' }] }],
      [],
      [{ from: 'USD', to: 'EUR', rate: '0.900000000000', rates: [{ date: '2026-03-10', rate: '0.9' }] }],
    ]);
  });

  test('rates of the first of each month reach its end where they may be as old, and no further', async () => {
    await account('Dollars', 'USD', '10');
    await set('USD/EUR', '2026-01-01', '0.8');
    await set('USD/EUR', '2026-02-01', '0.9');
    const months = { from: '2026-01', to: '2026-02', currency: 'EUR' };
    const left = async (maxAgeDays?: number) =>
      (await ledger.accounts.netWorth(userId, { ...months, maxAgeDays })).points.map(
        ({ converted }) => converted.leftOut,
      );
    expect(await left()).toEqual([['USD'], ['USD']]);
    expect(await left(29)).toEqual([['USD'], []]);
    expect(await left(30)).toEqual([[], []]);
    const summary = (maxAgeDays: number) => ledger.accounts.summary(userId, { currency: 'EUR', maxAgeDays });
    expect((await summary(36)).converted.leftOut).toEqual(['USD']);
    expect((await summary(37)).converted).toMatchObject({ netWorth: '9.00000000', leftOut: [] });
  });

  test('where no currency is named, totals and amounts are converted to the base currency of the profile', async () => {
    await account('Dollars', 'USD', '10');
    await set('USD/CHF', TODAY, '0.9');
    const currencies = async () => {
      const { points } = await ledger.accounts.netWorth(userId, { from: '2026-03', to: '2026-03' });
      const amount = { amount: '10.00000000', from: 'USD', maxAgeDays: 7 };
      const [{ converted }, one] = [await ledger.accounts.summary(userId), await ledger.rates.convert(userId, amount)];
      const totals = [converted, ...points.map((point) => point.converted)];
      return [...totals.map(({ currency, netWorth }) => `${netWorth} ${currency}`), `${one.converted} ${one.to}`];
    };
    expect(await currencies()).toEqual(Array.from({ length: 3 }, () => '10.00000000 USD'));
    await database.em().execute('update users set base_currency = ? where id = ?', ['CHF', userId], 'run');
    expect(await currencies()).toEqual(Array.from({ length: 3 }, () => '9.00000000 CHF'));
  });

  test('of a day the newest rates of each pair are read, one’s own and those for all, and find what all rates find', async () => {
    const codes = ['EUR', 'USD', 'GBP', 'CHF', 'JPY'];
    const dates = ['2026-02-20', '2026-03-01', '2026-03-02', '2026-03-03', '2026-03-08'];
    const pairs = codes.flatMap((base) => codes.filter((quote) => quote !== base).map((quote) => ({ base, quote })));
    const day = fc.record({
      pair: fc.constantFrom(...pairs),
      date: fc.constantFrom(...dates),
      rate: fc.integer({ min: 1, max: 99 }).map(String),
      isOwn: fc.boolean(),
    });
    const stranger = await ledger.person();
    await set('EUR/USD', '2026-03-03', '1000', { userId: stranger });
    await fc.assert(
      fc.asyncProperty(fc.array(day, { maxLength: 12 }), fc.constantFrom(...dates), async (days, date) => {
        await database.em().execute('delete from exchange_rates where scope <> ?', [stranger], 'run');
        for (const { pair, date: on, rate, isOwn } of days)
          await set(`${pair.base}/${pair.quote}`, on, rate, isOwn ? { userId } : 'all');
        const listed = (await ledger.rates.list(userId, { limit: 200 })).items;
        const all = toRateBook(listed.map(({ id: _id, updatedAt: _at, ...rate }) => rate));
        for (const to of codes) {
          const book = await loadRateBook(database.em(), database.dialect, { userId, from: codes, to, date });
          for (const from of codes) {
            const way = { from, to, date, maxAgeDays: 7 };
            expect(findConversion(book, way)).toEqual(findConversion(all, way));
          }
          for (const [pair, rates] of book.pairs) {
            expect(rates.length, pair).toBe(new Set(rates.map(({ scope }) => scope)).size);
          }
        }
      }),
      { numRuns: databases.driver === 'sqlite' ? 40 : 10 },
    );
  });

  test('net worth looks once for the pairs that there are, and in no month for others', async () => {
    const codes = [...currencyCodes].filter((code) => code !== 'EUR');
    const [odd, thirds] = [codes.slice(0, 16), codes.slice(16)];
    for (const code of odd) await account(code, code, '1', '2024-01-05');
    for (const code of thirds) await set(`EUR/${code}`, '2025-06-30', '2', 'all');
    const months = { from: '2024-01', to: '2025-12', currency: 'EUR' };
    const statementsOf = async () => {
      const statements: string[] = [];
      const onQuery = (sql: string) => (statements.push(sql), sql);
      database.orm.config.set('onQuery', onQuery);
      const { points } = await ledger.accounts.netWorth(userId, months);
      database.orm.config.set('onQuery', (sql: string) => sql);
      return { points, reads: statements.filter((sql) => sql.includes('exchange_rates')) };
    };
    const none = await statementsOf();
    expect(none.points.map(({ converted }) => converted?.leftOut)).toEqual(Array.from({ length: 24 }, () => odd));
    expect(none.reads).toHaveLength(1);

    const [first = '', second = ''] = odd;
    await set(`${first}/${thirds[0]}`, '2025-06-30', '4');
    await set(`${second}/${first}`, '2025-06-30', '4');
    const some = await statementsOf();
    expect(some.points[17]?.converted).toMatchObject({ netWorth: '2.00000000', leftOut: odd.slice(1) });
    // Only in that month the third currency has a rate to the target, so that the other half of the way is looked for.
    expect(some.reads).toHaveLength(1 + 24 + 1);
  });

  test('of a person one net worth or summary in a currency runs at a time, and few wait; nobody else waits for them', async () => {
    const other = await ledger.person();
    await account('Dollars', 'USD', '10');
    const netWorth = (who = userId) =>
      ledger.accounts.netWorth(who, { from: '2026-01', to: '2026-03', currency: 'EUR' });
    const asked = await Promise.allSettled([
      ...Array.from({ length: 4 }, () => netWorth()),
      ...Array.from({ length: 4 }, () => ledger.accounts.summary(userId, { currency: 'EUR' })),
      netWorth(other),
    ]);
    const refused = asked.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
    expect(refused).toHaveLength(3);
    for (const reason of refused) expect(reason).toMatchObject({ code: 'RATE_LIMITED' });
    expect(asked.at(-1)).toMatchObject({ status: 'fulfilled' });
    expect((await ledger.accounts.summary(userId, { currency: 'EUR' })).converted?.leftOut).toEqual(['USD']);
  });

  test('net worth lets others have their turn in every month, and names too many totals', async () => {
    await account('Dollars', 'USD', '10', '1990-01-01');
    await account('Euros', 'EUR', '10', '1990-01-01');
    let turns = 0;
    const turn = () => {
      turns += 1;
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    const { points } = await ledger.accounts.netWorth(userId, { from: '2021-01', to: '2025-12', currency: 'EUR' });
    clearImmediate(next);
    expect(points).toHaveLength(60);
    expect(turns).toBeGreaterThanOrEqual(60);

    const others = [...currencyCodes].filter((code) => code !== 'EUR' && code !== 'USD').slice(0, 15);
    for (const code of others) await account(code, code, '1', '1990-01-01');
    await expect(ledger.accounts.netWorth(userId, { from: '1990-01', to: '2039-12' })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      details: [{ path: 'from', message: expect.stringContaining('10200 totals') as string }],
    });
  });
});

test('over REST a file larger than the usual body is imported, read only for who is signed in', async () => {
  await using server = await startTestServer();
  const token = await server.signIn('user');
  const lines = Array.from(
    { length: 20_000 },
    (_, index) =>
      `${1950 + Math.floor(index / 300)}-${String((index % 12) + 1).padStart(2, '0')}-${String((Math.floor(index / 12) % 25) + 1).padStart(2, '0')},EUR,USD,1.${index}`,
  );
  const body = { format: 'csv', content: `date,base,quote,rate\n${lines.join('\n')}\n` };
  expect(JSON.stringify(body).length).toBeGreaterThan(400_000);
  expect(await statusBeforeBody(server.port, '/api/v1/rates/import')).toBe(401);
  expect(await statusBeforeBody(server.port, '/trpc/rates.import')).toBe(401);
  const imported = await server.rest('POST', '/rates/import', { body, token });
  expect(imported).toMatchObject({ status: 200, body: { imported: 20_000 } });
  expect((await server.rest('POST', '/rates', { body: { ...body, base: 'EUR' }, token })).status).toBe(413);
  const trpc = (name: string, headers: Record<string, string>) =>
    fetch(`${server.url}/trpc/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ json: body }),
    });
  expect((await trpc('rates.import', { authorization: `Bearer ${token}` })).status).toBe(200);
  expect((await trpc('rates.set', { authorization: `Bearer ${token}` })).status).toBe(413);
});

/** The answer to a request whose body never comes. */
async function statusBeforeBody(port: number, path: string): Promise<number | undefined> {
  const headers = { 'content-type': 'application/json', 'content-length': '9000000' };
  const sent = httpRequest({ host: '127.0.0.1', port, method: 'POST', path, headers, agent: false });
  sent.flushHeaders();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  sent.on('error', () => undefined).destroy();
  return response.statusCode;
}

test('converting over REST takes its query and names the missing rate', async () => {
  await using server = await startTestServer();
  const [token, admin] = [await server.signIn('user'), await server.signIn('admin')];
  const body = { base: 'EUR', quote: 'USD', date: '2026-02-02', rate: '1.25' };
  expect((await server.rest('POST', '/rates/all', { body, token })).status).toBe(403);
  expect((await server.rest('POST', '/rates/all', { body, token: admin })).status).toBe(200);
  const path = '/rates/convert?amount=-1.5&from=EUR&to=USD&date=';
  expect((await server.rest('GET', `${path}2026-02-05&max_age_days=3`, { token })).body).toMatchObject({
    converted: '-1.87500000',
    rate: '1.250000000000',
    rates: [{ date: '2026-02-02', is_inverse: false }],
  });
  const missing = await server.rest('GET', `${path}2026-02-05&max_age_days=2`, { token });
  expect([missing.status, missing.body?.error?.code]).toEqual([409, 'RATE_MISSING']);
});
