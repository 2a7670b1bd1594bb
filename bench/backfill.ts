/**
 * Back-fill of a vault's history into MariaDB and SQLite: events a second, peak memory, and the ratio to a bare loop in the same run.
 *
 *   --bench-events N   that many events instead of 50,000 (more than 100,000 come from an emitter contract)
 *   --full             50,000 and 500,000
 *   --rounds N         engine and floor in turn, so many times (default 5; 3 above 100,000); the medians are printed
 */
import { parseArgs } from 'node:util';
import { getAbiItem, toEventSelector } from 'viem';
import { openDatabase } from '../server/src/db/index.ts';
import { entities } from '../server/src/entities.ts';
import { stakeVaultAbi } from '../shared/src/abi/stake-vault.ts';
import { measureInChild } from './support/child.ts';
import { type BenchDatabases, connectBare, type DatabaseKind, startDatabases } from './support/databases.ts';
import { describeMachine } from './support/machine.ts';
import { rpc, toQuantity } from './support/rpc.ts';
import { format, median, printTable } from './support/stats.ts';
import { makeEmittedChain, openMixedChain, vaultAddress, type VaultChain } from './support/vault-chain.ts';

type Measured = { elapsedMs: number; cpuMs: number; serverCpuMs: number; startMb: number; peakMb: number };

const EMITTED_ABOVE = 100_000;
const LOGS_PER_RANGE = 5000;
const topics = Object.fromEntries(
  (['Staked', 'Claimed', 'Unstaked'] as const).map((name) => [
    toEventSelector(getAbiItem({ abi: stakeVaultAbi, name })),
    name,
  ]),
);

const { values: options } = parseArgs({
  options: { 'bench-events': { type: 'string' }, full: { type: 'boolean' }, rounds: { type: 'string' } },
});
const sizes = options.full ? [50_000, 500_000] : [Number(options['bench-events'] ?? 50_000)];

console.log(`Back-fill\n${describeMachine()}`);
const databases = await startDatabases();
const rows: string[][] = [];
for (const events of sizes) {
  const chain = events > EMITTED_ABOVE ? await makeEmittedChain(events) : await openMixedChain(events);
  console.log(`chain: ${chain.made}`);
  await warmUp(chain);
  const rounds = Number(options.rounds ?? (events > EMITTED_ABOVE ? 3 : 5));
  for (const kind of databases.kinds) rows.push(await measure(databases, kind, chain, rounds));
  await chain.stop();
}
await databases.stop();
printTable(
  [
    'events',
    'database',
    'engine, events/s',
    'floor, events/s',
    'ratio',
    'CPU ms for 1,000 events, engine + server',
    'the same of the floor',
    'engine peak MB (at start)',
    'floor peak MB',
  ],
  rows,
);

/** Engine and floor in turn, each round into new databases; every result is checked before its time counts. */
async function measure(from: BenchDatabases, kind: DatabaseKind, chain: VaultChain, rounds: number): Promise<string[]> {
  const { events, head } = chain.expected;
  const engine: Measured[] = [];
  const floor: Measured[] = [];
  const target = { rpcUrl: chain.rpcUrl, wsUrl: chain.wsUrl, head };
  const blocksPerRange = Math.max(1, Math.floor((LOGS_PER_RANGE * head) / events));
  const measured = async (child: string, task: object): Promise<Measured> => {
    const before = await from.serverCpuMs(kind);
    const result = await measureInChild<Omit<Measured, 'serverCpuMs'>>(child, { ...target, ...task });
    return { ...result, serverCpuMs: (await from.serverCpuMs(kind)) - before };
  };
  for (let round = 0; round < rounds; round += 1) {
    const floorUrl = await from.create(kind);
    await migrate(floorUrl);
    floor.push(await measured('backfill-floor.child.ts', { databaseUrl: floorUrl, blocksPerRange, topics }));
    await checkTables(floorUrl, chain);
    const engineUrl = await from.create(kind);
    await migrate(engineUrl);
    engine.push(await measured('backfill-engine.child.ts', { databaseUrl: engineUrl }));
    await checkTables(engineUrl, chain);
    console.log(
      `${format(events)} ${kind} round ${round + 1}: engine ${format(engine.at(-1)?.elapsedMs ?? 0)} ms, floor ${format(floor.at(-1)?.elapsedMs ?? 0)} ms`,
    );
  }
  const rate = (runs: Measured[]) => events / (median(runs.map(({ elapsedMs }) => elapsedMs)) / 1000);
  const cpu = (runs: Measured[]) =>
    (['cpuMs', 'serverCpuMs'] as const)
      .map((part) => format(median(runs.map((run) => run[part])) / (events / 1000), 1))
      .join(' + ');
  const peak = (runs: Measured[]) => Math.max(...runs.map(({ peakMb }) => peakMb));
  const ratios = engine.map(({ elapsedMs }, round) => (floor[round]?.elapsedMs ?? 0) / elapsedMs);
  return [
    format(events),
    kind,
    format(rate(engine)),
    format(rate(floor)),
    format(median(ratios), 2),
    cpu(engine),
    cpu(floor),
    `${format(peak(engine))} (${format(median(engine.map(({ startMb }) => startMb)))})`,
    format(peak(floor)),
  ];
}

async function migrate(url: string): Promise<void> {
  const database = await openDatabase({ url, entities });
  await database.migrate();
  await database.close();
}

/** Anvil reads its log index for the first time. */
async function warmUp({ rpcUrl, expected }: VaultChain): Promise<void> {
  let count = 0;
  for (let from = 0; from <= expected.head; from += 100) {
    const filter = {
      address: vaultAddress,
      topics: [Object.keys(topics)],
      fromBlock: toQuantity(from),
      toBlock: toQuantity(Math.min(expected.head, from + 99)),
    };
    count += (await rpc<unknown[]>(rpcUrl, 'eth_getLogs', [filter])).length;
  }
  if (count !== expected.events) throw new Error(`the chain answers ${count} logs, expected ${expected.events}`);
}

/** A fast wrong result is no result. */
async function checkTables(url: string, { expected }: VaultChain): Promise<void> {
  const connection = await connectBare(url);
  const [logs] = await connection.rows<{ count: number }>(
    "select count(*) as count from staking_logs where status = 'applied'",
  );
  const stakes = await connection.rows<{ amount_raw: string }>('select amount_raw from stakes');
  await connection.close();
  const sum = stakes.reduce((total, { amount_raw: amount }) => total + BigInt(amount), 0n);
  const isRight =
    logs?.count === expected.events && stakes.length === expected.positions && sum.toString() === expected.openTotalRaw;
  if (!isRight)
    throw new Error(
      `wrong result: ${logs?.count} facts, ${stakes.length} positions, sum ${sum}; expected ${JSON.stringify(expected)}`,
    );
}
