import {
  positionInput,
  positionOut,
  positionsInput,
  positionsOut,
  stakingLogsInput,
  stakingLogsOut,
} from '@finverse/shared';
import { router } from '../../trpc/init.ts';
import { readerProcedure } from '../../trpc/procedures.ts';

const route = { method: 'GET', tags: ['staking'] } as const;

/** Reads of staking positions. What the chain makes public, any signed-in caller may read of any address. */
export const stakingRouter = router({
  positions: readerProcedure
    .meta({ route: { ...route, path: '/staking/positions', summary: 'Staking positions, by owner, vault and state' } })
    .input(positionsInput)
    .output(positionsOut)
    .query(({ ctx, input }) => ctx.services.staking.positions(input)),

  position: readerProcedure
    .meta({ route: { ...route, path: '/staking/positions/{id}', summary: 'One staking position' } })
    .input(positionInput)
    .output(positionOut)
    .query(({ ctx, input }) => ctx.services.staking.position(input.id)),

  logs: readerProcedure
    .meta({
      route: {
        ...route,
        path: '/staking/logs',
        summary: 'The facts behind the positions: decoded logs and corrections, in chain order',
        description:
          'Give `position_id` for the facts of one position. A log of a block that was dropped by a reorganisation has status `orphaned`.',
      },
    })
    .input(stakingLogsInput)
    .output(stakingLogsOut)
    .query(({ ctx, input }) => ctx.services.staking.logs(input)),
});
