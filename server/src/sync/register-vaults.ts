import { erc20Abi } from 'viem';
import type { Database } from '../db/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { SettingsError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { ChainIdentity } from './chain/chain-identity.ts';
import type { ChainReader } from './chain/reader.ts';
import { readContract } from './chain/rpc-fault.ts';
import { ChainReadError } from './errors.ts';
import type { Hex, Vault } from './types.ts';
import { findVaults, registerVault as storeVault } from './vault-store.ts';
import { adapterOf } from './vaults/index.ts';

/** A vault as the settings name it. */
export type VaultConfig = { kind: string; address: Hex; tokenAddress: Hex | null; startBlock: number };

type RegisterOptions = {
  database: Database;
  reader: ChainReader;
  identity: ChainIdentity;
  /** The chain that the settings promise; null takes the node's word. */
  chainId: number | null;
  vaults: readonly VaultConfig[];
  clock: Clock;
  log: Logger;
};

/**
 * Checks every configured vault against its chain and gives it a row. A chain that does not answer is forgiven for vaults that were registered before:
 * the server starts and says that it is behind; for a new one it is a mistake in the settings.
 *
 * @throws SettingsError for a vault of another chain, an address without code, a contract of another interface, another token.
 */
export async function registerVaults(options: RegisterOptions): Promise<Vault[]> {
  const vaults: Vault[] = [];
  for (const config of options.vaults) {
    const vault = await registerVault(options, config);
    if (vault.startBlock !== config.startBlock) {
      options.log.warn(
        { vault: vault.id },
        `the settings begin the vault ${vault.address} at block ${config.startBlock}, and ${vault.startBlock} stays in force, from which it was read; to have it read anew stop the servers and run: npm run reread-vault -- ${vault.address}`,
      );
    }
    vaults.push(vault);
  }
  return vaults;
}

async function registerVault(options: RegisterOptions, config: VaultConfig): Promise<Vault> {
  const { database, reader, log, clock } = options;
  const stored = await findVaults(database.em(), options.chainId, config.address);
  const chains = stored.map(({ chainId }) => chainId).join(' and ');
  try {
    const described = await describeVault(reader, config);
    const known = stored.find(({ chainId }) => chainId === described.chainId);
    if (known) return known;
    if (stored.length > 0) {
      throw new SettingsError(
        `CHAIN_ID: the vault ${config.address} was synced from chain ${chains}, but the node is on chain ${described.chainId}`,
      );
    }
    return await storeVault(database.em(), database, described, clock.now());
  } catch (error) {
    if (!(error instanceof ChainReadError)) throw error;
    const [known, ...others] = stored;
    if (!known) {
      throw new SettingsError(
        `WEB3_RPC_URL: the chain does not answer (${error.message}); check that the node runs and that the URL is right`,
        { cause: error },
      );
    }
    if (others.length > 0) {
      throw new SettingsError(
        `CHAIN_ID: the vault ${config.address} was synced from chain ${chains}, and the node does not tell on which it is (${error.message}); set it to one of them`,
        { cause: error },
      );
    }
    options.identity.settle(known.chainId);
    log.warn({ reason: error.message, vault: known.id }, 'the chain does not answer; starting with what is known');
    return known;
  }
}

async function describeVault(reader: ChainReader, config: VaultConfig): Promise<Omit<Vault, 'id'>> {
  const { address, kind } = config;
  const chainId = await reader.chainId();
  if (!(await reader.hasCode(address))) {
    throw new SettingsError(
      `STAKE_VAULT_ADDRESS: there is no contract at ${address} on chain ${chainId}; check the address and the chain`,
    );
  }
  const head = await reader.header('latest');
  if (!head) throw new ChainReadError('the node answers no latest block');
  const terms = await readContract(() => adapterOf(kind).readTerms(reader.pinnedAt(head.hash), address));
  if (config.tokenAddress && config.tokenAddress !== terms.tokenAddress) {
    throw new SettingsError(
      `TOKEN_ADDRESS: is ${config.tokenAddress}, but the vault at ${address} stakes ${terms.tokenAddress}`,
    );
  }
  return {
    ...terms,
    kind,
    chainId,
    address,
    startBlock: config.startBlock,
    decimals: await readDecimals(reader, terms.tokenAddress),
  };
}

async function readDecimals(reader: ChainReader, tokenAddress: Hex): Promise<number> {
  if (!(await reader.hasCode(tokenAddress)))
    throw new SettingsError(`TOKEN_ADDRESS: there is no contract at ${tokenAddress}`);
  return readContract(() =>
    reader.client.readContract({ address: tokenAddress, abi: erc20Abi, functionName: 'decimals' }),
  );
}
