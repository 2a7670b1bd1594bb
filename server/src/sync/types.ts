/** Words of the engine; DESIGN "The sync engine" defines them. */

export type Hex = `0x${string}`;

export type BlockRef = { number: number; hash: Hex };

export type BlockHeader = BlockRef & {
  parentHash: Hex;
  /** Seconds since the epoch. */
  timestamp: number;
  /** Null where the node's own says nothing: zeros over a block that has transactions. */
  logsBloom: Hex | null;
};

/** A block that was applied and is not final yet; what a fork is measured against. */
export type Checkpoint = BlockRef & { parentHash: Hex };

/** A log as a node answers it, its shape checked, nothing decoded. */
export type RawLog = {
  address: Hex;
  topics: readonly Hex[];
  data: Hex;
  blockNumber: number;
  blockHash: Hex;
  logIndex: number;
  transactionHash: Hex;
  /** Seconds; null where the node does not say, then the header has it. */
  blockTimestamp: number | null;
};

/** What a fact does to its position. `correct` replaces the whole state by what the contract answered. */
export type FactEffect = 'stake' | 'claim' | 'unstake' | 'correct';

/** What one log says, in the terms all vault shapes share. */
export type DecodedEvent = {
  event: string;
  effect: FactEffect;
  ownerAddress: Hex;
  positionKey: string;
  amountRaw: bigint | null;
  rewardRaw: bigint | null;
  /** The start of the stake where the event carries it, in seconds. */
  stakedAt: number | null;
  /** Only for `correct`: whether the contract holds the reward as claimed. */
  rewardClaimed: boolean | null;
};

/** A decoded event with its place in the chain. */
export type Fact = DecodedEvent & {
  blockNumber: number;
  blockHash: Hex;
  logIndex: number;
  /** Null for a correction. */
  txHash: Hex | null;
  /** Seconds since the epoch. */
  blockTime: number;
};

/** A position as the contract answers it at one block. */
export type ChainPosition = {
  ownerAddress: Hex;
  positionKey: string;
  amountRaw: bigint;
  stakedAt: number;
  rewardClaimed: boolean;
};

export type PositionId = { ownerAddress: Hex; positionKey: string };

/** Constants of a vault's contract, read once when the vault is registered. */
export type VaultTerms = {
  /** Whole seconds from stake to unlock; 0 where there is no lock. */
  lockSeconds: number;
  /** Simple interest a year, in whole percent; 0 where the formula needs none. */
  apyPercent: number;
};

/** A configured vault after its registration: what does not change while the server runs. */
export type Vault = VaultTerms & {
  id: string;
  kind: string;
  chainId: number;
  address: Hex;
  tokenAddress: Hex;
  decimals: number;
  startBlock: number;
};

/** The identity of a position inside its vault, as one string. */
export function positionRef(position: PositionId): string {
  return `${position.ownerAddress}:${position.positionKey}`;
}

/** A reason why the sync is not healthy: what it is about, and what is wrong, in words that may be shown to anyone. */
export type SyncFault = { path: string; message: string };
