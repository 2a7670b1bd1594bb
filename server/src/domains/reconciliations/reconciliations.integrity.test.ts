import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { type Bank, openBank } from './test-reconciliations.ts';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  beforeEach(async () => {
    database = await databases.openMigrated();
  });

  /** Two finished reconciliations of an account, and an open one with a tick; of another account one with a side of a transfer. */
  async function fill() {
    const bank = await openBank(database);
    const split = await bank.add({ splits: [{ amount: '4' }, { amount: '6' }] });
    const transfer = await bank.add({ kind: 'transfer', transfer: { toAccountId: bank.savings } });
    const first = await bank.start('80', '2026-01-15');
    await bank.clearAll(first.id);
    await bank.finish(first.id);
    await bank.add({ occurredOn: '2026-01-20' });
    const second = await bank.start('70');
    await bank.clearAll(second.id);
    await bank.finish(second.id);
    const ticked = await bank.add({ occurredOn: '2026-02-03' });
    const open = await bank.start('0', '2026-02-28');
    await bank.clear(open.id, ticked.id);
    const other = await bank.start('10', '2026-01-31', bank.savings);
    await bank.clearAll(other.id);
    await bank.finish(other.id);
    return {
      bank,
      split,
      transfer,
      ticked,
      ids: { first: first.id, second: second.id, open: open.id, other: other.id },
    };
  }
  type World = Awaited<ReturnType<typeof fill>>;
  /** One unit of the smallest size, as each database writes it. */
  const aBit = () => (database.dialect === 'sqlite' ? '1' : '0.00000001');

  test('a finished statement that is not what is locked up to it is named by the smallest unit, and so is a mark that its reconciliation does not bear out', async () => {
    const cases: [kind: string, of: (world: World) => string, sql: string, value: (world: World) => string][] = [
      [
        'reconciliation_sum',
        ({ ids }) => ids.first,
        `update reconciliations set statement_balance = statement_balance + ${aBit()} where id = ?`,
        ({ ids }) => ids.first,
      ],
      [
        'reconciliation_opening',
        ({ ids }) => ids.second,
        `update reconciliations set statement_balance = statement_balance + ${aBit()} where id = ?`,
        ({ ids }) => ids.first,
      ],
      [
        'reconciliation_opening',
        ({ ids }) => ids.open,
        `update reconciliations set opening_balance = opening_balance - ${aBit()} where id = ?`,
        ({ ids }) => ids.open,
      ],
      [
        'reconciliation_sum',
        ({ ids }) => ids.other,
        'update reconciliations set transaction_count = transaction_count + 1 where id = ?',
        ({ ids }) => ids.other,
      ],
      [
        'reconciliation_sum',
        ({ ids }) => ids.first,
        `update entries set amount = amount + ${aBit()} where transaction_id = ? and line = 1`,
        ({ split }) => split.id,
      ],
      [
        'reconciliation_sum',
        ({ ids }) => ids.second,
        `update entries set amount = amount + ${aBit()} where transaction_id = ? and line = 1`,
        ({ split }) => split.id,
      ],
      [
        'reconciliation_sum',
        ({ ids }) => ids.other,
        `update entries set amount = amount + ${aBit()} where transaction_id = ? and line = 1`,
        ({ transfer }) => transfer.id,
      ],
      [
        'reconciliation_sum',
        ({ ids }) => ids.first,
        'update transactions set cleared_state = null, reconciliation_id = null where id = ?',
        ({ split }) => split.id,
      ],
      [
        'cleared_mark',
        ({ split }) => split.id,
        `update transactions set cleared_state = 'cleared' where id = ?`,
        ({ split }) => split.id,
      ],
      [
        'cleared_mark',
        ({ ticked }) => ticked.id,
        `update transactions set cleared_state = 'reconciled' where id = ?`,
        ({ ticked }) => ticked.id,
      ],
      [
        'cleared_mark',
        ({ transfer }) => transfer.id,
        'update transactions set to_cleared_state = null where id = ?',
        ({ transfer }) => transfer.id,
      ],
      [
        'cleared_mark',
        ({ transfer }) => transfer.id,
        'update transactions set to_reconciliation_id = reconciliation_id where id = ?',
        ({ transfer }) => transfer.id,
      ],
      ['cleared_mark', ({ ticked }) => ticked.id, `delete from reconciliations where id = ?`, ({ ids }) => ids.open],
      [
        'cleared_mark',
        ({ ticked }) => ticked.id,
        `update reconciliations set statement_date = '2026-02-02' where id = ?`,
        ({ ids }) => ids.open,
      ],
      [
        'cleared_mark',
        ({ ticked }) => ticked.id,
        `update reconciliations set earliest_on = '2026-02-04' where id = ?`,
        ({ ids }) => ids.open,
      ],
    ];
    for (const [kind, of, sql, value] of cases) {
      const world = await fill();
      expect(await world.bank.differences()).toEqual([]);
      await database.em().execute(sql, [value(world)], 'run');
      expect(await world.bank.differences(), sql).toContainEqual(
        expect.objectContaining({ kind, id: of(world), kept: expect.any(String), recomputed: expect.any(String) }),
      );
    }
  });

  test('a difference says what the statement has and what is locked', async () => {
    const { bank, ids }: { bank: Bank; ids: World['ids'] } = await fill();
    await database
      .em()
      .execute(
        `update reconciliations set statement_balance = statement_balance + ${aBit()} where id = ?`,
        [ids.second],
        'run',
      );
    expect(await bank.differences()).toEqual([
      {
        kind: 'reconciliation_sum',
        id: ids.second,
        kept: '70.00000001, 1 locked',
        recomputed: '70.00000000, 1 locked',
      },
      { kind: 'reconciliation_opening', id: ids.open, kept: '70.00000000', recomputed: '70.00000001' },
    ]);
  });
});
