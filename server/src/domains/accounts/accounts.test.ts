import { accountCreateInput, rateConvertInput, recurringCreateInput } from '@finverse/shared';
import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { entities } from '../../entities.ts';
import { startTestServer } from '../../http/test-server.ts';
import { draft, ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import { updateUser } from '../users/index.ts';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  let userId: string;
  /** Six in the evening of 31 December in Los Angeles. */
  const nowMs = Date.parse('2026-01-01T02:00:00Z');

  beforeEach(async () => {
    database = await databases.open(entities);
    await database.migrate();
    ledger = ledgerOn(database, { now: () => nowMs, monotonic: () => nowMs });
    userId = await ledger.person();
    await updateUser(database.em(), userId, { timeZone: 'America/Los_Angeles' });
  });

  const open = (fields: object = {}) => {
    const input = accountCreateInput.parse({ name: 'Cash', type: 'wallet', currency: 'EUR', ...fields });
    return ledger.accounts.create(ledger.commit, userId, input);
  };

  test('today is the day of the person, not of the server: opening balances, rates and recurring transactions', async () => {
    const { id, openedOn } = await open({ openingBalance: '5' });
    expect(openedOn).toBe('2025-12-31');
    const later = await open();
    const opened = await ledger.accounts.update(ledger.commit, userId, { id: later.id, openingBalance: '1' });
    expect(opened.openedOn).toBe('2025-12-31');
    const rate = (date: string, value: string) =>
      ledger.rates.set(ledger.commit, { userId }, { base: 'EUR', quote: 'USD', date, rate: value });
    await rate('2025-12-31', '2');
    await rate('2026-01-01', '3');
    const asked = rateConvertInput.parse({ amount: '1', from: 'EUR', to: 'USD' });
    expect(await ledger.rates.convert(userId, asked)).toMatchObject({ date: '2025-12-31', converted: '2.00000000' });
    expect((await ledger.accounts.summary(userId, 'USD')).converted).toMatchObject({
      date: '2025-12-31',
      netWorth: '12.00000000',
    });
    const range = { from: '2025-12', to: '2026-01', currency: 'USD' };
    const { points } = await ledger.accounts.netWorth(userId, range);
    expect(points.map(({ converted }) => converted?.date)).toEqual(['2025-12-31', '2025-12-31']);
    const fields = {
      draft: { kind: 'expense', accountId: id, amount: '1' },
      rule: 'FREQ=DAILY',
      startsOn: '2026-01-01',
    };
    const recur = (rest: object) =>
      ledger.recurring.create(ledger.commit, userId, recurringCreateInput.parse({ name: 'Rent', ...fields, ...rest }));
    expect((await recur({})).timeZone).toBe('America/Los_Angeles');
    expect((await recur({ timeZone: 'Asia/Tokyo' })).timeZone).toBe('Asia/Tokyo');
    expect(recurringCreateInput.safeParse({ name: 'Rent', ...fields, timeZone: '+01:00' }).success).toBe(false);
  });

  test('a date of opening without an opening balance is refused, for it would be lost', async () => {
    const { id } = await open();
    const update = (changes: object) => ledger.accounts.update(ledger.commit, userId, { id, ...changes });
    const refused = { code: 'VALIDATION_FAILED', details: [{ path: 'openedOn' }] };
    await expect(update({ openedOn: '2026-01-01' })).rejects.toMatchObject(refused);
    await expect(update({ openedOn: '2026-01-01', openingBalance: '0' })).rejects.toMatchObject(refused);
    expect(await update({ openedOn: '2026-01-01', openingBalance: '-1' })).toMatchObject({ openedOn: '2026-01-01' });
    expect(await update({ openedOn: '2026-01-02' })).toMatchObject({ openedOn: '2026-01-02' });
    expect(await update({ openingBalance: '0' })).toMatchObject({ openedOn: null });
  });

  test('an entry of the statement has the currency of its account, and the note of its split, or else of its transaction', async () => {
    const { id: accountId } = await open();
    const splits = [
      { amount: '1', note: 'the split' },
      { amount: '2', note: '' },
    ];
    const fields = { kind: 'expense', accountId, occurredOn: '2026-01-01', note: 'the transaction' } as const;
    await ledger.transactions.create(ledger.commit, userId, draft({ ...fields, amount: '3', splits }));
    await ledger.transactions.create(ledger.commit, userId, draft({ ...fields, amount: '4' }));
    const { items } = await ledger.accounts.statement(userId, { id: accountId, limit: 10 });
    expect(items.map(({ amount, currency, note }) => `${amount} ${currency} ${note}`).toSorted()).toEqual([
      '-1.00000000 EUR the split',
      '-2.00000000 EUR the transaction',
      '-4.00000000 EUR the transaction',
    ]);
  });

  test('summary, net worth and statement hold hidden and archived accounts, as they say', async () => {
    const hidden = await open({ name: 'Hidden', openingBalance: '5', isHidden: true });
    const archived = await open({ name: 'Archived', openingBalance: '7' });
    await ledger.accounts.setArchived(ledger.commit, userId, { id: archived.id, isArchived: true });
    const totals = [{ currency: 'EUR', netWorth: '12.00000000' }];
    expect(await ledger.accounts.summary(userId)).toMatchObject({ totals, groups: [{ accounts: 2 }] });
    expect(await ledger.accounts.netWorth(userId, { from: '2025-12', to: '2025-12' })).toMatchObject({
      points: [{ totals }],
    });
    for (const { id } of [hidden, archived])
      expect((await ledger.accounts.statement(userId, { id, limit: 10 })).items).toHaveLength(1);
  });
});

test('over REST a date of opening without an opening balance is refused by its name', async () => {
  await using server = await startTestServer();
  const token = await server.signIn('user');
  const account = { name: 'Cash', type: 'wallet', currency: 'EUR' };
  const post = (body: object) => server.rest('POST', '/accounts', { token, body: { ...account, ...body } });
  const details = [{ path: 'opened_on', message: 'goes with an opening balance that is not zero' }];
  expect(await post({ opened_on: '2026-01-01' })).toMatchObject({ status: 400, body: { error: { details } } });
  const { body } = await post({});
  const patched = { token, body: { opened_on: '2026-01-01' } };
  expect(await server.rest('PATCH', `/accounts/${String(body?.['id'])}`, patched)).toMatchObject({
    status: 400,
    body: { error: { details } },
  });
});
