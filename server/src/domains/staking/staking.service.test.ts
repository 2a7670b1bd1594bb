import { positionsOut, stakingLogsOut } from '@finverse/shared';
import fc from 'fast-check';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type Database, insertRows, type SqlValue, transact } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { encodeCursor } from '../../kernel/cursor.ts';
import { newId } from '../../kernel/ids.ts';
import { LOG_COLUMNS, STAKE_COLUMNS, toLog, toStake } from './staking.rows.ts';
import { StakingService } from './staking.service.ts';
import { history, testVault } from './test-facts.ts';

const NOW = 1_800_000_000;
const LOCK = testVault.lockSeconds;
const withoutLock = { ...testVault, id: 'vlt_free', address: `0x${'cc'.repeat(20)}` as const, lockSeconds: 0 };
const owner = (at: number) => `0x${String(at).repeat(40)}` as const;

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let service: StakingService;
  let inserted: number;

  beforeEach(async () => {
    database = await databases.openMigrated();
    service = new StakingService(database, { verifiedBlockOf: () => null, isSynced: () => true });
    inserted = 0;
    for (const vault of [testVault, withoutLock]) {
      const columns: Record<string, SqlValue> = {
        id: vault.id,
        kind: vault.kind,
        chain_id: vault.chainId,
        address: vault.address,
        token_address: vault.tokenAddress,
        decimals: vault.decimals,
        lock_seconds: vault.lockSeconds,
        apy_percent: vault.apyPercent,
        start_block: 0,
        cursor_block: 500,
        cursor_hash: `0x${'ee'.repeat(32)}`,
        cursor_time: NOW,
        finalized_block: 250,
        staked_total_raw: '0',
        positions: 0,
        facts_applied: 0,
        creates: 0,
        updates: 0,
        deletes: 0,
        conflicts: 0,
        reorgs: 0,
        created_at: 0,
      };
      await insert('vaults', Object.keys(columns), [Object.values(columns)]);
    }
  });

  const insert = (table: string, columns: readonly string[], rows: SqlValue[][]) =>
    transact(database, (em) => insertRows(em, database.dialect, { table, columns, rows }));
  const clear = async () => {
    for (const table of ['stakes', 'staking_logs']) await database.em().execute(`delete from ${table}`, [], 'run');
  };
  type Stake = { vaultId?: string; ownerAt?: number; stakedAt?: number; closedAt?: number | null };
  const insertStakes = async (stakes: readonly Stake[]) => {
    const rows = stakes.map(({ vaultId = testVault.id, ownerAt = 1, stakedAt = NOW, closedAt = null }) => {
      const row = {
        id: newId('pos'),
        ownerAddress: owner(ownerAt),
        positionKey: String((inserted += 1)),
        amountRaw: closedAt === null ? 10n ** 18n : 0n,
        claimedRewardRaw: 0n,
        rewardClaimed: closedAt !== null,
        stakedAt,
        closedAt,
        txHash: null,
        firstBlock: 1,
        lastBlock: inserted,
        lastLogIndex: 0,
      };
      return { id: row.id, values: toStake(row, vaultId) };
    });
    await insert(
      'stakes',
      STAKE_COLUMNS,
      rows.map(({ values }) => values),
    );
    return rows.map(({ id }) => id);
  };
  /** All pages of a list; between two of them something may happen. */
  const visit = async <Item>(
    read: (cursor: string | undefined) => Promise<{ items: Item[]; nextCursor: string | null }>,
    between: () => Promise<unknown> = async () => undefined,
  ): Promise<Item[]> => {
    const items: Item[] = [];
    let cursor: string | undefined;
    do {
      const page = await read(cursor);
      items.push(...page.items);
      if (items.length > 1000) throw new Error('the list does not end');
      cursor = page.nextCursor ?? undefined;
      if (cursor !== undefined) await between();
    } while (cursor !== undefined);
    return items;
  };

  describe('paging', () => {
    test('visits every position that was there exactly once, in the order of ids, however many are added meanwhile', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 0, max: 25 }),
          fc.integer({ min: 1, max: 7 }),
          fc.integer({ min: 0, max: 3 }),
          async (count, limit, more) => {
            await clear();
            const before = await insertStakes(Array.from({ length: count }, () => ({})));
            let additions = 0;
            const visited = await visit(
              (cursor) => service.positions({ limit, cursor }),
              async () => (additions += 1) <= 5 && insertStakes(Array.from({ length: more }, () => ({}))),
            );
            const ids = visited.map(({ id }) => id);
            expect(new Set(ids).size).toBe(ids.length);
            expect(ids.slice(0, count)).toEqual(before.toSorted());
            expect(ids).toEqual(ids.toSorted());
          },
        ),
        { numRuns: 20 },
      );
    });

    test('ends with null, also where the last page is exactly full, and a list of nothing is empty', async () => {
      expect(await service.positions({ limit: 5 })).toEqual({ items: [], nextCursor: null });
      await insertStakes([{}, {}, {}, {}]);
      const first = await service.positions({ limit: 2 });
      const second = await service.positions({ limit: 2, cursor: first.nextCursor ?? '' });
      expect([first.items.length, second.items.length, second.nextCursor]).toEqual([2, 2, null]);
    });

    test('visits every log exactly once, in chain order, also several of one block', async () => {
      await fc.assert(
        fc.asyncProperty(history(20), fc.integer({ min: 1, max: 5 }), async (facts, limit) => {
          await clear();
          await insert(
            'staking_logs',
            LOG_COLUMNS,
            facts.map((fact) => toLog({ ...fact, id: newId('adr'), status: 'applied' }, testVault)),
          );
          const logs = await visit((cursor) => service.logs({ limit, cursor }));
          expect(logs.map(({ blockNumber, logIndex }) => [blockNumber, logIndex])).toEqual(
            facts.map(({ blockNumber, logIndex }) => [blockNumber, logIndex]),
          );
          expect(stakingLogsOut.shape.items.safeParse(logs).success).toBe(true);
        }),
        { numRuns: 20 },
      );
    });

    test('a cursor that is not of this list is refused by its name, whatever is in it', async () => {
      for (const cursor of [
        '',
        'x',
        encodeCursor('positions', [1]),
        encodeCursor('positions', ['a', 'b']),
        Buffer.from('["staking logs",1e999,0,"x"]').toString('base64url'),
        encodeCursor('positions', ['\0']),
      ]) {
        await expect(service.positions({ limit: 5, cursor }), cursor).rejects.toMatchObject({
          code: 'VALIDATION_FAILED',
          details: [{ path: 'cursor' }],
        });
        await expect(service.logs({ limit: 5, cursor }), cursor).rejects.toMatchObject({
          code: 'VALIDATION_FAILED',
          details: [{ path: 'cursor' }],
        });
      }
    });

    test('a cursor of the right form answers a page, whatever it points at', async () => {
      await insertStakes([{}]);
      for (const place of ['', "' or 1=1 --", "\\' or 1=1 --", '?', '🏦', '\ud800', 'z'.repeat(300)]) {
        expect(
          (await service.positions({ limit: 5, cursor: encodeCursor('positions', [place]) })).items.length,
        ).toBeLessThanOrEqual(1);
      }
      for (const number of [-1, 1.5, Number.MAX_SAFE_INTEGER, 1e300, -1e300]) {
        expect(
          (await service.logs({ limit: 5, cursor: encodeCursor('staking logs', [number, number, 'x']) })).items,
        ).toEqual([]);
      }
    });
  });

  describe('a filter by state', () => {
    const stake = fc.record({
      vaultId: fc.constantFrom(testVault.id, withoutLock.id),
      ownerAt: fc.integer({ min: 1, max: 3 }),
      // At the very second at which the lock ends, and around it.
      stakedAt: fc.oneof(
        fc.integer({ min: NOW - LOCK - 1, max: NOW - LOCK + 1 }),
        fc.integer({ min: NOW - 2 * LOCK, max: NOW + 100 }),
      ),
      closedAt: fc.option(fc.integer({ min: NOW - LOCK, max: NOW })),
    });

    test('answers exactly the positions whose own state it is, and the four states together are everything', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(stake, { maxLength: 20 }), async (stakes) => {
          await clear();
          if (stakes.length > 0) await insertStakes(stakes);
          const all = (await service.positions({ limit: 200 })).items;
          expect(positionsOut.shape.items.safeParse(all).success).toBe(true);
          for (const state of ['staked', 'locked', 'unlockable', 'closed'] as const) {
            const filtered = await visit((cursor) => service.positions({ limit: 3, cursor, state }));
            expect(filtered, state).toEqual(all.filter((position) => position.state === state));
          }
        }),
        { numRuns: 20 },
      );
    });

    test('and by owner and vault are what all of them together leave', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(stake, { maxLength: 20 }), async (stakes) => {
          await clear();
          if (stakes.length > 0) await insertStakes(stakes);
          const all = (await service.positions({ limit: 200 })).items;
          const query = { ownerAddress: owner(2), vaultId: testVault.id, state: 'locked' as const };
          const expected = all.filter(
            (item) =>
              item.ownerAddress === query.ownerAddress && item.vaultId === query.vaultId && item.state === 'locked',
          );
          expect((await service.positions({ limit: 200, ...query })).items).toEqual(expected);
          expect(await service.positionsOf(owner(2))).toEqual(
            all.filter(({ ownerAddress }) => ownerAddress === owner(2)),
          );
        }),
        { numRuns: 10 },
      );
    });
  });

  test('one position is answered as in the list; an unknown one is not found, also by its logs', async () => {
    const [id = ''] = await insertStakes([{}]);
    expect(await service.position(id)).toEqual((await service.positions({ limit: 1 })).items[0]);
    await expect(service.position('pos_none')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(service.logs({ limit: 1, positionId: 'pos_none' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('the logs of one owner are found by the index of refs, and are those of nobody else', async () => {
    const facts = fc.sample(history(20), { numRuns: 1, seed: 7 })[0] ?? [];
    const rows = facts.map((fact) => toLog({ ...fact, id: newId('adr'), status: 'applied' }, testVault));
    await insert('staking_logs', LOG_COLUMNS, rows);
    const all = (await service.logs({ limit: 200 })).items;
    const execute = vi.spyOn(Object.getPrototypeOf(database.em()) as SqlEntityManager, 'execute');
    for (const at of [1, 2, 3, 9]) {
      const logs = await visit((cursor) => service.logs({ limit: 2, cursor, ownerAddress: owner(at) }));
      expect(logs).toEqual(all.filter(({ ownerAddress }) => ownerAddress === owner(at)));
    }
    const statements = execute.mock.calls.filter(([sql]) => (sql as string).includes('from staking_logs'));
    execute.mockRestore();
    expect(statements.length).toBeGreaterThan(4);
    const explain = database.dialect === 'mysql' ? 'explain' : 'explain query plan';
    for (const [sql, parameters] of statements) {
      const plan = await database.em().execute(`${explain} ${sql as string}`, parameters);
      expect(JSON.stringify(plan)).toMatch(
        database.dialect === 'mysql'
          ? /"type":"range".*"key":"staking_logs_ref_index"/
          : /INDEX staking_logs_ref_index \(ref>\? AND ref<\?\)/,
      );
    }
  });

  test('what is stored of a vault that is not synced any more is not served', async () => {
    const [id = '', gone = ''] = await insertStakes([{}, { vaultId: withoutLock.id }]);
    for (const vault of [testVault, withoutLock]) {
      const facts = fc.sample(history(3), { numRuns: 1, seed: 7 })[0] ?? [];
      const rows = facts.map((fact) =>
        toLog(
          {
            ...fact,
            id: newId('adr'),
            blockHash: `0x${vault.id === testVault.id ? 'ab' : 'cd'}${fact.blockHash.slice(4)}`,
            status: 'applied',
          },
          vault,
        ),
      );
      await insert('staking_logs', LOG_COLUMNS, rows);
    }
    const serving = new StakingService(database, {
      verifiedBlockOf: () => null,
      isSynced: (vault) => vault === testVault.id,
    });
    const [all, served] = [await service.logs({ limit: 100 }), await serving.logs({ limit: 100 })];
    expect(served.items).toEqual(all.items.filter(({ vaultId }) => vaultId === testVault.id));
    expect(served.items.length).toBe(all.items.length / 2);
    const positions = [
      await serving.positions({ limit: 100 }),
      await serving.positions({ limit: 100, ownerAddress: owner(1) }),
      { items: await serving.positionsOf(owner(1)) },
    ];
    for (const { items } of positions) expect(items.map((position) => position.id)).toEqual([id]);
    expect((await serving.positions({ limit: 100, vaultId: withoutLock.id })).items).toEqual([]);
    await expect(serving.position(gone)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(serving.logs({ limit: 1, positionId: gone })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const none = new StakingService(database, { verifiedBlockOf: () => null, isSynced: () => false });
    expect((await none.positions({ limit: 100 })).items).toEqual([]);
  });

  test('finality and the verified block are told as of the vault’s row', async () => {
    const service2 = new StakingService(database, { verifiedBlockOf: (_, { id }) => id.length, isSynced: () => true });
    const [id = ''] = await insertStakes([{}]);
    expect(await service2.position(id)).toMatchObject({ finality: 'finalized', verifiedBlock: id.length });
    await database.em().execute('update vaults set finalized_block = 0, verified_block = 400', [], 'run');
    expect(await service.position(id)).toMatchObject({ finality: 'unfinalized', verifiedBlock: 400 });
  });
});
