import { createPublicClient, createWalletClient, http, type Address, type TransactionReceipt } from 'viem';
import { stakeVaultAbi } from '@finverse/shared/abi/stake-vault';
import { devContracts } from './deploy.ts';
import { rpcCall } from './rpc.ts';

const RECEIPT_POLL_MS = 10;

/** `account` is an unlocked account of the node: one of `devAccounts`. */
type Actor = { rpcUrl: string; account: Address };

type VaultCall =
  | { functionName: 'stake'; args: readonly [amount: bigint] }
  | { functionName: 'claim' | 'unstake'; args: readonly [stakeIndex: bigint] };

/**
 * What people do on a development chain, for tests and e2e. The vault calls go to the contracts of `deployDevContracts`,
 * resolve to the mined receipt, and throw viem's ContractFunctionExecutionError, with the contract's own error, where the
 * contract refuses.
 */
export const devActions = {
  /** `amount` in base units. */
  stake: ({ amount, ...actor }: Actor & { amount: bigint }) =>
    callVault(actor, { functionName: 'stake', args: [amount] }),
  claim: ({ stakeIndex, ...actor }: Actor & { stakeIndex: bigint }) =>
    callVault(actor, { functionName: 'claim', args: [stakeIndex] }),
  unstake: ({ stakeIndex, ...actor }: Actor & { stakeIndex: bigint }) =>
    callVault(actor, { functionName: 'unstake', args: [stakeIndex] }),

  /** Moves the chain's clock forward and mines a block there. Resolves to that block's number. */
  increaseTime: async ({ rpcUrl, seconds }: { rpcUrl: string; seconds: number }): Promise<bigint> => {
    await rpcCall(rpcUrl, 'evm_increaseTime', [seconds]);
    return devActions.mine({ rpcUrl });
  },

  /** Mines `blocks` (default 1) and resolves to the number of the last. */
  mine: async ({ rpcUrl, blocks = 1 }: { rpcUrl: string; blocks?: number }): Promise<bigint> => {
    await rpcCall(rpcUrl, 'anvil_mine', [`0x${blocks.toString(16)}`]);
    return BigInt((await rpcCall(rpcUrl, 'eth_blockNumber')) as string);
  },
};

async function callVault({ rpcUrl, account }: Actor, call: VaultCall): Promise<TransactionReceipt> {
  const transport = http(rpcUrl);
  const client = createPublicClient({ transport, pollingInterval: RECEIPT_POLL_MS });
  const contract = { address: devContracts.stakeVaultAddress, abi: stakeVaultAbi, account } as const;
  // Simulated first: a refusal by the node itself comes without the contract's error.
  await client.simulateContract({ ...contract, ...call });
  const hash = await createWalletClient({ transport }).writeContract({ ...contract, ...call, chain: null });
  return client.waitForTransactionReceipt({ hash });
}
