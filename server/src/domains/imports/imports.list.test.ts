import type { TransactionsQuery } from '@finverse/shared';
import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { systemClock } from '../../kernel/clock.ts';
import { newId } from '../../kernel/ids.ts';
import { draft, ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import { TransactionsService } from '../transactions/index.ts';
import { importedIds } from './imports.repository.ts';
import { importFile, openWorld, prepare, transactionsOf, waitForEnd, type World } from './test-imports.ts';

const fileOf = (payee: string, count: number) =>
  [
    'date,amount,payee',
    ...Array.from({ length: count }, (_, row) => `2026-01-0${(row % 9) + 1},-${row + 1},${payee}`),
    '',
  ].join('\n');

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  let world: World;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database);
    world = await openWorld(database, ledger, { openingBalance: '100' });
  });

  /** All pages of a list, by payee and amount. */
  const pages = async (query: Partial<TransactionsQuery>, service = ledger.transactions) => {
    const found: string[][] = [];
    for (let cursor: string | undefined, isMore = true; isMore;) {
      const page = await service.list(world.userId, { limit: 3, ...query, cursor });
      found.push(page.items.map(({ payee, amount }) => `${payee} ${Number(amount)}`));
      cursor = page.nextCursor ?? undefined;
      isMore = page.nextCursor !== null;
    }
    return found;
  };

  test('what an import made and is still there is listed page by page, with other filters too', async () => {
    const { userId, accountId } = world;
    const { id } = await importFile(world, fileOf('first', 8));
    const other = await importFile(world, fileOf('second', 8), { source: 'other' });
    const own = { kind: 'expense', accountId, amount: '1', occurredOn: '2026-01-04', payee: 'own' } as const;
    await ledger.transactions.create(ledger.commit, userId, draft(own));
    const [oldest, next] = (await transactionsOf(world)).filter(({ payee }) => payee === 'first');
    await ledger.transactions.remove(ledger.commit, userId, oldest?.id ?? '');
    await ledger.transactions.update(ledger.commit, userId, { id: next?.id ?? '', payee: 'edited', tags: ['seen'] });
    const all = [['first 8', 'first 7', 'first 6'], ['first 5', 'first 4', 'first 3'], ['edited 2']];
    expect(await pages({ importId: id })).toEqual(all);
    expect(await pages({ importId: id, accountId })).toEqual(all);
    expect((await pages({ importId: id, tag: 'seen' })).flat()).toEqual(['edited 2']);
    expect((await pages({ importId: id, text: 'second' })).flat()).toEqual([]);
    expect((await pages({ importId: other.id, from: '2026-01-08' })).flat()).toEqual(['second 8']);
    const bounded = new TransactionsService({
      database,
      clock: systemClock,
      importedIds,
      scannedMax: 4,
    });
    const short = await pages({ importId: id }, bounded);
    expect(short.flat()).toEqual(all.flat());
    // Seventeen rows and an opening balance, of which a page looks at four.
    expect(short.length).toBeGreaterThan(4);
  });

  test('of an import that is somebody else’s, was not committed, was undone or is none, nothing is', async () => {
    const { userId } = world;
    const stranger = await openWorld(database, ledger);
    const foreign = await importFile(stranger, fileOf('foreign', 2));
    const undone = await importFile(world, fileOf('undone', 2));
    await ledger.imports.undo(ledger.commit, userId, undone.id);
    await waitForEnd(world, undone.id);
    const ready = await prepare(world, fileOf('ready', 2));
    for (const importId of [foreign.id, ready.id, undone.id, newId('imp')]) {
      const page = await ledger.transactions.list(userId, { limit: 3, importId });
      expect(page).toEqual({ items: [], deleted: [], nextCursor: null });
      const refused = ledger.transactions.list(userId, { limit: 3, importId, cursor: 'x' });
      await expect(refused).rejects.toMatchObject({ code: 'VALIDATION_FAILED', details: [{ path: 'cursor' }] });
      const changes = ledger.transactions.list(userId, { limit: 3, importId, updatedSince: '2026-01-01T00:00:00Z' });
      await expect(changes).rejects.toMatchObject({ code: 'VALIDATION_FAILED', details: [{ path: 'importId' }] });
    }
  });
});
