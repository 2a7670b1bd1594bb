import { expect, test } from 'vitest';
import { openDatabase } from '../db/index.ts';
import { entities } from '../entities.ts';
import { systemClock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/logger.ts';
import { ChainIdentity } from './chain/chain-identity.ts';
import type { ChainReader } from './chain/reader.ts';
import { ChainReadError } from './errors.ts';
import { registerVaults } from './register-vaults.ts';
import type { Hex } from './types.ts';
import { registerVault } from './vault-store.ts';

test('a start block that is not the one in force is told, with what makes it so', async () => {
  const database = await openDatabase({ url: 'sqlite::memory:', entities });
  try {
    await database.migrate();
    const [address, tokenAddress] = [`0x${'aa'.repeat(20)}`, `0x${'bb'.repeat(20)}`] as const;
    const terms = { kind: 'stake-vault', chainId: 1, decimals: 18, lockSeconds: 60, apyPercent: 10, startBlock: 500 };
    await registerVault(database.em(), database, { ...terms, address, tokenAddress }, 0);
    const away = { chainId: () => Promise.reject(new ChainReadError('away')) } as unknown as ChainReader;
    const warnings = async (startBlock: number) => {
      const lines: string[] = [];
      const log = createLogger({ level: 'warn', destination: { write: (line) => void lines.push(line) } });
      const vaults = [{ kind: 'stake-vault', address, tokenAddress, startBlock }];
      const identity = new ChainIdentity(1);
      const [vault] = await registerVaults({
        database,
        reader: away,
        identity,
        chainId: 1,
        vaults,
        clock: systemClock,
        log,
      });
      expect(vault?.startBlock).toBe(500);
      return lines.map((line) => (JSON.parse(line) as { msg: string }).msg).filter((text) => text.includes('block'));
    };
    expect(await warnings(500)).toEqual([]);
    expect(await warnings(100)).toEqual([
      expect.stringMatching(/begin the vault 0xa+ at block 100, and 500 stays in force.* reread-vault -- 0xa+$/),
    ]);
  } finally {
    await database.close();
  }
});

test('of a vault that was synced on several chains, the one of the node’s chain is meant; a node that tells none leaves it open', async () => {
  const database = await openDatabase({ url: 'sqlite::memory:', entities });
  try {
    await database.migrate();
    const [address, tokenAddress] = [`0x${'aa'.repeat(20)}`, `0x${'bb'.repeat(20)}`] as const;
    const terms = { kind: 'stake-vault', decimals: 18, lockSeconds: 60, apyPercent: 10, startBlock: 0 };
    for (const chainId of [1, 10]) {
      await registerVault(database.em(), database, { ...terms, chainId, address, tokenAddress }, 0);
    }
    const register = (chainId: () => Promise<number>) =>
      registerVaults({
        database,
        reader: readerOf(chainId, tokenAddress),
        identity: new ChainIdentity(null),
        chainId: null,
        vaults: [{ kind: 'stake-vault', address, tokenAddress, startBlock: 0 }],
        clock: systemClock,
        log: createLogger({ level: 'silent' }),
      });
    for (const chainId of [10, 1]) expect(await register(async () => chainId)).toMatchObject([{ chainId }]);
    await expect(register(async () => 5)).rejects.toThrow('was synced from chain 1 and 10, but the node is on chain 5');
    const away = register(() => Promise.reject(new ChainReadError('away')));
    await expect(away).rejects.toThrow(
      /^CHAIN_ID: the vault 0xa+ was synced from chain 1 and 10, and the node does not/,
    );
  } finally {
    await database.close();
  }
});

/** A node of that chain, with the contract of a vault at every address. */
function readerOf(chainId: () => Promise<number>, tokenAddress: Hex): ChainReader {
  const answers: Record<string, unknown> = {
    stakingToken: tokenAddress,
    LOCK_PERIOD: 60n,
    APY_PERCENTAGE: 10n,
    decimals: 18,
  };
  const readContract = async ({ functionName }: { functionName: string }) => answers[functionName];
  const client = { readContract };
  const head = { number: 1, hash: `0x${'1'.repeat(64)}` };
  return {
    chainId,
    hasCode: async () => true,
    header: async () => head,
    pinnedAt: () => ({ client, block: { blockNumber: 1n } }),
    client,
  } as unknown as ChainReader;
}
