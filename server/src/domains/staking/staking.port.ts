import type { PositionOut, StakingLogOut } from '@finverse/shared';
import type { Page, PageRequest } from '../../sync/sync.port.ts';

type Filter = { ownerAddress?: string | undefined; vaultId?: string | undefined };

/** What the staking router reads. */
export interface StakingReads {
  /** Positions in the order of their ids. */
  positions(query: PageRequest & Filter & { state?: PositionOut['state'] | undefined }): Promise<Page<PositionOut>>;
  /** @throws AppError NOT_FOUND */
  position(id: string): Promise<PositionOut>;
  /** Logs in chain order. */
  logs(query: PageRequest & Filter & { positionId?: string | undefined }): Promise<Page<StakingLogOut>>;
}
