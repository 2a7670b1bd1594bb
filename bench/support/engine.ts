import { type Database, openDatabase } from '../../server/src/db/index.ts';
import { StakingService, StakingSink } from '../../server/src/domains/staking/index.ts';
import { entities } from '../../server/src/entities.ts';
import { systemClock } from '../../server/src/kernel/clock.ts';
import { createLogger } from '../../server/src/kernel/logger.ts';
import { createSyncEngine, type SyncEngine } from '../../server/src/sync/index.ts';
import { tokenAddress, vaultAddress } from './vault-chain.ts';

export type EngineProbe = { onStatement?: (sql: string) => void; onRpcRequest?: (method: string) => void };

/** The database migrated and the engine composed over it as boot.ts does, without the server around them. Nothing runs before `begin()`. */
export async function openEngine(
  { databaseUrl, rpcUrl, wsUrl }: { databaseUrl: string; rpcUrl: string; wsUrl: string },
  probe: EngineProbe = {},
): Promise<{ database: Database; engine: SyncEngine }> {
  const database = await openDatabase({ url: databaseUrl, entities, onStatement: probe.onStatement });
  await database.migrate();
  const engine = await createSyncEngine({
    database,
    settings: {
      rpcUrls: [rpcUrl],
      wsUrls: [wsUrl],
      chainId: 31337,
      vaults: [{ kind: 'stake-vault', address: vaultAddress, tokenAddress, startBlock: 0 }],
      isChainFresh: false,
      intervalSeconds: 86_400,
      autostart: true,
    },
    sink: new StakingSink(database.dialect, systemClock),
    readModel: new StakingService(database, { verifiedBlockOf: () => null, isSynced: () => true }),
    clock: systemClock,
    log: createLogger({ level: process.env['LOG_LEVEL'] ?? 'silent' }),
    ...(probe.onRpcRequest ? { onRpcRequest: probe.onRpcRequest } : {}),
  });
  return { database, engine };
}
