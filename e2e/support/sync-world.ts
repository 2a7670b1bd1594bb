import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Anvil, deployDevContracts, startAnvil } from '../../server/src/devchain/index.ts';
import { type ContractTruth, readContract } from './contract-truth.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import type { ApiError } from './http-client.ts';
import { freePort } from './mariadb.ts';
import { waitFor } from './poll.ts';
import { type ServerEnvironment, type ServerProcess, spawnServer } from './server-process.ts';
import { openTables, type Tables } from './tables.ts';

const operator = { email: 'operator@example.test', password: 'a long enough password' };

export type VaultStatus = {
  id: string;
  cursor_block: number | null;
  cursor_hash: string | null;
  head_block: number | null;
  finalized_block: number | null;
  verified_block: number | null;
  staked_total_raw: string;
  positions: number;
  halted_reason: string | null;
  watcher: { state: string };
};

export type SyncStatus = {
  is_running: boolean;
  statistics: Record<'conflicts' | 'reorgs' | 'deletes' | 'creates' | 'updates' | 'cycles_total', number>;
  last_error: { message: string } | null;
  last_cycle: { outcome: string; error: string | null } | null;
  vaults: VaultStatus[];
};

export type Position = {
  owner_address: string;
  position_key: string;
  amount_raw: string;
  staked_at: string;
  pending_reward_raw: string;
  claimed_reward_raw: string;
};

export type Conflict = { owner_address: string; position_key: string; reason: string; before: string; after: string };

type WorldOptions = {
  /** Default: an SQLite file in the world's own folder. */
  databaseUrl?: string;
  /** Default: the one of a development chain, which the engine trusts to be a single node. */
  chainId?: number;
  /** Puts a proxy that can misbehave between server and chain. */
  hasProxy?: boolean;
  env?: ServerEnvironment;
};

/** A chain that outlives the server, the server's settings, and what compares the two. */
export type SyncWorld = {
  anvil: Anvil;
  rpcUrl: string;
  proxy: FaultProxy;
  databaseUrl: string;
  url: string;
  token: () => string | null;
  /** The server that was spawned last. */
  server(): ServerProcess;
  /** Spawns the server and returns at once. */
  spawn(): ServerProcess;
  /** Spawns it, waits until it serves and signs the operator in. */
  start(): Promise<ServerProcess>;
  status(): Promise<SyncStatus>;
  vault(): Promise<VaultStatus>;
  health(): Promise<{ status: number; reasons: string[] }>;
  /** Runs work on the tables and closes them again. */
  withTables<Result>(work: (tables: Tables) => Promise<Result>): Promise<Result>;
  /** Resolves when the cursor stands at the chain's head. The chain must be quiet. */
  caughtUp(timeoutMs?: number): Promise<ContractTruth>;
  /** Waits for {@link SyncWorld.caughtUp}, then compares everything there is to compare. */
  expectEqualToContract(options?: { corrected?: boolean; timeoutMs?: number }): Promise<ContractTruth>;
  close(): Promise<void>;
};

