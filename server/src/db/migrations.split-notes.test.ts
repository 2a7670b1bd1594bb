import { expect, test } from 'vitest';
import { entities } from '../entities.ts';
import { accountFields, draft, ledgerOn } from '../domains/ledger/test-ledger.ts';
import { describeDrivers } from './test-databases.ts';

describeDrivers(['sqlite', 'mariadb', 'mysql'], (databases) => {
  test('what was split before notes of splits were searched is found by them', async () => {
    const url = await databases.migratedUrl();
    const database = await databases.open(entities, url);
    const ledger = ledgerOn(database);
    const userId = await ledger.person();
    const { id: accountId } = await ledger.accounts.create(ledger.commit, userId, accountFields());
    const fields = { kind: 'expense', accountId, occurredOn: '2026-02-03' } as const;
    const long = 'x'.repeat(200);
    const splits = [...Array.from({ length: 10 }, () => long), '', 'GRÜNE Äpfel'].map((note) => ({
      amount: '1',
      note,
    }));
    const create = [
      draft({ ...fields, amount: '12', payee: 'Market', splits }),
      draft({ ...fields, amount: '12', splits }),
      draft({ ...fields, amount: '1', payee: 'Äpfel' }),
      draft({ ...fields, amount: '1', payee: 'Market', splits: [{ amount: '1' }] }),
    ];
    const { created } = await ledger.transactions.bulk(ledger.commit, userId, { create, update: [], delete: [] });
    const texts = () => database.em().execute('select id, search_text from transactions order by id');
    const before = await texts();
    await database
      .em()
      .execute(`update transactions set search_text = '' where is_split = 1 and payee = ''`, [], 'run');
    await database.em().execute(`update transactions set search_text = 'market' where payee = 'Market'`, [], 'run');
    await database.em().execute(`delete from mikro_orm_migrations where name like '%split_notes'`, [], 'run');
    await database.migrate();
    expect(await texts()).toEqual(before);
    const found = await ledger.transactions.list(userId, { text: 'grüne äpfel', limit: 10 });
    expect(new Set(found.items.map(({ id }) => id))).toEqual(new Set(created.slice(0, 2).map(({ id }) => id)));
  });
});
