import { join } from 'node:path';
import type { Address } from 'viem';
import { forgetNewChain, isNewChain, noteNewChain, setStateAside } from './anvil-state.ts';
import { startAnvil, type Anvil, type AnvilExit } from './anvil.ts';
import { demoGenesisTimestamp, isUnfinished, seedDemoStakes } from './demo-data.ts';
import { deployDevContracts } from './deploy.ts';
import { latestTimestamp, mineBlock, rpcCall } from './rpc.ts';

export { devAccounts, type DevAccount } from './accounts.ts';
export { startAnvil, type Anvil, type AnvilExit, type AnvilOptions } from './anvil.ts';
export { seedDemoStakes } from './demo-data.ts';
export { deployDevContracts, devContracts, type DevContracts } from './deploy.ts';
export { devActions } from './dev-actions.ts';
export { DevChainError, type DevChainErrorCode } from './errors.ts';

export const DEV_CHAIN_ID = 31337;

export type DevChain = {
  rpcUrl: string;
  wsUrl: string;
  chainId: number;
  tokenAddress: Address;
  stakeVaultAddress: Address;
  /** True where this start made the chain, or an earlier one that did not get as far as `markKnown`: what a database knows of another is void. */
  fresh: boolean;
  /** The database has let go of the chain before this one. Until then every start says that this one is fresh. */
  markKnown(): void;
  stop(): Promise<void>;
  exited: Promise<AnvilExit>;
};

export type DevChainOptions = {
  dataDir: string;
  /** Wall clock, milliseconds since the epoch. */
  now: () => number;
  log: (message: string) => void;
};

/**
 * Starts the embedded chain kept in `<dataDir>/chain/`: contracts deployed and demo stakes made the first time, the same
 * chain with all its blocks from then on. A first start that was cut short is begun again, its state set aside.
 * @throws DevChainError see `startAnvil`.
 */
export async function startDevChain({ dataDir, now, log }: DevChainOptions): Promise<DevChain> {
  const stateFile = join(dataDir, 'chain', 'state.json');
  const start = () =>
    startAnvil({ stateFile, chainId: DEV_CHAIN_ID, genesisTimestamp: demoGenesisTimestamp(now()), log });
  let anvil = await start();
  try {
    let isMade = anvil.stateOrigin === 'none';
    if (!isMade && (await isUnfinished(anvil.rpcUrl))) {
      await anvil.stop();
      const path = setStateAside(stateFile);
      log(`the first start of the embedded chain was cut short; beginning it again, its state is kept as ${path}`);
      anvil = await start();
      isMade = true;
    }
    // While the chain is unfinished: a start that is cut short before this line begins again.
    if (isMade) noteNewChain(stateFile);
    const contracts = await deployDevContracts(anvil.rpcUrl);
    if (isMade) await seedDemoStakes({ rpcUrl: anvil.rpcUrl, now });
    else await catchUpWithClock(anvil, now());
    const { rpcUrl, wsUrl, stop, exited } = anvil;
    return {
      rpcUrl,
      wsUrl,
      chainId: DEV_CHAIN_ID,
      ...contracts,
      fresh: isNewChain(stateFile),
      markKnown: () => forgetNewChain(stateFile),
      stop,
      exited,
    };
  } catch (error) {
    await anvil.stop();
    throw error;
  }
}

/**
 * Mines a block at the present, so that views of the newest block count the time the chain was off. A chain that had been
 * moved into the future goes on from there: anvil forgets that shift when it ends.
 */
async function catchUpWithClock({ rpcUrl }: Anvil, nowMs: number): Promise<void> {
  const now = Math.floor(nowMs / 1000);
  const ahead = (await latestTimestamp(rpcUrl)) - now;
  if (ahead > 0) await rpcCall(rpcUrl, 'evm_increaseTime', [ahead]);
  await mineBlock(rpcUrl);
}
