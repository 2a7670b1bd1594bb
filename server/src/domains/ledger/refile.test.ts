import { expect, test } from 'vitest';
import { transact } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { openLedger, refileCategory } from './index.ts';
import { draft, type Draft, ledgerOn } from './test-ledger.ts';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  test.each([
    { to: 'another', atATime: 1 },
    { to: 'another', atATime: 3 },
    { to: 'none', atATime: 4 },
  ])(
    'everything of a category moves to $to, $atATime at a time, and others have their turn',
    async ({ to, atATime }) => {
      const database = await databases.openMigrated();
      const ledger = ledgerOn(database);
      const userId = await ledger.person();
      const { id: accountId } = await ledger.accounts.create(ledger.commit, userId, {
        name: 'Cash',
        type: 'wallet',
        currency: 'EUR',
        creditLimit: null,
        openingBalance: '0',
        openedOn: '2026-01-01',
        icon: null,
        color: null,
        note: '',
        isHidden: false,
      });
      const categories = await ledger.categories.createMany(
        ledger.commit,
        userId,
        ['From', 'To', 'Other'].map((name) => ({ name, kind: 'both', parentId: null, icon: null, color: null })),
      );
      const [from = '', into = '', other = ''] = categories.map(({ id }) => id);
      // Several of a day, whole ones and splits, of which some have the category twice.
      const create = Array.from({ length: 22 }, (_, index): Draft => {
        const splits = [from, other, from].map((categoryId) => ({ amount: '2', categoryId }));
        return {
          kind: index % 3 === 0 ? 'income' : 'expense',
          accountId,
          amount: '6',
          occurredOn: `2026-0${1 + Math.floor(index / 10)}-0${1 + (index % 3)}`,
          ...(index % 4 === 0 ? { splits } : { categoryId: index % 5 === 1 ? other : from }),
        };
      }).map(draft);
      const before = (await ledger.transactions.bulk(ledger.commit, userId, { create, update: [], delete: [] }))
        .created;
      const toId = to === 'none' ? null : into;
      let turns = 0;
      const turn = () => {
        turns += 1;
        next = setImmediate(turn);
      };
      let next = setImmediate(turn);
      const moved = await transact(database, async (em) => {
        const open = await openLedger(em, database.dialect, { userId, nowMs: Date.now() });
        turns = 0;
        return refileCategory(em, open, { fromId: from, toId }, atATime);
      });
      clearImmediate(next);
      const filed = before.flatMap(({ categoryId, splits }) => [
        categoryId,
        ...splits.map((split) => split.categoryId),
      ]);
      expect(moved).toBe(filed.filter((id) => id === from).length);
      expect(turns).toBeGreaterThanOrEqual(Math.floor(moved / atATime / 2));

      const instead = (id: string | null) => (id === from ? toId : id);
      for (const each of before) {
        const now = await ledger.transactions.get(userId, each.id);
        const splits = each.splits.map((split) => ({ ...split, categoryId: instead(split.categoryId) }));
        const isFiled = now.categoryId !== each.categoryId || each.splits.length > 0;
        expect(now).toEqual({
          ...each,
          categoryId: instead(each.categoryId),
          splits,
          updatedAt: isFiled ? (expect.any(String) as string) : each.updatedAt,
        });
        expect(now.updatedAt > each.updatedAt, 'changed since').toBe(isFiled);
      }
      expect(await ledger.integrity.check(userId)).toMatchObject({ isSound: true });
    },
  );
});
