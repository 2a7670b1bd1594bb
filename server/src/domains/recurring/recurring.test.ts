import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  ATTACHMENTS_MAX,
  recurringCreateInput,
  type RecurringOut,
  recurringUpdateInput,
  transactionCreateInput,
} from '@finverse/shared';
import type { z } from 'zod';
import { RRuleTemporal } from 'rrule-temporal';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { startTestServer } from '../../http/test-server.ts';
import { accountFields, ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import { insertDone } from './recurring.dates.ts';
import { makeDue } from './recurring.scheduler.ts';

const CRASH = fileURLToPath(new URL('test-crash.ts', import.meta.url));

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let url: string;
  let database: Database;
  let ledger: TestLedger;
  let userId: string;
  let accountId: string;
  let nowMs: number;
  const clock = { now: () => nowMs, monotonic: () => nowMs };
  const at = (instant: string) => void (nowMs = Date.parse(instant));

  beforeEach(async () => {
    at('2026-03-02T08:00:00Z');
    url = await databases.migratedUrl();
    database = await databases.openMigrated(url);
    ledger = ledgerOn(database, clock);
    userId = await ledger.person();
    accountId = (await openAccount()).id;
  });

  const openAccount = () => ledger.accounts.create(ledger.commit, userId, accountFields());

  type Draft = Partial<z.input<typeof recurringCreateInput>>;
  const create = (fields: Draft = {}) =>
    ledger.recurring.create(
      ledger.commit,
      userId,
      recurringCreateInput.parse({
        name: 'Rent',
        draft: { kind: 'expense', accountId, amount: '10', payee: 'Landlord', tags: ['home'] },
        rule: 'FREQ=DAILY',
        startsOn: '2026-03-02',
        ...fields,
      }),
    );
  const run = (on: Database = database, lastRunMs: number | null = null) =>
    makeDue({ database: on, clock }, { lastRunMs });
  const get = ({ id }: RecurringOut) => ledger.recurring.get(userId, id);
  /** The dates that were made, in the order in which they were. */
  const made = async () => {
    const { items } = await ledger.transactions.list(userId, { limit: 200, source: 'recurring' });
    return items.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(({ occurredOn }) => occurredOn);
  };
  const expectSound = async () => expect((await ledger.integrity.check(userId)).differences).toEqual([]);

  test('the longest texts that are accepted are kept whole in any script, by a template and by what it makes', async () => {
    const attachments = Array.from({ length: ATTACHMENTS_MAX }, (_, index) => ({
      name: `${index}${'名'.repeat(199)}`,
      url: `https://${index}.example/${'路'.repeat(1982)}`,
    }));
    const fields = { kind: 'expense', accountId, amount: '10', note: '注'.repeat(2000), attachments } as const;
    expect(Buffer.byteLength(JSON.stringify(attachments))).toBeGreaterThan(65_535);
    const created = await create({ draft: fields });
    expect(created.draft.attachments).toEqual(attachments);
    expect(await run()).toMatchObject({ made: 1, errors: [] });
    const { items } = await ledger.transactions.list(userId, { limit: 9 });
    expect(items).toMatchObject([{ attachments, note: fields.note }]);
    const direct = transactionCreateInput.parse({ ...fields, occurredOn: '2026-03-01' });
    expect(await ledger.transactions.create(ledger.commit, userId, direct)).toMatchObject({ attachments });
  });

  test('what is due is made once, however often it is run, and after a week of downtime in order', async () => {
    const template = await create();
    expect(await run()).toEqual({ made: 1, failed: 0, errors: [] });
    expect(await run()).toEqual({ made: 0, failed: 0, errors: [] });
    at('2026-03-09T00:00:30Z');
    expect((await run()).made).toBe(7);
    expect(await made()).toEqual([2, 3, 4, 5, 6, 7, 8, 9].map((day) => `2026-03-0${day}`));
    expect(await get(template)).toMatchObject({ nextOn: '2026-03-10', madeCount: 8, status: 'active' });
    const [account] = (await ledger.accounts.list(userId, { limit: 1, includeArchived: true, includeHidden: true }))
      .items;
    expect(account?.balance).toBe('-80.00000000');
    await expectSound();
  });

  test('replicas that run at the same time make each date once', async () => {
    const templates = await Promise.all([create(), create({ name: 'Gym' }), create({ name: 'Phone' })]);
    at('2026-03-08T12:00:00Z');
    const others =
      databases.driver === 'sqlite'
        ? [database, database]
        : await Promise.all([databases.openMigrated(url), databases.openMigrated(url)]);
    const runs = await Promise.all([database, ...others].map((replica) => run(replica)));
    expect(runs.flatMap(({ errors }) => errors)).toEqual([]);
    expect(runs.reduce((sum, each) => sum + each.made, 0)).toBe(21);
    expect(await made()).toHaveLength(21);
    for (const template of templates) expect(await get(template)).toMatchObject({ madeCount: 7, nextOn: '2026-03-09' });
    await expectSound();
  });

  test('the database itself refuses a date for the second time', async () => {
    const { id } = await create();
    await run();
    const again = { recurringId: id, dueOn: '2026-03-02', transactionId: 'txn_1', doneAtMs: 1 };
    await expect(insertDone(database.em(), database.dialect, again)).rejects.toThrow(/unique|duplicate/i);
  });

  test('killed at any statement, it leaves nothing half done, and the next run makes the date once', async () => {
    const template = await create();
    const statements = [
      'insert into recurring_dates',
      'insert into entries',
      'update accounts',
      'update recurring set',
    ];
    for (const statement of statements) {
      const killed = spawnSync(process.execPath, [CRASH, url, statement, String(nowMs)], { encoding: 'utf8' });
      expect(killed.signal, killed.stderr).toBe('SIGKILL');
      expect(await made(), statement).toEqual([]);
      expect(await get(template)).toMatchObject({ nextOn: '2026-03-02', madeCount: 0 });
    }
    expect((await run()).made).toBe(1);
    expect(await made()).toEqual(['2026-03-02']);
    await expectSound();
  });

  test('an archived account makes it fail with the reason; restored, it goes on where it was and loses nothing', async () => {
    const template = await create();
    const other = await create({
      name: 'Elsewhere',
      draft: { kind: 'income', accountId: (await openAccount()).id, amount: '1' },
    });
    await run();
    await ledger.accounts.setArchived(ledger.commit, userId, { id: accountId, isArchived: true });
    at('2026-03-05T08:00:00Z');
    expect(await run()).toMatchObject({ failed: 1, made: 3, errors: [] });
    const failed = await get(template);
    expect(failed).toMatchObject({
      status: 'failed',
      nextOn: '2026-03-03',
      failure: {
        code: 'ACCOUNT_ARCHIVED',
        dueOn: '2026-03-03',
        message: expect.stringContaining('archived') as string,
      },
    });
    expect(await get(other)).toMatchObject({ status: 'active', madeCount: 4 });
    await run();
    expect((await get(template)).updatedAt).toBe(failed.updatedAt);
    await ledger.accounts.setArchived(ledger.commit, userId, { id: accountId, isArchived: false });
    expect((await run()).made).toBe(3);
    expect(await get(template)).toMatchObject({ status: 'active', failure: null, madeCount: 4, nextOn: '2026-03-06' });
    await expectSound();
  });

  test('an archived account is refused in a new draft, on either side of it, and a template that has it keeps its other fields', async () => {
    const other = await openAccount();
    const template = await create();
    await ledger.accounts.setArchived(ledger.commit, userId, { id: accountId, isArchived: true });
    const refusal = (path: string) => ({ code: 'ACCOUNT_ARCHIVED', details: [{ path }] });
    await expect(create()).rejects.toMatchObject(refusal('draft.accountId'));
    const transfer = {
      kind: 'transfer',
      accountId: other.id,
      amount: '10',
      transfer: { toAccountId: accountId },
    } as const;
    await expect(create({ draft: transfer })).rejects.toMatchObject(refusal('draft.transfer.toAccountId'));
    const update = (changes: object) =>
      ledger.recurring.update(ledger.commit, userId, recurringUpdateInput.parse({ id: template.id, ...changes }));
    const draft = { kind: 'expense', accountId, amount: '11' };
    await expect(update({ draft })).rejects.toMatchObject(refusal('draft.accountId'));
    expect(await update({ name: 'Old rent' })).toMatchObject({ name: 'Old rent' });
    expect(await update({ draft: { ...draft, accountId: other.id } })).toMatchObject({
      draft: { amount: '11.00000000' },
    });
  });

  test('an archived category makes it fail with the reason; another one mends it', async () => {
    const [food] = await ledger.categories.createMany(ledger.commit, userId, [
      { name: 'Food at work', kind: 'expense', parentId: null, icon: null, color: null },
    ]);
    const draft = { kind: 'expense' as const, accountId, amount: '4', categoryId: food?.id ?? null };
    const template = await create({ draft });
    await ledger.categories.setArchived(ledger.commit, userId, { id: food?.id ?? '', isArchived: true });
    await run();
    expect(await get(template)).toMatchObject({
      status: 'failed',
      failure: { code: 'VALIDATION_FAILED', message: expect.stringContaining('category is archived') as string },
    });
    const mended = recurringCreateInput.shape.draft.parse({ ...draft, categoryId: null });
    await ledger.recurring.update(ledger.commit, userId, { id: template.id, draft: mended });
    expect((await run()).made).toBe(1);
    expect(await get(template)).toMatchObject({ status: 'active', failure: null });
  });

  test('it is due when its day begins in its time zone, neither before nor a day late', async () => {
    at('2026-03-31T09:00:00Z');
    const far = { startsOn: '2026-04-01', count: 1 };
    const kiribati = await create({ ...far, timeZone: 'Pacific/Kiritimati' });
    const hawaii = await create({ ...far, timeZone: 'Pacific/Honolulu' });
    const statuses = async () => [(await get(kiribati)).status, (await get(hawaii)).status];
    await run();
    expect(await statuses()).toEqual(['active', 'active']);
    at('2026-03-31T10:00:00Z');
    await run();
    expect(await statuses()).toEqual(['finished', 'active']);
    at('2026-04-01T09:59:59Z');
    await run();
    expect(await statuses()).toEqual(['finished', 'active']);
    at('2026-04-01T10:00:00Z');
    await run();
    expect(await statuses()).toEqual(['finished', 'finished']);
    expect(await made()).toEqual(['2026-04-01', '2026-04-01']);
  });

  const changedAt = async () =>
    Number(
      (
        await database
          .em()
          .execute<{ at: unknown }[]>('select changed_at as at from ledgers where user_id = ?', [userId])
      )[0]?.at,
    );

  test('a run that makes nothing leaves the ledger unchanged: before the day begins, and while a template stays failed', async () => {
    at('2026-03-31T11:00:00Z');
    await create({ startsOn: '2026-04-01', timeZone: 'Pacific/Honolulu' });
    const before = await changedAt();
    expect(await run()).toMatchObject({ made: 0, failed: 0 });
    expect(await changedAt()).toBe(before);
    await ledger.accounts.setArchived(ledger.commit, userId, { id: accountId, isArchived: true });
    at('2026-04-01T11:00:00Z');
    expect(await run()).toMatchObject({ made: 0, failed: 1 });
    const failedAt = await changedAt();
    at('2026-04-01T11:01:00Z');
    expect(await run()).toMatchObject({ made: 0, failed: 1 });
    expect(await changedAt()).toBe(failedAt);
  });

  test('what another replica has made meanwhile leaves the ledger unchanged, and so does the end of a run', async () => {
    await create({ count: 1 });
    const before = await changedAt();
    const runs = await Promise.all([run(), run(), run()]);
    expect(runs.reduce((sum, each) => sum + each.made, 0)).toBe(1);
    expect(await changedAt()).toBe(Math.max(nowMs, before + 1));
  });

  test('what failed is tried at every run for a quarter of an hour, then once in each', async () => {
    const template = await create();
    await ledger.accounts.setArchived(ledger.commit, userId, { id: accountId, isArchived: true });
    const tried: number[] = [];
    let lastRunMs: number | null = null;
    const runAt = async (minute: number) => {
      nowMs = Date.parse('2026-03-02T08:00:30Z') + minute * 60_000;
      if ((await run(database, lastRunMs)).failed > 0) tried.push(minute);
      lastRunMs = nowMs;
    };
    for (let minute = 0; minute <= 46; minute += 1) await runAt(minute);
    expect(tried).toEqual([...Array.from({ length: 16 }, (_, minute) => minute), 30, 45]);
    // Runs that take longer than a minute miss no try.
    for (const minute of [49, 58, 61, 74, 76]) await runAt(minute);
    expect(tried.slice(18)).toEqual([61, 76]);
    await ledger.accounts.setArchived(ledger.commit, userId, { id: accountId, isArchived: false });
    const draft = recurringCreateInput.shape.draft.parse({ kind: 'expense', accountId, amount: '11' });
    expect(await ledger.recurring.update(ledger.commit, userId, { id: template.id, draft })).toMatchObject({
      status: 'active',
      failure: null,
    });
    expect((await run()).made).toBe(1);
  });

  test('a template that cannot even be judged is an error of its own, and keeps no other waiting', async () => {
    const { id } = await create();
    await create();
    await database.em().execute("update recurring set time_zone = 'Nowhere/Land' where id = ?", [id], 'run');
    const result = await run();
    expect(result.made).toBeGreaterThan(0);
    expect(result.errors).toMatchObject([{ name: 'RangeError' }]);
  });

  test('nobody waits for the many dates of another, nor a template for those of another', async () => {
    const busy = userId;
    for (let count = 0; count < 11; count += 1) await create({ startsOn: '2026-02-19' });
    await create({ name: 'Last', rule: 'FREQ=YEARLY', startsOn: '2026-03-01' });
    userId = await ledger.person();
    accountId = (await openAccount()).id;
    await create();
    expect(await run()).toEqual({ made: 11 * 12 + 2, failed: 0, errors: [] });
    const rows = await database
      .em()
      .execute<{ user_id: string; external_id: string; occurred_on: string }[]>(
        'select user_id, occurred_on, external_id from transactions order by id',
      );
    expect(rows.findIndex((row) => row.user_id !== busy)).toBe(100);
    const templates = rows.slice(0, 20).map((row) => row.external_id.split(':')[0]);
    expect(new Set(templates.slice(0, 10)).size).toBe(1);
    expect(new Set(templates).size).toBe(2);
    for (const owner of [busy, userId]) expect((await ledger.integrity.check(owner)).differences).toEqual([]);
  });

  test('a skipped date is not made, and the next dates say so; taken back in, it is', async () => {
    const template = await create({ count: 5 });
    const change = (what: 'skip' | 'unskip', date: string) =>
      ledger.recurring[what](ledger.commit, userId, { id: template.id, date });
    await change('skip', '2026-03-02');
    await change('skip', '2026-03-04');
    await change('skip', '2026-03-05');
    await expect(change('skip', '2026-03-04')).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    await expect(change('skip', '2026-03-07')).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    await change('unskip', '2026-03-05');
    expect((await ledger.recurring.dates(userId, { id: template.id, limit: 10 })).items).toEqual([
      { date: '2026-03-02', isSkipped: true },
      { date: '2026-03-03', isSkipped: false },
      { date: '2026-03-04', isSkipped: true },
      { date: '2026-03-05', isSkipped: false },
      { date: '2026-03-06', isSkipped: false },
    ]);
    at('2026-03-20T00:00:00Z');
    await run();
    expect(await made()).toEqual(['2026-03-03', '2026-03-05', '2026-03-06']);
    expect(await get(template)).toMatchObject({ status: 'finished', nextOn: null });
  });

  test('a date is skipped ten years ahead and no further, and one that was skipped beyond costs no walk to it', async () => {
    const { id } = await create();
    const skip = (date: string) => ledger.recurring.skip(ledger.commit, userId, { id, date });
    await expect(skip('2036-03-03')).rejects.toMatchObject({ details: [{ path: 'date' }] });
    await skip('2036-03-02');
    const far = { recurringId: id, dueOn: '2199-12-31', transactionId: null, doneAtMs: 1 };
    await insertDone(database.em(), database.dialect, far);
    const windows = vi.spyOn(RRuleTemporal.prototype, 'between');
    await ledger.recurring.update(ledger.commit, userId, { id, count: 7 });
    await ledger.recurring.update(ledger.commit, userId, { id, endsOn: '2027-03-02', count: null });
    await ledger.recurring.update(ledger.commit, userId, { id, endsOn: null });
    await ledger.recurring.unskip(ledger.commit, userId, { id, date: far.dueOn });
    await ledger.recurring.update(ledger.commit, userId, { id, rule: 'FREQ=DAILY;INTERVAL=2' });
    const walked = windows.mock.results.flatMap(({ value }) => value as unknown[]);
    windows.mockRestore();
    expect(walked.length).toBeLessThan(1000);
  });

  test('nothing is made during a pause; resuming begins with today, or catches up where asked', async () => {
    const [left, caught] = [await create({ name: 'Left' }), await create({ name: 'Caught' })];
    await run();
    for (const { id } of [left, caught]) await ledger.recurring.pause(ledger.commit, userId, id);
    at('2026-03-05T08:00:00Z');
    expect((await run()).made).toBe(0);
    await ledger.recurring.resume(ledger.commit, userId, { id: left.id, catchUp: false });
    await ledger.recurring.resume(ledger.commit, userId, { id: caught.id, catchUp: true });
    await run();
    expect([(await get(left)).madeCount, (await get(caught)).madeCount]).toEqual([2, 4]);
  });

  test.each([
    { catchUp: false, ofPause: [] },
    { catchUp: true, ofPause: ['2026-03-20', '2026-04-20'] },
  ])(
    'what had failed before a pause is made after it, whether the pause is caught up on ($catchUp) or not; all of it counts',
    async ({ catchUp, ofPause }) => {
      at('2026-01-20T08:00:00Z');
      const template = await create({ rule: 'FREQ=MONTHLY', startsOn: '2026-01-20', count: 6 });
      const { id } = template;
      await ledger.accounts.setArchived(ledger.commit, userId, { id: accountId, isArchived: true });
      at('2026-02-25T08:00:00Z');
      expect(await run()).toMatchObject({ failed: 1 });
      await ledger.recurring.pause(ledger.commit, userId, id);
      at('2026-05-02T08:00:00Z');
      await ledger.accounts.setArchived(ledger.commit, userId, { id: accountId, isArchived: false });
      expect((await run()).made).toBe(0);
      expect(await ledger.recurring.resume(ledger.commit, userId, { id, catchUp })).toMatchObject({
        status: 'active',
        nextOn: '2026-01-20',
      });
      await run();
      expect(await made()).toEqual(['2026-01-20', '2026-02-20', ...ofPause]);
      expect(await get(template)).toMatchObject({ nextOn: '2026-05-20' });
      at('2027-01-01T08:00:00Z');
      await run();
      expect(await made()).toEqual(['2026-01-20', '2026-02-20', ...ofPause, '2026-05-20', '2026-06-20']);
      expect(await get(template)).toMatchObject({ status: 'finished' });
      await expectSound();
    },
  );

  test('what downtime had left undone up to the day of a pause is made after it; a second pause is none', async () => {
    const template = await create();
    const { id } = template;
    await run();
    at('2026-03-05T00:00:10Z');
    await ledger.recurring.pause(ledger.commit, userId, id);
    at('2026-03-07T08:00:00Z');
    await ledger.recurring.pause(ledger.commit, userId, id);
    at('2026-03-09T08:00:00Z');
    await ledger.recurring.resume(ledger.commit, userId, { id, catchUp: false });
    await run();
    expect(await made()).toEqual(['2026-03-02', '2026-03-03', '2026-03-04', '2026-03-05', '2026-03-09']);
    // What the first pause passed over stays so.
    at('2026-03-11T08:00:00Z');
    await ledger.recurring.pause(ledger.commit, userId, id);
    at('2026-03-13T08:00:00Z');
    await ledger.recurring.resume(ledger.commit, userId, { id, catchUp: false });
    await run();
    expect((await made()).slice(5)).toEqual(['2026-03-10', '2026-03-11', '2026-03-13']);
    await expectSound();
  });

  test('a new rule in a pause keeps apart what was due before the pause and what was due during it', async () => {
    const { id } = await create();
    at('2026-03-04T08:00:00Z');
    await ledger.recurring.pause(ledger.commit, userId, id);
    at('2026-03-06T08:00:00Z');
    await ledger.recurring.update(ledger.commit, userId, { id, rule: 'FREQ=WEEKLY;BYDAY=MO' });
    at('2026-03-12T08:00:00Z');
    await ledger.recurring.resume(ledger.commit, userId, { id, catchUp: false });
    at('2026-03-17T08:00:00Z');
    await run();
    expect(await made()).toEqual(['2026-03-02', '2026-03-03', '2026-03-04', '2026-03-16']);
    await expectSound();
  });

  test('a new rule begins today and makes nothing up for the past; what is due and not made yet stays due', async () => {
    const template = await create({ rule: 'FREQ=WEEKLY' });
    await run();
    at('2026-03-06T08:00:00Z');
    const update = (rule: string) => ledger.recurring.update(ledger.commit, userId, { id: template.id, rule });
    expect(await update('FREQ=DAILY')).toMatchObject({ nextOn: '2026-03-06', startsOn: '2026-03-06' });
    at('2026-03-08T08:00:00Z');
    expect(await update('FREQ=DAILY;INTERVAL=2')).toMatchObject({ nextOn: '2026-03-06', startsOn: '2026-03-08' });
    expect((await ledger.recurring.dates(userId, { id: template.id, limit: 4 })).items.map(({ date }) => date)).toEqual(
      ['2026-03-06', '2026-03-07', '2026-03-08', '2026-03-10'],
    );
    await run();
    expect(await made()).toEqual(['2026-03-02', '2026-03-06', '2026-03-07', '2026-03-08']);
    expect(await get(template)).toMatchObject({ nextOn: '2026-03-10' });
    await expectSound();
  });

  test('what an archived account kept from being made is made by the old rule, and the new rule follows', async () => {
    at('2026-01-09T08:00:00Z');
    const template = await create({ rule: 'FREQ=MONTHLY', startsOn: '2026-01-10' });
    await ledger.accounts.setArchived(ledger.commit, userId, { id: accountId, isArchived: true });
    at('2026-03-12T08:00:00Z');
    await run();
    await ledger.accounts.setArchived(ledger.commit, userId, { id: accountId, isArchived: false });
    at('2026-03-15T08:00:00Z');
    const rule = 'FREQ=WEEKLY;BYDAY=MO';
    expect(await ledger.recurring.update(ledger.commit, userId, { id: template.id, rule })).toMatchObject({
      nextOn: '2026-01-10',
      startsOn: '2026-03-16',
    });
    at('2026-03-24T08:00:00Z');
    await run();
    expect(await made()).toEqual(['2026-01-10', '2026-02-10', '2026-03-10', '2026-03-16', '2026-03-23']);
    await expectSound();
  });

  test.each([
    { old: 'FREQ=WEEKLY', rule: 'FREQ=MONTHLY', changedOn: '2026-02-12', last: '2026-08-07' },
    { old: 'FREQ=MONTHLY', rule: 'FREQ=WEEKLY', changedOn: '2026-06-07', last: '2026-07-15' },
  ])('$old with six of twelve made, then $rule: there are twelve', async ({ old, rule, changedOn, last }) => {
    at('2026-01-05T08:00:00Z');
    // A Wednesday, so that the new weekly rule is of Wednesdays.
    const template = await create({ rule: old, startsOn: '2026-01-07', count: 12 });
    at(`${changedOn}T08:00:00Z`);
    expect((await run()).made).toBe(6);
    await ledger.recurring.update(ledger.commit, userId, { id: template.id, rule });
    at('2027-12-01T08:00:00Z');
    expect((await run()).made).toBe(6);
    expect(await get(template)).toMatchObject({ status: 'finished', madeCount: 12, nextOn: null });
    expect((await made()).toSorted().at(-1)).toBe(last);
  });

  test('skipped and owed dates of earlier rules count, those that a pause passed over too; a smaller count takes from what is owed', async () => {
    const template = await create({ count: 8 });
    const { id } = template;
    await run();
    await ledger.recurring.skip(ledger.commit, userId, { id, date: '2026-03-03' });
    await ledger.recurring.pause(ledger.commit, userId, id);
    at('2026-03-05T08:00:00Z');
    await ledger.recurring.resume(ledger.commit, userId, { id, catchUp: false });
    at('2026-03-07T08:00:00Z');
    // Made: 2; skipped: 3; passed over: 4; owed: 5, 6, 7; left: 2.
    const update = (changes: object) => ledger.recurring.update(ledger.commit, userId, { id, ...changes });
    await update({ rule: 'FREQ=WEEKLY;BYDAY=SU' });
    const coming = async () => (await ledger.recurring.dates(userId, { id, limit: 9 })).items.map(({ date }) => date);
    expect(await coming()).toEqual(['2026-03-05', '2026-03-06', '2026-03-07', '2026-03-08', '2026-03-15']);
    await update({ count: 9 });
    expect((await coming()).at(-1)).toBe('2026-03-22');
    await update({ count: 5 });
    expect(await coming()).toEqual(['2026-03-05', '2026-03-06']);
    await expect(update({ rule: 'FREQ=DAILY' })).rejects.toMatchObject({ details: [{ path: 'rule' }] });
    await run();
    expect(await made()).toEqual(['2026-03-02', '2026-03-05', '2026-03-06']);
    expect(await get(template)).toMatchObject({ status: 'finished' });
  });

  test('what is owed is skipped and taken back like any date, and a pause that is not caught up on passes it over', async () => {
    const template = await create();
    const { id } = template;
    at('2026-03-04T08:00:00Z');
    await ledger.recurring.update(ledger.commit, userId, { id, rule: 'FREQ=WEEKLY;BYDAY=MO' });
    const change = (what: 'skip' | 'unskip', date: string) =>
      ledger.recurring[what](ledger.commit, userId, { id, date });
    await change('skip', '2026-03-03');
    await change('skip', '2026-03-04');
    await change('unskip', '2026-03-04');
    await expect(change('skip', '2026-03-05')).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    await run();
    expect(await made()).toEqual(['2026-03-02', '2026-03-04']);
    await ledger.recurring.pause(ledger.commit, userId, id);
    at('2026-03-10T08:00:00Z');
    await ledger.recurring.update(ledger.commit, userId, { id, rule: 'FREQ=DAILY' });
    await ledger.recurring.resume(ledger.commit, userId, { id, catchUp: false });
    expect(await get(template)).toMatchObject({ nextOn: '2026-03-10' });
    await run();
    expect(await made()).toEqual(['2026-03-02', '2026-03-04', '2026-03-10']);
    await expectSound();
  });

  test('a new rule goes on counting from the old start: every second week stays the same weeks, and the day the same day', async () => {
    const biweekly = await create({ rule: 'FREQ=WEEKLY;INTERVAL=2;BYDAY=FR' });
    const last = await create({ rule: 'FREQ=MONTHLY', startsOn: '2026-03-31' });
    at('2026-04-08T08:00:00Z');
    const change = (id: string, rule: string) => ledger.recurring.update(ledger.commit, userId, { id, rule });
    const next = await change(biweekly.id, 'FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR');
    expect(next).toMatchObject({ startsOn: '2026-04-13', nextOn: '2026-03-06' });
    expect(await change(last.id, 'FREQ=MONTHLY;INTERVAL=2')).toMatchObject({ startsOn: '2026-05-31' });
  });

  test('what was skipped behind an end counts only where it had been due, or is still to come', async () => {
    const update = (id: string, changes: object) => ledger.recurring.update(ledger.commit, userId, { id, ...changes });
    const skip = (id: string, date: string) => ledger.recurring.skip(ledger.commit, userId, { id, date });
    const never = await create({ count: 5 });
    await skip(never.id, '2026-03-04');
    await update(never.id, { endsOn: '2026-03-03' });
    const once = await create({ count: 6 });
    await skip(once.id, '2026-03-04');
    const toCome = await create({ endsOn: '2026-03-09' });
    await skip(toCome.id, '2026-03-08');
    await update(toCome.id, { endsOn: '2026-03-03' });
    at('2026-03-06T08:00:00Z');
    await run();
    await update(once.id, { endsOn: '2026-03-03' });
    for (const { id } of [never, once]) await update(id, { endsOn: null });
    await update(toCome.id, { endsOn: '2026-03-09' });
    at('2026-03-20T08:00:00Z');
    await run();
    // The 2nd and 3rd, then three; the 2nd, 3rd, 5th, 6th and 7th beside the one that was skipped; the 2nd, 3rd, 6th, 7th and 9th.
    expect(await get(never)).toMatchObject({ status: 'finished', madeCount: 5 });
    expect(await get(once)).toMatchObject({ status: 'finished', madeCount: 5 });
    expect(await get(toCome)).toMatchObject({ status: 'finished', madeCount: 5 });
  });

  test('a rule begins behind what was made, also where its day has not begun in the time zone of now', async () => {
    at('2026-03-02T11:00:00Z');
    const template = await create({ timeZone: 'Pacific/Kiritimati', count: 5 });
    const { id } = template;
    await run();
    // Made: 2, 3; in Honolulu it is the 2nd.
    const update = (changes: object) => ledger.recurring.update(ledger.commit, userId, { id, ...changes });
    await update({ timeZone: 'Pacific/Honolulu' });
    expect(await update({ rule: 'FREQ=DAILY;INTERVAL=2' })).toMatchObject({ startsOn: '2026-03-04' });
    at('2026-03-20T11:00:00Z');
    await run();
    expect(await made()).toEqual([2, 3, 4, 6, 8].map((day) => `2026-03-0${day}`));
  });

  test('what is owed of the day on which a rule begins is made no more where the count ends before it', async () => {
    const { id } = await create({ count: 5 });
    at('2026-03-05T08:00:00Z');
    const update = (changes: object) => ledger.recurring.update(ledger.commit, userId, { id, ...changes });
    // Owed: 2, 3, 4, and the 5th, which the new rule has as well.
    expect(await update({ rule: 'FREQ=DAILY;INTERVAL=3' })).toMatchObject({ startsOn: '2026-03-05' });
    await update({ count: 3 });
    await run();
    expect(await made()).toEqual(['2026-03-02', '2026-03-03', '2026-03-04']);
    expect(await get({ id } as RecurringOut)).toMatchObject({ status: 'finished' });
  });

  test('a rule that is corrected goes on as if it had never been another, however far ahead that one began', async () => {
    at('2026-01-01T08:00:00Z');
    const monthly = 'FREQ=MONTHLY;BYMONTHDAY=5';
    const rent = await create({ rule: monthly, startsOn: '2026-01-01' });
    const biweekly = await create({ rule: 'FREQ=WEEKLY;INTERVAL=2', startsOn: '2026-01-01' });
    const ahead = await create({ rule: monthly, startsOn: '2026-09-01' });
    at('2026-03-02T08:00:00Z');
    await run();
    const change = (id: string, rule: string) => ledger.recurring.update(ledger.commit, userId, { id, rule });
    const yearly = 'FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=5';
    const mistaken = { startsOn: '2027-01-05', nextOn: '2027-01-05' };
    expect(await change(rent.id, yearly)).toMatchObject(mistaken);
    expect(await change(rent.id, monthly)).toMatchObject({ startsOn: '2026-03-05', nextOn: '2026-03-05' });
    await change(biweekly.id, 'FREQ=WEEKLY;INTERVAL=3;BYDAY=FR');
    expect(await change(biweekly.id, 'FREQ=WEEKLY;INTERVAL=2')).toMatchObject({ nextOn: '2026-03-12' });
    await change(ahead.id, yearly);
    expect(await change(ahead.id, monthly)).toMatchObject({ startsOn: '2026-09-01', nextOn: '2026-09-05' });
  });

  test('a rule after one that had begun again begins today as well', async () => {
    at('2026-01-05T08:00:00Z');
    const { id } = await create({ rule: 'FREQ=YEARLY', startsOn: '2026-01-05', count: 1 });
    await run();
    const update = (changes: object) => ledger.recurring.update(ledger.commit, userId, { id, ...changes });
    at('2026-03-02T08:00:00Z');
    expect(await update({ count: 3 })).toMatchObject({ startsOn: '2027-01-05', nextOn: '2027-01-05' });
    expect(await update({ rule: 'FREQ=MONTHLY' })).toMatchObject({ startsOn: '2026-03-05', nextOn: '2026-03-05' });
    at('2027-01-01T08:00:00Z');
    await run();
    expect(await made()).toEqual(['2026-01-05', '2026-03-05', '2026-04-05']);
  });

  test('a greater count lets a finished template go on with its first dates from today on, as many as were added', async () => {
    at('2026-01-10T08:00:00Z');
    const { id } = await create({ rule: 'FREQ=MONTHLY', startsOn: '2026-01-10', count: 1 });
    await run();
    expect(await ledger.recurring.get(userId, id)).toMatchObject({ status: 'finished' });
    at('2026-06-15T08:00:00Z');
    const update = (changes: object) => ledger.recurring.update(ledger.commit, userId, { id, ...changes });
    expect(await update({ count: 3 })).toMatchObject({ status: 'active', count: 3, nextOn: '2026-07-10' });
    at('2027-01-01T08:00:00Z');
    await run();
    expect(await made()).toEqual(['2026-01-10', '2026-07-10', '2026-08-10']);
    expect(await update({ count: 2 })).toMatchObject({ status: 'finished', nextOn: null });
    expect(await update({ count: null, endsOn: '2027-01-31' })).toMatchObject({
      status: 'active',
      nextOn: '2027-01-10',
    });
    await expectSound();
  });

  test('what a pause passed over and what is skipped still count where a finished template goes on', async () => {
    const { id } = await create({ count: 5 });
    const update = (count: number) => ledger.recurring.update(ledger.commit, userId, { id, count });
    await run();
    await ledger.recurring.pause(ledger.commit, userId, id);
    at('2026-03-05T08:00:00Z');
    await ledger.recurring.resume(ledger.commit, userId, { id, catchUp: false });
    for (const date of ['2026-03-05', '2026-03-06']) await ledger.recurring.skip(ledger.commit, userId, { id, date });
    expect(await ledger.recurring.get(userId, id)).toMatchObject({ status: 'finished' });
    // Made: 2; passed over: 3, 4; skipped: 5, 6.
    expect(await update(6)).toMatchObject({ status: 'active', nextOn: '2026-03-07' });
    expect(await ledger.recurring.dates(userId, { id, limit: 9 })).toEqual({
      items: [
        { date: '2026-03-05', isSkipped: true },
        { date: '2026-03-06', isSkipped: true },
        { date: '2026-03-07', isSkipped: false },
      ],
      nextCursor: null,
    });
  });

  test('a failure goes with the date that failed', async () => {
    const template = await create();
    const { id } = template;
    await ledger.accounts.setArchived(ledger.commit, userId, { id: accountId, isArchived: true });
    await run();
    expect(await get(template)).toMatchObject({ status: 'failed', failure: { dueOn: '2026-03-02' } });
    expect(await ledger.recurring.skip(ledger.commit, userId, { id, date: '2026-03-02' })).toMatchObject({
      status: 'active',
      failure: null,
      nextOn: '2026-03-03',
    });
    at('2026-03-03T08:00:00Z');
    await run();
    expect(await get(template)).toMatchObject({ status: 'failed', failure: { dueOn: '2026-03-03' } });
    expect(await ledger.recurring.update(ledger.commit, userId, { id, endsOn: '2026-03-02' })).toMatchObject({
      status: 'finished',
      failure: null,
    });
  });

  test.each([
    ['end', { endsOn: '2026-03-04' }],
    ['count', { count: 3 }],
  ])('a skipped date that lies beyond the %s by now is not taken back in', async (_what, bound) => {
    const template = await create();
    const { id } = template;
    const change = (what: 'skip' | 'unskip', date: string) =>
      ledger.recurring[what](ledger.commit, userId, { id, date });
    await change('skip', '2026-03-04');
    await change('skip', '2026-03-05');
    await ledger.recurring.update(ledger.commit, userId, { id, ...bound });
    await expect(change('unskip', '2026-03-05')).rejects.toMatchObject({
      details: [{ path: 'date', message: 'lies beyond the end or the count' }],
    });
    await change('unskip', '2026-03-04');
    at('2026-03-10T08:00:00Z');
    await run();
    expect(await made()).toEqual(['2026-03-02', '2026-03-03', '2026-03-04']);
  });

  test('a paused template stays paused, whatever becomes of its dates, until it is resumed', async () => {
    const template = await create({ count: 1 });
    const { id } = template;
    const date = '2026-03-02';
    const paused = { status: 'paused' };
    await ledger.recurring.pause(ledger.commit, userId, id);
    expect(await ledger.recurring.skip(ledger.commit, userId, { id, date })).toMatchObject({ ...paused, nextOn: null });
    expect(await ledger.recurring.unskip(ledger.commit, userId, { id, date })).toMatchObject({
      ...paused,
      nextOn: date,
    });
    await ledger.recurring.skip(ledger.commit, userId, { id, date });
    expect(await ledger.recurring.update(ledger.commit, userId, { id, count: 2 })).toMatchObject({
      ...paused,
      nextOn: '2026-03-03',
    });
    at('2026-03-05T08:00:00Z');
    expect((await run()).made).toBe(0);
    expect(await ledger.recurring.resume(ledger.commit, userId, { id, catchUp: false })).toMatchObject({
      status: 'finished',
      nextOn: null,
    });
  });

  test('resumed without a date that is left, it is finished', async () => {
    const { id } = await create({ count: 1 });
    await ledger.recurring.pause(ledger.commit, userId, id);
    await ledger.recurring.skip(ledger.commit, userId, { id, date: '2026-03-02' });
    expect(await ledger.recurring.resume(ledger.commit, userId, { id, catchUp: true })).toMatchObject({
      status: 'finished',
    });
  });

  test('nobody sees or changes the template of another', async () => {
    const { id } = await create();
    const stranger = await ledger.person();
    const attempts = [
      () => ledger.recurring.get(stranger, id),
      () => ledger.recurring.dates(stranger, { id, limit: 1 }),
      () => ledger.recurring.pause(ledger.commit, stranger, id),
      () => ledger.recurring.remove(ledger.commit, stranger, id),
      () => ledger.recurring.skip(ledger.commit, stranger, { id, date: '2026-03-03' }),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await ledger.recurring.list(stranger, { limit: 10 })).items).toEqual([]);
  });
});

