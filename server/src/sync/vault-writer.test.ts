import { beforeEach, expect, test } from 'vitest';
import { type Database, openDatabase } from '../db/index.ts';
import { fillMigratedSqlite } from '../db/test-migrated.ts';
import { StakingSink } from '../domains/staking/index.ts';
import { entities } from '../entities.ts';
import { systemClock } from '../kernel/clock.ts';
import { StaleWriterError } from './errors.ts';
import { SyncLease } from './lease.ts';
import { readOutboxAfter } from './outbox.ts';
import type { Fact, Hex, Vault } from './types.ts';
import { registerVault } from './vault-store.ts';
import { VaultWriter } from './vault-writer.ts';

let database: Database;
let vault: Vault;

beforeEach(async () => {
  database = await openDatabase({ url: 'sqlite::memory:', entities });
  await fillMigratedSqlite(database);
  const terms = { kind: 'stake-vault', chainId: 1, decimals: 18, lockSeconds: 60, apyPercent: 10, startBlock: 1 };
  const [address, tokenAddress] = [`0x${'aa'.repeat(20)}`, `0x${'bb'.repeat(20)}`] as const;
  vault = await registerVault(database.em(), database, { ...terms, address, tokenAddress }, 0);
  return () => database.close();
});

const lease = (holder: string) => new SyncLease({ database, holder, ttlMs: 60_000, isAlone: false });
const writer = (held: SyncLease) =>
  VaultWriter.open({
    database,
    lease: held,
    sink: new StakingSink('sqlite', systemClock),
    clock: systemClock,
    vault,
    onEvents: () => undefined,
  });

const hashOf = (number: number): Hex => `0x${number.toString(16).padStart(64, '0')}`;

/** The block of that number, with one stake in it. */
function unitOf(number: number) {
  const stake: Fact = {
    event: 'Staked',
    effect: 'stake',
    ownerAddress: `0x${'1'.repeat(40)}`,
    positionKey: String(number),
    amountRaw: 5n,
    rewardRaw: null,
    stakedAt: number,
    rewardClaimed: null,
    blockNumber: number,
    blockHash: hashOf(number),
    logIndex: 0,
    txHash: hashOf(1000 + number),
    blockTime: number,
  };
  const end = { number, hash: hashOf(number), parentHash: hashOf(number - 1), timestamp: number };
  return { fromBlock: number, facts: [stake], end };
}

const rowsOf = async (table: string) => database.em().execute<object[]>(`select * from ${table}`);
const everything = async () =>
  Promise.all(['vaults', 'stakes', 'staking_logs', 'outbox', 'chain_blocks'].map((table) => rowsOf(table)));

test('a writer that lost the lease without noticing writes nothing', async () => {
  const [old, next] = [lease('old'), lease('next')];
  await old.acquire();
  const stale = await writer(old);
  await stale.applyUnit(unitOf(1));
  await database.em().execute('update sync_leases set expires_at = 0', [], 'run');
  await next.acquire();
  const before = await everything();
  await expect(stale.applyUnit(unitOf(2))).rejects.toThrow(StaleWriterError);
  await expect(stale.rollBack(null)).rejects.toThrow(StaleWriterError);
  expect(await everything()).toEqual(before);
  const leading = await writer(next);
  expect(await leading.applyUnit(unitOf(2))).toMatchObject({ factsApplied: 1, creates: 1 });
});

test('a writer whose cursor was moved behind its back writes nothing until it has read again', async () => {
  const held = lease('both');
  await held.acquire();
  const [first, second] = [await writer(held), await writer(held)];
  await first.applyUnit(unitOf(1));
  const before = await everything();
  await expect(second.applyUnit(unitOf(1))).rejects.toThrow(StaleWriterError);
  expect(await everything()).toEqual(before);
  await second.reload();
  expect(await second.applyUnit(unitOf(2))).toMatchObject({ factsApplied: 1, creates: 1 });
  expect(second.state).toMatchObject({ cursor: { number: 2 }, stakedTotalRaw: 10n, positions: 2 });
});

test('how far positions are verified is written when asked, once, and by the leader alone', async () => {
  const [old, next] = [lease('old'), lease('next')];
  await old.acquire();
  const verifying = await writer(old);
  await verifying.applyUnit(unitOf(1));
  const before = await everything();
  await verifying.saveVerified();
  expect(await everything(), 'nothing new, nothing written').toEqual(before);
  verifying.observe({ verifiedBlock: 1 });
  await verifying.saveVerified();
  expect((await writer(old)).state).toMatchObject({ verifiedBlock: 1, cursor: { number: 1 }, positions: 1 });
  expect((await everything()).slice(1), 'nothing but the row of the vault').toEqual(before.slice(1));

  verifying.observe({ verifiedBlock: 2 });
  await database.em().execute('update sync_leases set expires_at = 0', [], 'run');
  await next.acquire();
  await expect(verifying.saveVerified()).rejects.toThrow(StaleWriterError);
  expect((await writer(next)).state.verifiedBlock).toBe(1);
});

test('facts are told to subscribers one by one, or, where they are many, as one event: those that were missed as well', async () => {
  const held = lease('a');
  await held.acquire();
  const leading = await writer(held);
  const facts = Array.from({ length: 203 }, (_, block) => unitOf(block + 1).facts).flat();
  await leading.applyUnit({ ...unitOf(203), fromBlock: 1, facts: [] });
  const told = async () => (await readOutboxAfter(database.em(), 0, 1_000)).map(({ event }) => event);
  await leading.applyMissed(facts.slice(0, 2));
  expect((await told()).map(({ type }) => type)).toEqual(['fact', 'fact']);
  await leading.applyMissed(facts);
  expect((await told()).slice(2)).toEqual([
    { type: 'backfilled', vaultId: vault.id, fromBlock: 3, toBlock: 203, factsApplied: 201 },
  ]);
});
