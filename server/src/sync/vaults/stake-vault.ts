import { stakeVaultAbi } from '@finverse/shared/abi/stake-vault';
import {
  AbiDecodingDataSizeTooSmallError,
  ContractFunctionExecutionError,
  ContractFunctionRevertedError,
  ContractFunctionZeroDataError,
  getAbiItem,
  type MulticallContracts,
  type MulticallParameters,
  type MulticallReturnType,
} from 'viem';
import { SettingsError } from '../../kernel/errors.ts';
import { ChainReadError } from '../errors.ts';
import type { ChainPosition, DecodedEvent, Hex, PositionId, RawLog } from '../types.ts';
import type { PinnedReader, VaultAdapter } from './adapter.ts';
import { compileEventDecoder } from './event-decoder.ts';

const SECONDS_PER_YEAR = 365n * 24n * 60n * 60n;

/** The most stakes of one owner that a single contract call answers; more are read in several. */
const DETAILS_PER_CALL = 200;

/**
 * The most stakes of one owner that are read. A wrong or hostile contract may answer any count, and a list of that length would end the process;
 * what anyone stakes by hand or by script stays far below.
 */
const STAKES_OF_OWNER_MAX = 100_000;

/** Call data in one deployless multicall; each call adds some 160 bytes of its own around it. */
const MULTICALL_BYTES = 5_000;

const staked = compileEventDecoder(getAbiItem({ abi: stakeVaultAbi, name: 'Staked' }));
const claimed = compileEventDecoder(getAbiItem({ abi: stakeVaultAbi, name: 'Claimed' }));
const unstaked = compileEventDecoder(getAbiItem({ abi: stakeVaultAbi, name: 'Unstaked' }));

/** The development StakeVault and every deployed contract of its interface: an index of stakes for each user, simple interest, one claim each. */
export const stakeVaultAdapter: VaultAdapter = {
  kind: 'stake-vault',
  topics: [staked.topic, claimed.topic, unstaked.topic],
  decode,
  readTerms,
  readStakedTotal,
  readOwner,
  readPositions,
  pendingReward,
};

function decode(log: RawLog): DecodedEvent {
  switch (log.topics[0]) {
    case staked.topic: {
      const [user, amount, timestamp, index] = staked.decode(log) as [Hex, bigint, bigint, bigint];
      return fact('Staked', 'stake', user, index, { amountRaw: amount, stakedAt: toSafeNumber(timestamp) });
    }
    case claimed.topic: {
      const [user, reward, index] = claimed.decode(log) as [Hex, bigint, bigint];
      return fact('Claimed', 'claim', user, index, { rewardRaw: reward });
    }
    case unstaked.topic: {
      const [user, amount, reward, index] = unstaked.decode(log) as [Hex, bigint, bigint, bigint];
      return fact('Unstaked', 'unstake', user, index, { amountRaw: amount, rewardRaw: reward });
    }
    default:
      throw new ChainReadError(`log ${log.logIndex} of block ${log.blockHash} has a topic that was not asked for`);
  }
}

function fact(
  event: string,
  effect: DecodedEvent['effect'],
  ownerAddress: Hex,
  index: bigint,
  rest: Partial<Pick<DecodedEvent, 'amountRaw' | 'rewardRaw' | 'stakedAt'>>,
): DecodedEvent {
  return {
    event,
    effect,
    ownerAddress,
    positionKey: index.toString(),
    amountRaw: null,
    rewardRaw: null,
    stakedAt: null,
    rewardClaimed: null,
    ...rest,
  };
}

async function readTerms({ client, block }: PinnedReader, address: Hex) {
  const contract = { address, abi: stakeVaultAbi } as const;
  try {
    const [token, lock, apy] = await Promise.all([
      client.readContract({ ...contract, ...block, functionName: 'stakingToken' }),
      client.readContract({ ...contract, ...block, functionName: 'LOCK_PERIOD' }),
      client.readContract({ ...contract, ...block, functionName: 'APY_PERCENTAGE' }),
      client.readContract({ ...contract, ...block, functionName: 'totalStakedAmount' }),
    ]);
    return { tokenAddress: token.toLowerCase() as Hex, lockSeconds: toSafeNumber(lock), apyPercent: toSafeNumber(apy) };
  } catch (error) {
    if (!(error instanceof ContractFunctionExecutionError) || !isAnswer(error)) throw error;
    throw new SettingsError(
      `STAKE_VAULT_ADDRESS: the contract at ${address} is no stake-vault: it does not answer ${error.functionName}(); check the address and STAKE_VAULT_KIND`,
      { cause: error },
    );
  }
}

/** True where the contract itself answered wrongly, false where the node did not answer. */
function isAnswer(error: ContractFunctionExecutionError): boolean {
  return (
    error.walk(
      (cause) =>
        cause instanceof ContractFunctionRevertedError ||
        cause instanceof ContractFunctionZeroDataError ||
        cause instanceof AbiDecodingDataSizeTooSmallError,
    ) !== null
  );
}

