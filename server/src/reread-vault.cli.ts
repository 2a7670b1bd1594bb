import { existsSync } from 'node:fs';
import { inspect } from 'node:util';
import { loadSettings, type Settings } from './config/index.ts';
import { type Database, lockSqliteFile, openDatabase, sqlitePath } from './db/index.ts';
import { DEV_CHAIN_ID } from './devchain/index.ts';
import { StakingSink } from './domains/staking/index.ts';
import { entities } from './entities.ts';
import { systemClock } from './kernel/clock.ts';
import { SettingsError } from './kernel/errors.ts';
import { redactUrls } from './kernel/logger.ts';
import { findVaults, rereadVault } from './sync/index.ts';

// `npm run reread-vault -- 0x…`: exit code 0 where the next start reads the vault anew, 2 where nothing was changed.

try {
  const address = readArgument();
  const settings = loadSettings();
  const database = await openExisting(settings.databaseUrl);
  try {
    await reread(database, settings, address);
  } finally {
    await database.close();
  }
} catch (error) {
  console.error(`finverse: ${redactUrls(error instanceof SettingsError ? error.message : inspect(error))}`);
  process.exitCode = 2;
}

function readArgument(): `0x${string}` {
  const [address = '', ...others] = process.argv.slice(2);
  if (!/^0x[0-9a-f]{40}$/i.test(address) || others.length > 0) {
    throw new SettingsError('name one vault by its address: npm run reread-vault -- 0x…');
  }
  return address.toLowerCase() as `0x${string}`;
}

/** A file that is not there would be made; one that a server has open is not for two. */
async function openExisting(url: string): Promise<Database> {
  if (url.startsWith('sqlite:')) {
    if (!existsSync(sqlitePath(url))) {
      throw new SettingsError(`DATABASE_URL: there is no ${url}; start the server once, or name another database`);
    }
    lockSqliteFile(url);
  }
  return openDatabase({ url, entities });
}

async function reread(database: Database, { chain }: Settings, address: `0x${string}`): Promise<void> {
  // Without settings of a chain it is the embedded one.
  const [vault, ...others] = await findVaults(database.em(), chain ? chain.chainId : DEV_CHAIN_ID, address);
  if (!vault) throw new SettingsError(`the database knows no vault ${address}; check the address and CHAIN_ID`);
  if (others.length > 0) {
    const chains = [vault, ...others].map(({ chainId }) => chainId).join(' and ');
    throw new SettingsError(
      `CHAIN_ID: the database knows the vault ${address} on the chains ${chains}; set it to the one that is meant`,
    );
  }
  // One that the settings do not name keeps its own.
  const config = chain?.vaults.find((candidate) => candidate.address === address);
  const startBlock = config?.startBlock ?? vault.startBlock;
  const factsSetAside = await rereadVault({
    database,
    sink: new StakingSink(database.dialect, systemClock),
    clock: systemClock,
    vault,
    startBlock,
    isAlone: database.dialect === 'sqlite',
  });
  console.log(
    `${factsSetAside} facts of ${address} are set aside; the next start reads it anew from block ${startBlock}`,
  );
}
