import { createChainActor } from './chain-actor.ts';
import { waitFor } from './poll.ts';
import { seededRandom } from './seeded-random.ts';
import { openSyncWorld, type SyncWorld } from './sync-world.ts';
import { devAccounts } from '../../server/src/devchain/index.ts';

/** The base units of one token. */
export const TOKEN = 10n ** 18n;
/** A development account that has not staked when a world with history begins. */
export const NEWCOMER = 8;

/** A world behind a proxy with some history, caught up and healthy. */
export async function withWorld(
  work: (world: SyncWorld) => Promise<void>,
  options: Parameters<typeof openSyncWorld>[0] = {},
): Promise<void> {
  const world = await openSyncWorld({ ...options, hasProxy: true });
  try {
    await createChainActor({ rpcUrl: world.rpcUrl, random: seededRandom(7) }).actTimes(25);
    await world.start();
    await world.expectEqualToContract();
    await waitFor('health 200', () => isHealthy(world));
    await work(world);
  } finally {
    await world.close();
  }
}

export function accountAddress(account: number): `0x${string}` {
  const address = devAccounts[account]?.address;
  if (!address) throw new RangeError(`there is no development account ${account}`);
  return address;
}

export async function isHealthy(world: SyncWorld): Promise<true> {
  const { status, reasons } = await world.health();
  if (status !== 200) throw new Error(reasons.join('; '));
  return true;
}