export async function openSyncWorld(options: WorldOptions = {}): Promise<SyncWorld> {
  const { databaseUrl, hasProxy = false, env = {} } = options;
  const folder = await mkdtemp(join(tmpdir(), 'finverse-e2e-'));
  const anvil = await startAnvil(options.chainId === undefined ? {} : { chainId: options.chainId });
  const contracts = await deployDevContracts(anvil.rpcUrl);
  const proxy = await startFaultProxy(anvil.rpcUrl);
  const seen = hasProxy ? proxy : anvil;
  const database = databaseUrl ?? `sqlite:${join(folder, 'finverse.sqlite')}`;
  const port = await freePort();
  let token: string | null = null;
  let server: ServerProcess | null = null;

  const settings: ServerEnvironment = {
    FINVERSE_DATA_DIR: folder,
    DATABASE_URL: database,
    WEB3_RPC_URL: seen.rpcUrl,
    WEB3_WS_URL: seen.wsUrl,
    TOKEN_ADDRESS: contracts.tokenAddress,
    STAKE_VAULT_ADDRESS: contracts.stakeVaultAddress,
    OPERATOR_EMAIL: operator.email,
    OPERATOR_PASSWORD: operator.password,
    SYNC_AUTOSTART: 'true',
    SYNC_INTERVAL_SECONDS: '1',
    RATE_LIMIT_SCALE: '1000',
    ...env,
  };
  const running = () => {
    if (!server) throw new Error('no server was spawned yet');
    return server;
  };
  const spawn = () => {
    server = spawnServer({ env: settings, port, token: () => token });
    return server;
  };
  const start = async () => {
    const started = spawn();
    await started.ready();
    token ??= (await started.post<{ token: string }>('/auth/login', operator)).body.token;
    return started;
  };
  const status = async () => {
    const answer = await running().get<SyncStatus>('/sync/status');
    if (answer.status !== 200) throw new Error(`the status answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const vault = async () => {
    const [only] = (await status()).vaults;
    if (!only) throw new Error('the status names no vault');
    return only;
  };
  const withTables: SyncWorld['withTables'] = async (work) => {
    const tables = await openTables(database);
    try {
      return await work(tables);
    } finally {
      await tables.close();
    }
  };
  const caughtUp = async (timeoutMs?: number) => {
    const truth = await readContract(anvil.rpcUrl);
    await waitFor(
      `the cursor to reach block ${truth.head.number} (${truth.head.hash})`,
      async () => {
        const { cursor_block, cursor_hash } = await vault();
        if (cursor_hash === truth.head.hash) return true;
        throw new Error(`it stands at block ${cursor_block} (${cursor_hash})\n${JSON.stringify(await status())}`);
      },
      timeoutMs,
    );
    return truth;
  };
  return {
    anvil,
    rpcUrl: anvil.rpcUrl,
    proxy,
    databaseUrl: database,
    url: `http://127.0.0.1:${port}`,
    token: () => token,
    server: running,
    spawn,
    start,
    status,
    vault,
    health: async () => {
      const { status: code, body } = await running().get<ApiError>('/sync/health');
      return { status: code, reasons: (body.error?.details ?? []).map(({ message }) => message) };
    },
    withTables,
    caughtUp,
    expectEqualToContract: async ({ corrected = false, timeoutMs } = {}) => {
      const truth = await caughtUp(timeoutMs);
      const positions = await running().list<Position>('/staking/positions?limit=7');
      const vaultStatus = await vault();
      await withTables((tables) => expectSame({ truth, positions, tables, vaultStatus, corrected }));
      return truth;
    },
    close: async () => {
      await server?.kill9();
      await proxy.close();
      await anvil.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type Comparison = {
  truth: ContractTruth;
  positions: readonly Position[];
  tables: Tables;
  vaultStatus: VaultStatus;
  /** Corrections are facts that no log stands behind; only tampering makes them. */
  corrected?: boolean;
};

/** REST, `stakes`, `staking_logs` and the vault's row against the contract, field by field. */
export async function expectSame({
  truth,
  positions,
  tables,
  vaultStatus,
  corrected = false,
}: Comparison): Promise<void> {
  const expected = [...truth.positions].map(([ref, position]) => ({ ref, ...position })).toSorted(byRef);
  const served = positions.map((position) => ({
    ref: `${position.owner_address}:${position.position_key}`,
    amountRaw: BigInt(position.amount_raw),
    stakedAt: Date.parse(position.staked_at) / 1000,
    pendingRewardRaw: BigInt(position.pending_reward_raw),
    claimedRewardRaw: BigInt(position.claimed_reward_raw),
  }));
  expect(served.toSorted(byRef), 'positions over REST').toEqual(
    expected.map(({ ref, amountRaw, stakedAt, pendingRewardRaw, claimedRewardRaw }) => ({
      ref,
      amountRaw,
      stakedAt,
      pendingRewardRaw,
      claimedRewardRaw,
    })),
  );

  const stakes = await tables.rows('select * from stakes');
  const stored = stakes.map((row) => ({
    ref: String(row['ref']),
    amountRaw: BigInt(String(row['amount_raw'])),
    stakedAt: Number(row['staked_at']),
    rewardClaimed: Boolean(row['reward_claimed']),
    claimedRewardRaw: BigInt(String(row['claimed_reward_raw'])),
  }));
  expect(stored.toSorted(byRef), 'rows of stakes').toEqual(
    expected.map(({ ref, amountRaw, stakedAt, rewardClaimed, claimedRewardRaw }) => ({
      ref,
      amountRaw,
      stakedAt,
      rewardClaimed,
      claimedRewardRaw,
    })),
  );
  const miscloses = stakes.filter((row) => (row['closed_at'] !== null) !== (String(row['amount_raw']) === '0'));
  expect(miscloses, 'rows that are closed with something in them, or open with nothing').toEqual([]);

  const logs = await tables.rows(
    `select block_hash, log_index from staking_logs where status = 'applied'${corrected ? " and event <> 'Corrected'" : ''}`,
  );
  expect(
    logs.map((row) => `${String(row['block_hash'])}:${String(row['log_index'])}`).toSorted(),
    'applied logs',
  ).toEqual(truth.logs);
  expect(BigInt(vaultStatus.staked_total_raw), 'staked_total_raw').toBe(truth.stakedTotalRaw);
  expect(vaultStatus.positions, 'the count of positions').toBe(truth.positions.size);
}

function byRef(a: { ref: string }, b: { ref: string }): number {
  return a.ref < b.ref ? -1 : Number(a.ref > b.ref);
}
