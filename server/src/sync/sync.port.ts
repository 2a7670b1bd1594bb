import type {
  SyncConflictOut,
  SyncCycleOut,
  SyncHealthOut,
  SyncLiveEvent,
  SyncStatusOut,
  SyncUserOut,
} from '@finverse/shared';

export type PageRequest = { limit: number; cursor?: string | undefined };
export type Page<Item> = { items: Item[]; nextCursor: string | null };

/** What the router needs of the engine. */
export interface SyncApi {
  /** The state of the engine, from memory and one read of the vault rows. Never asks the chain. */
  status(): Promise<SyncStatusOut>;
  /** @throws AppError SYNC_UNHEALTHY with one detail for each reason. */
  health(): Promise<SyncHealthOut>;
  /** Durable: sync runs from now on, also after a restart. Starting what runs already changes only the interval. */
  start(options: { intervalSeconds?: number | undefined }): Promise<SyncStatusOut>;
  /** Durable: finishes the work in hand, then rests, also after a restart. */
  stop(): Promise<SyncStatusOut>;
  /** Runs a cycle now, or joins the one that runs. A failed cycle is answered, not thrown. */
  runCycle(): Promise<SyncCycleOut>;
  /**
   * Catches up to the head, then compares every position of the address with the contract.
   * @throws AppError CHAIN_UNAVAILABLE when the chain cannot be read; nothing is changed then.
   */
  syncUser(address: `0x${string}`): Promise<SyncUserOut>;
  runs(page: PageRequest): Promise<Page<SyncCycleOut>>;
  conflicts(page: PageRequest): Promise<Page<SyncConflictOut>>;
  /** The live feed from after `lastEventId`, or from now on. Ends when the signal aborts. */
  live(options: {
    lastEventId?: string | undefined;
    ownerAddress?: string | undefined;
    signal?: AbortSignal | undefined;
  }): AsyncIterable<{ id: string; event: SyncLiveEvent }>;
}
