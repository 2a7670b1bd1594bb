import { encodeDeployData, encodeFunctionData, maxUint256, parseEther, type Abi, type Address, type Hex } from 'viem';
import stakeVaultArtifact from '../../../contracts/artifacts/StakeVault.json' with { type: 'json' };
import tokenArtifact from '../../../contracts/artifacts/Token.json' with { type: 'json' };
import { stakeVaultAbi } from '@finverse/shared/abi/stake-vault';
import { tokenAbi } from '@finverse/shared/abi/token';
import { deployer, devAccounts } from './accounts.ts';
import { DevChainError } from './errors.ts';
import { assertSucceeded, mineBlock, rpcCall, sendTransaction, withManualMining } from './rpc.ts';

export type DevContracts = { tokenAddress: Address; stakeVaultAddress: Address };

/** Where account 0's first two transactions put the contracts, on every development chain. */
export const devContracts: DevContracts = {
  tokenAddress: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
  stakeVaultAddress: '0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512',
};

/** The blocks that `deployDevContracts` makes. */
export const DEPLOY_BLOCKS = 2;

const REWARDS = parseEther('1000000');
const TOKENS_PER_USER = parseEther('100000');
const DEPLOY_GAS = 3_000_000n;
const CALL_GAS = 150_000n;

/**
 * Puts Token and StakeVault at `devContracts`, deposits 1,000,000 FVT of rewards, gives accounts 1 to 9 100,000 FVT each
 * and approves the vault for them, in two blocks. Does nothing where both addresses have code.
 * @throws DevChainError `DEV_CHAIN_OCCUPIED` when account 0 has sent something else before.
 */
export async function deployDevContracts(rpcUrl: string): Promise<DevContracts> {
  if (await hasDevContracts(rpcUrl)) return devContracts;
  if (Number(await rpcCall(rpcUrl, 'eth_getTransactionCount', [deployer.address, 'latest'])) !== 0) {
    throw new DevChainError(
      'DEV_CHAIN_OCCUPIED',
      `${deployer.address} has sent transactions on ${rpcUrl}, so the contracts cannot get their addresses: start a new chain`,
    );
  }
  const { tokenAddress, stakeVaultAddress } = devContracts;
  await withManualMining(rpcUrl, async () => {
    const users = devAccounts.slice(1);
    const approval = encodeFunctionData({
      abi: tokenAbi,
      functionName: 'approve',
      args: [stakeVaultAddress, maxUint256],
    });
    const transfers = users.map(({ address }) =>
      encodeFunctionData({ abi: tokenAbi, functionName: 'transfer', args: [address, TOKENS_PER_USER] }),
    );
    const deposit = encodeFunctionData({ abi: stakeVaultAbi, functionName: 'depositRewards', args: [REWARDS] });
    const steps: { to?: Address; data: Hex }[] = [
      { data: tokenArtifact.bytecode as Hex },
      { data: encodeVault(tokenAddress) },
      { to: tokenAddress, data: approval },
      { to: stakeVaultAddress, data: deposit },
      ...transfers.map((data) => ({ to: tokenAddress, data })),
    ];
    const setUp = await Promise.all(
      steps.map((step, nonce) =>
        sendTransaction(rpcUrl, { ...step, from: deployer.address, nonce, gas: step.to ? CALL_GAS : DEPLOY_GAS }),
      ),
    );
    // A block of their own: between senders the order is not ours, and a call to a contract yet to come does nothing.
    await mineBlock(rpcUrl);
    const approvals = await Promise.all(
      users.map(({ address }) =>
        sendTransaction(rpcUrl, { from: address, to: tokenAddress, data: approval, gas: CALL_GAS }),
      ),
    );
    await mineBlock(rpcUrl);
    await assertSucceeded(rpcUrl, [...setUp, ...approvals]);
  });
  return devContracts;
}

/** Whether both addresses have code. */
export async function hasDevContracts(rpcUrl: string): Promise<boolean> {
  const addresses = [devContracts.tokenAddress, devContracts.stakeVaultAddress];
  const codes = await Promise.all(addresses.map((address) => rpcCall(rpcUrl, 'eth_getCode', [address, 'latest'])));
  return codes.every((code) => code !== '0x');
}

function encodeVault(tokenAddress: Address): Hex {
  const { abi, bytecode } = stakeVaultArtifact;
  return encodeDeployData({ abi: abi as Abi, bytecode: bytecode as Hex, args: [tokenAddress] });
}
