import type { PublicClient } from 'viem';
import type { ChainPosition, DecodedEvent, Hex, PositionId, RawLog, VaultTerms } from '../types.ts';

/** Where an adapter reads: a client, and the one block whose state every call must see (EIP-1898). */
export type PinnedReader = {
  client: PublicClient;
  block: { blockHash: Hex; requireCanonical: true };
};

/**
 * One contract shape: which events are facts, what identifies a position, how its state is read. Everything that differs between shapes is here;
 * the engine knows none of it.
 */
export interface VaultAdapter {
  readonly kind: string;
  /** topic0 of every event that is a fact. Names collide between shapes, topics do not. */
  readonly topics: readonly Hex[];
  /** @throws ChainReadError for data that is not what the event's signature says. */
  decode(log: RawLog): DecodedEvent;
  /** Reads what never changes. @throws SettingsError when the contract answers another interface. */
  readTerms(reader: PinnedReader, address: Hex): Promise<VaultTerms & { tokenAddress: Hex }>;
  /** The contract's own sum of all open amounts. */
  readStakedTotal(reader: PinnedReader, address: Hex): Promise<bigint>;
  /** Every position of one owner, complete: what is not answered does not exist. */
  readOwner(reader: PinnedReader, address: Hex, ownerAddress: Hex): Promise<ChainPosition[]>;
  /**
   * The named positions, and how many positions each of their owners has in the contract. A position that is missing from `positions` does not exist.
   */
  readPositions(
    reader: PinnedReader,
    address: Hex,
    positions: readonly PositionId[],
  ): Promise<{ positions: ChainPosition[]; counts: Map<Hex, number> }>;
  /** What the contract's own view would answer as the pending reward at that time. */
  pendingReward(
    position: { amountRaw: bigint; stakedAt: number; rewardClaimed: boolean },
    terms: VaultTerms,
    atSeconds: number,
  ): bigint;
}