async function readStakedTotal({ client, block }: PinnedReader, address: Hex): Promise<bigint> {
  return client.readContract({ address, abi: stakeVaultAbi, functionName: 'totalStakedAmount', ...block });
}

async function readCounts(reader: PinnedReader, address: Hex, owners: readonly Hex[]): Promise<Map<Hex, number>> {
  const counts = await multicall(
    reader,
    owners.map((owner) => ({
      address,
      abi: stakeVaultAbi,
      functionName: 'getUserStakeCount' as const,
      args: [owner] as const,
    })),
  );
  return new Map(owners.map((owner, index) => [owner, toSafeNumber(present(counts[index]))]));
}

async function readOwner(reader: PinnedReader, address: Hex, ownerAddress: Hex): Promise<ChainPosition[]> {
  const count = (await readCounts(reader, address, [ownerAddress])).get(ownerAddress) ?? 0;
  if (count > STAKES_OF_OWNER_MAX) {
    throw new ChainReadError(`the vault answers ${count} stakes of ${ownerAddress}, more than ${STAKES_OF_OWNER_MAX}`);
  }
  const indexes = Array.from({ length: count }, (_, index) => index);
  return readDetails(reader, address, new Map([[ownerAddress, indexes]]));
}

async function readPositions(reader: PinnedReader, address: Hex, positions: readonly PositionId[]) {
  const indexesByOwner = new Map<Hex, number[]>();
  for (const { ownerAddress, positionKey } of positions) {
    const indexes = indexesByOwner.get(ownerAddress) ?? [];
    indexes.push(Number(positionKey));
    indexesByOwner.set(ownerAddress, indexes);
  }
  const counts = await readCounts(reader, address, [...indexesByOwner.keys()]);
  for (const [owner, indexes] of indexesByOwner) {
    const existing = indexes.filter((index) => Number.isSafeInteger(index) && index < (counts.get(owner) ?? 0));
    indexesByOwner.set(owner, existing);
  }
  return { positions: await readDetails(reader, address, indexesByOwner), counts };
}

async function readDetails(
  reader: PinnedReader,
  address: Hex,
  indexesByOwner: Map<Hex, number[]>,
): Promise<ChainPosition[]> {
  const chunks = [...indexesByOwner].flatMap(([ownerAddress, indexes]) =>
    Array.from({ length: Math.ceil(indexes.length / DETAILS_PER_CALL) }, (_, chunk) => ({
      ownerAddress,
      indexes: indexes.slice(chunk * DETAILS_PER_CALL, (chunk + 1) * DETAILS_PER_CALL),
    })),
  );
  const answers = await multicall(
    reader,
    chunks.map(({ ownerAddress, indexes }) => ({
      address,
      abi: stakeVaultAbi,
      functionName: 'getUserStakesDetails' as const,
      args: [ownerAddress, indexes.map(BigInt)] as const,
    })),
  );
  return chunks.flatMap(({ ownerAddress, indexes }, chunk) => {
    const [amounts, timestamps, claims] = present(answers[chunk]);
    return indexes.map((index, at) => ({
      ownerAddress,
      positionKey: index.toString(),
      amountRaw: present(amounts[at]),
      stakedAt: toSafeNumber(present(timestamps[at])),
      rewardClaimed: present(claims[at]),
    }));
  });
}

/**
 * Many calls in few requests. Without `allowFailure` a failure of any part fails the whole: a failed read is never taken for an empty one.
 * Deployless, since not every chain has Multicall3; the chunks stay under the 49,152 bytes of init code that EIP-3860 allows.
 */
async function multicall<const Contracts extends readonly unknown[]>(
  { client, block }: PinnedReader,
  contracts: MulticallContracts<Contracts>,
): Promise<MulticallReturnType<Contracts, false>> {
  const parameters: MulticallParameters<readonly unknown[], false> = {
    ...block,
    contracts: contracts as MulticallContracts<readonly unknown[]>,
    allowFailure: false,
    deployless: true,
    batchSize: MULTICALL_BYTES,
  };
  const answers: unknown = contracts.length === 0 ? [] : await client.multicall(parameters);
  return answers as MulticallReturnType<Contracts, false>;
}

/** amount × APY × elapsed ÷ (365 days × 100), whole base units rounded down; nothing once claimed. Source: `calculateReward` in contracts/StakeVault.sol. */
function pendingReward(...[position, terms, atSeconds]: Parameters<VaultAdapter['pendingReward']>): bigint {
  if (position.rewardClaimed || position.amountRaw === 0n || atSeconds <= position.stakedAt) return 0n;
  return (
    (position.amountRaw * BigInt(terms.apyPercent) * BigInt(atSeconds - position.stakedAt)) / (SECONDS_PER_YEAR * 100n)
  );
}

function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new ChainReadError('the vault answered fewer stakes than were asked for');
  return value;
}

function toSafeNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new ChainReadError(`a contract answered a figure out of range: ${value}`);
  return Number(value);
}
