import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { type Database, transact } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { Fact, SinkChange } from '../../sync/index.ts';
import { StakingSink } from './staking.sink.ts';
import { history, testVault } from './test-facts.ts';

const runs = (driver: string) => ({ numRuns: driver === 'sqlite' ? 60 : 25 });

/** A history, and one way in which it may reach the sink: cut into batches, some of them twice, in any order. */
const deliveries = history(14).chain((facts) =>
  fc
    .array(fc.integer({ min: 1, max: 4 }), { minLength: facts.length, maxLength: facts.length })
    .map((sizes) => {
      const batches: Fact[][] = [];
      for (let at = 0; at < facts.length;) {
        const size = sizes[batches.length] ?? 1;
        batches.push(facts.slice(at, at + size));
        at += size;
      }
      return batches;
    })
    .chain((batches) =>
      fc
        .tuple(
          fc.shuffledSubarray(batches, { minLength: batches.length, maxLength: batches.length }),
          fc.array(fc.record({ from: fc.nat(), to: fc.nat() }), { maxLength: 3 }),
        )
        .map(([shuffled, repeats]) => {
          const delivered = [...shuffled];
          for (const { from, to } of repeats)
            delivered.splice(to % (delivered.length + 1), 0, delivered[from % delivered.length] as Fact[]);
          return { facts, delivered };
        }),
    ),
);

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let sink: StakingSink;
  /** What the changes say that the table holds. */
  let kept: { stakedRaw: bigint; positions: number };

  beforeEach(async () => {
    database = await databases.openMigrated();
    sink = new StakingSink(database.dialect, systemClock);
  });

  const clear = async () => {
    for (const table of ['staking_logs', 'stakes', 'staking_conflicts'])
      await database.em().execute(`delete from ${table}`, [], 'run');
    kept = { stakedRaw: 0n, positions: 0 };
  };
  const asOf = (number: number) => ({
    vault: testVault,
    block: { number, hash: `0x${'ee'.repeat(32)}` as const, timestamp: 1_800_000_000 },
    finalizedBlock: null,
  });
  const follow = async (change: SinkChange) => {
    kept.stakedRaw += change.stakedDeltaRaw;
    kept.positions += change.created - change.removed;
    const rows = await database.em().execute<{ amount_raw: string }[]>('select amount_raw from stakes');
    expect(
      { stakedRaw: rows.reduce((sum, row) => sum + BigInt(row.amount_raw), 0n), positions: rows.length },
      'the kept sums are the table’s',
    ).toEqual(kept);
    expect(await sink.countPositions(database.em(), testVault.id)).toBe(kept.positions);
    expect(await sink.countPositions(database.em(), 'vlt_other')).toBe(0);
    return change;
  };
  const apply = async (facts: readonly Fact[]) =>
    follow(await transact(database, (em) => sink.applyFacts(em, facts, { ...asOf(10_000), describe: false })));
  const orphanAbove = async (block: number) =>
    follow(await transact(database, (em) => sink.orphanFactsAbove(em, asOf(block))));
  /** Everything in the tables but the ids that are made at random. */
  const dump = async () => {
    const stakes = await database.em().execute<Record<string, unknown>[]>('select * from stakes order by ref');
    const logs = await database.em().execute<Record<string, unknown>[]>('select * from staking_logs order by id');
    return { stakes: stakes.map((row) => ({ ...row, id: null })), logs };
  };
  const inOrder = async (facts: readonly Fact[]) => {
    await clear();
    await apply(facts);
    return dump();
  };

  test('however late, in whatever order and how often facts come, the tables are those of the facts in order', async () => {
    await fc.assert(
      fc.asyncProperty(deliveries, async ({ facts, delivered }) => {
        const expected = await inOrder(facts);
        await clear();
        for (const batch of delivered) await apply(batch);
        expect(await dump()).toEqual(expected);
      }),
      runs(databases.driver),
    );
  });

  test('facts that are stored already change no position and no sum', async () => {
    await fc.assert(
      fc.asyncProperty(history(14), fc.nat(), async (facts, from) => {
        const expected = await inOrder(facts);
        const change = await apply(facts.slice(from % facts.length));
        expect(change).toMatchObject({ created: 0, updated: 0, deleted: 0, removed: 0, stakedDeltaRaw: 0n });
        expect(await dump()).toEqual(expected);
      }),
      runs(databases.driver),
    );
  });

  test('dropping blocks leaves what the facts below make, and applying them again is as if nothing had been', async () => {
    await fc.assert(
      fc.asyncProperty(history(14), fc.nat({ max: 20 }), async (facts, above) => {
        const whole = await inOrder(facts);
        const below = facts.filter(({ blockNumber }) => blockNumber <= above);
        const dropped = facts.filter(({ blockNumber }) => blockNumber > above);
        const onlyBelow = await inOrder(below);
        await inOrder(facts);

        const orphaned = await orphanAbove(above);
        expect(orphaned.factsApplied).toBe(dropped.length);
        const after = await dump();
        expect(after.stakes).toEqual(onlyBelow.stakes);
        // A fact is never deleted.
        expect(after.logs.map(({ id }) => id)).toEqual(whole.logs.map(({ id }) => id));
        expect(after.logs.filter(({ status }) => status === 'orphaned')).toHaveLength(dropped.length);
        expect(await orphanAbove(above)).toMatchObject({ factsApplied: 0, stakedDeltaRaw: 0n });

        await apply(dropped);
        expect(await dump()).toEqual(whole);
      }),
      runs(databases.driver),
    );
  });

  test('missing are exactly the facts that are not stored as applied', async () => {
    await fc.assert(
      fc.asyncProperty(
        history(14),
        fc.nat({ max: 20 }),
        fc.array(fc.boolean(), { minLength: 14, maxLength: 14 }),
        async (facts, above, isStored) => {
          await clear();
          const stored = facts.filter((_, at) => isStored[at]);
          if (stored.length > 0) await apply(stored);
          await orphanAbove(above);
          const missing = await sink.selectMissing(database.em(), testVault, facts);
          expect(missing).toEqual(facts.filter((fact, at) => !isStored[at] || fact.blockNumber > above));
        },
      ),
      runs(databases.driver),
    );
  });

  test('a row that somebody changed, or took away, is found, and is the fold of its facts again after a refold', async () => {
    await fc.assert(
      fc.asyncProperty(history(14), fc.nat(), fc.boolean(), async (facts, at, isDeleted) => {
        const expected = await inOrder(facts);
        const victim = facts[at % facts.length] as Fact;
        const position = { ownerAddress: victim.ownerAddress, positionKey: victim.positionKey };
        const ref = `${victim.ownerAddress}:${victim.positionKey}`;
        const em = database.em();
        await em.execute(
          isDeleted
            ? 'delete from stakes where ref = ?'
            : `update stakes set amount_raw = '123456789', closed_at = 1 where ref = ?`,
          [ref],
          'run',
        );

        const everyone = [...new Map(facts.map((fact) => [`${fact.ownerAddress}:${fact.positionKey}`, fact])).values()];
        const misfolded = await sink.findMisfolded(database.em(), testVault, everyone);
        expect(misfolded.map(({ ownerAddress, positionKey }) => `${ownerAddress}:${positionKey}`)).toEqual([ref]);
        expect(await sink.findWithoutRow(database.em(), testVault.id)).toEqual(isDeleted ? [position] : []);

        await transact(database, (work) => sink.refold(work, [position], asOf(10_000)));
        expect(await dump()).toEqual(expected);
      }),
      runs(databases.driver),
    );
  });

  test('a correction makes the row the contract’s, stands behind every log of its block, and several of one block stay apart', async () => {
    await fc.assert(
      fc.asyncProperty(history(10), fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), async (facts, amountRaw) => {
        await inOrder(facts);
        const last = facts.at(-1) as Fact;
        const position = { ownerAddress: last.ownerAddress, positionKey: last.positionKey };
        const at = {
          vault: testVault,
          block: { number: last.blockNumber, hash: last.blockHash, timestamp: last.blockTime },
          finalizedBlock: null,
        };
        for (const amount of [amountRaw, 7n, amountRaw]) {
          const after = { ...position, amountRaw: amount, stakedAt: 1_600_000_000, rewardClaimed: false };
          await follow(
            await transact(database, (em) =>
              sink.correct(em, [{ position, reason: 'contract_differs_from_facts', after }], at),
            ),
          );
          const [row] = await sink
            .readOwners(database.em(), testVault.id, [position.ownerAddress])
            .then((rows) => rows.filter(({ positionKey }) => positionKey === position.positionKey));
          expect(row).toMatchObject(after);
        }
        await follow(
          await transact(database, (em) =>
            sink.correct(em, [{ position, reason: 'absent_in_contract', after: null }], at),
          ),
        );
        const stored = await sink.readOwners(database.em(), testVault.id, [position.ownerAddress]);
        expect(stored.find(({ positionKey }) => positionKey === position.positionKey)).toMatchObject({
          amountRaw: 0n,
          rewardClaimed: true,
        });
      }),
      runs(databases.driver),
    );
  });

  test('a transaction that fails leaves logs and positions as they were', async () => {
    await clear();
    const [facts] = fc.sample(history(14), { numRuns: 1, seed: 7 }) as [Fact[]];
    const work = transact(database, async (em) => {
      await sink.applyFacts(em, facts, { ...asOf(10_000), describe: true });
      throw new Error('after it');
    });
    await expect(work).rejects.toThrow('after it');
    expect(await dump()).toEqual({ stakes: [], logs: [] });
  });
});