test('over REST a template that could never be made is refused, naming the field of its draft', async () => {
  await using server = await startTestServer();
  const token = await server.signIn('user');
  const account = await server.rest('POST', '/accounts', {
    token,
    body: { name: 'Cash', type: 'wallet', currency: 'EUR' },
  });
  const startsOn = new Date().toISOString().slice(0, 10);
  const body = (draft: object, rule = 'FREQ=MONTHLY;BYMONTHDAY=1') => ({
    name: 'Rent',
    rule,
    starts_on: startsOn,
    draft,
  });
  const own = { kind: 'expense', account_id: account.body?.['id'], amount: '5' };
  const refused = await server.rest('POST', '/recurring', { token, body: body({ ...own, account_id: 'acc_x' }) });
  expect(refused.body?.error?.details).toEqual([{ path: 'draft.account_id', message: 'is no account' }]);
  const never = await server.rest('POST', '/recurring', {
    token,
    body: body(own, 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30'),
  });
  expect(never.body?.error?.details).toMatchObject([{ path: 'rule' }]);
  const created = await server.rest('POST', '/recurring', { token, body: body(own) });
  expect(created).toMatchObject({ status: 200, body: { status: 'active', draft: { amount: '5.00000000', tags: [] } } });
  const dates = await server.rest('GET', `/recurring/${String(created.body?.['id'])}/dates?limit=3`, { token });
  expect(dates.body?.['items']).toHaveLength(3);
});
