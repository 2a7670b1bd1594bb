import { accountsRouter } from './domains/accounts/index.ts';
import { categoriesRouter } from './domains/categories/index.ts';
import { exportsRouter } from './domains/exports/index.ts';
import { importsRouter } from './domains/imports/index.ts';
import { transactionsRouter } from './domains/transactions/index.ts';
import { authRouter } from './domains/auth/index.ts';
import { stakingRouter } from './domains/staking/staking.router.ts';
import { syncRouter } from './sync/sync.router.ts';
import { router } from './trpc/init.ts';

/** The whole API: SDK, tRPC, REST and the OpenAPI document are all read off it. */
export const appRouter = router({
  auth: authRouter,
  accounts: accountsRouter,
  categories: categoriesRouter,
  transactions: transactionsRouter,
  imports: importsRouter,
  exports: exportsRouter,
  sync: syncRouter,
  staking: stakingRouter,
});

export type AppRouter = typeof appRouter;
