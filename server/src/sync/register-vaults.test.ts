import { expect, test } from 'vitest';
import { openDatabase } from '../db/index.ts';
import { entities } from '../entities.ts';
import { systemClock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/logger.ts';
import { ChainIdentity } from './chain/chain-identity.ts';
import type { ChainReader } from './chain/reader.ts';
import { ChainReadError } from './errors.ts';
import { registerVaults } from './register-vaults.ts';
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
