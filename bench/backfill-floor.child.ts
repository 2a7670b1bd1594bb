/**
 * The floor of a back-fill, alone in its process: fetch a range, decode it by hand, insert it in rows of 1,000 into the same two tables by the bare driver,
 * one transaction a range. No checks, no forks, no cursor, no live feed, and every position in memory.
 */
import { childTask, finishChild } from './support/child.ts';
import { type BareConnection, connectBare } from './support/databases.ts';
import { peakMemoryMb } from './support/memory.ts';
import { type Hex, rpc, toQuantity } from './support/rpc.ts';
import { vaultAddress } from './support/vault-chain.ts';

type Log = {
  topics: Hex[];
  data: Hex;
  blockNumber: Hex;
  blockHash: Hex;
  logIndex: Hex;
  transactionHash: Hex;
  blockTimestamp: Hex;
};

const ROWS_PER_INSERT = 1000;
const LOG_COLUMNS =
  'id,vault_id,chain_id,ref,owner_address,position_key,event,effect,amount_raw,reward_raw,staked_at,reward_claimed,block_number,block_hash,block_time,log_index,tx_hash,status';
const STAKE_COLUMNS =
  'id,vault_id,ref,owner_address,position_key,amount_raw,claimed_reward_raw,reward_claimed,staked_at,closed_at,tx_hash,last_block,last_log_index,first_block';
const VAULT_ID = 'vlt_floor';

const task = childTask() as {
  databaseUrl: string;
  rpcUrl: string;
  head: number;
  blocksPerRange: number;
  topics: Record<Hex, string>;
};
const connection = await connectBare(task.databaseUrl);
const topics = Object.keys(task.topics);
/** Values of STAKE_COLUMNS by ref. */
const stakes = new Map<string, unknown[]>();
let logCount = 0;

const startMb = process.memoryUsage.rss() / 2 ** 20;
const spent = { fetchMs: 0, decodeMs: 0, writeMs: 0 };
const cpuAtStart = process.cpuUsage();
const startedAt = performance.now();
let markedAt = startedAt;
for (let from = 0; from <= task.head; from += task.blocksPerRange) {
  const to = Math.min(task.head, from + task.blocksPerRange - 1);
  const filter = { address: vaultAddress, topics: [topics], fromBlock: toQuantity(from), toBlock: toQuantity(to) };
  const logs = await rpc<Log[]>(task.rpcUrl, 'eth_getLogs', [filter]);
  mark('fetchMs');
  const touched = new Map<string, unknown[]>();
  const rows = logs.map((log) => decode(log, touched));
  mark('decodeMs');
  await connection.run('begin');
  await insert(connection, 'staking_logs', LOG_COLUMNS, rows, '');
  await insert(connection, 'stakes', STAKE_COLUMNS, [...touched.values()], upsertClause());
  await connection.run('commit');
  mark('writeMs');
}
const elapsedMs = performance.now() - startedAt;
const cpu = process.cpuUsage(cpuAtStart);
const peakMb = peakMemoryMb();
await connection.close();
finishChild({ elapsedMs, startMb, cpuMs: (cpu.user + cpu.system) / 1000, peakMb, ...spent });

function mark(phase: keyof typeof spent): void {
  const now = performance.now();
  spent[phase] += now - markedAt;
  markedAt = now;
}

function decode({ topics: [topic, user], data, ...log }: Log, touched: Map<string, unknown[]>): unknown[] {
  const event = task.topics[topic as Hex] as string;
  const owner = `0x${(user as string).slice(26)}`;
  const word = (index: number) => BigInt(`0x${data.slice(2 + 64 * index, 66 + 64 * index)}`);
  const block = Number(log.blockNumber);
  const time = Number(log.blockTimestamp);
  const logIndex = Number(log.logIndex);
  const key = word(event === 'Claimed' ? 1 : 2).toString();
  const ref = `${owner}:${key}`;
  const amount = event === 'Claimed' ? null : word(0).toString();
  const reward = event === 'Staked' ? null : word(event === 'Claimed' ? 0 : 1);
  const before = stakes.get(ref);
  const stake = before ?? [
    id('pos', stakes.size),
    VAULT_ID,
    ref,
    owner,
    key,
    amount,
    '0',
    0,
    time,
    null,
    '',
    0,
    0,
    block,
  ];
  if (event !== 'Staked') {
    stake[6] = (BigInt(stake[6] as string) + (reward ?? 0n)).toString();
    stake[7] = 1;
  }
  if (event === 'Unstaked') {
    stake[5] = '0';
    stake[9] = time;
  }
  stake[10] = log.transactionHash;
  stake[11] = block;
  stake[12] = logIndex;
  if (!before) stakes.set(ref, stake);
  touched.set(ref, stake);
  const stakedAt = event === 'Staked' ? Number(word(1)) : null;
  return [
    id('slog', logCount++),
    VAULT_ID,
    31337,
    ref,
    owner,
    key,
    event,
    event.slice(0, 5).toLowerCase(),
    amount,
    reward?.toString() ?? null,
    stakedAt,
    null,
    block,
    log.blockHash,
    time,
    logIndex,
    log.transactionHash,
    'applied',
  ];
}

function id(prefix: string, count: number): string {
  return `${prefix}_${count.toString().padStart(26, '0')}`;
}

async function insert(
  to: BareConnection,
  table: string,
  columns: string,
  rows: unknown[][],
  tail: string,
): Promise<void> {
  const tuple = `(${columns
    .split(',')
    .map(() => '?')
    .join(',')})`;
  for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
    const chunk = rows.slice(start, start + ROWS_PER_INSERT);
    await to.run(
      `insert into ${table} (${columns}) values ${Array(chunk.length).fill(tuple).join(',')}${tail}`,
      chunk.flat(),
    );
  }
}

function upsertClause(): string {
  const columns = STAKE_COLUMNS.split(',').slice(5);
  return connection.dialect === 'mysql'
    ? ` on duplicate key update ${columns.map((column) => `${column}=values(${column})`).join(',')}`
    : ` on conflict (vault_id, ref) do update set ${columns.map((column) => `${column}=excluded.${column}`).join(',')}`;
}
