import { accountsRouter } from './domains/accounts/index.ts';
import { categoriesRouter } from './domains/categories/index.ts';
import { exportsRouter } from './domains/exports/index.ts';
import { importsRouter } from './domains/imports/index.ts';
import { transactionsRouter } from './domains/transactions/index.ts';
import { integrityRouter } from './domains/integrity/index.ts';
import { ratesRouter } from './domains/rates/index.ts';
import { reconciliationsRouter } from './domains/reconciliations/index.ts';
import { recurringRouter } from './domains/recurring/index.ts';
import { rulesRouter } from './domains/rules/index.ts';
import { authRouter } from './domains/auth/index.ts';
import { stakingRouter } from './domains/staking/staking.router.ts';
import { usersRouter } from './domains/users/index.ts';
import { syncRouter } from './sync/sync.router.ts';
import { router } from './trpc/init.ts';

/** The whole API: SDK, tRPC, REST and the OpenAPI document are all read off it. */
export const appRouter = router({
  auth: authRouter,
  users: usersRouter,
  accounts: accountsRouter,
  categories: categoriesRouter,
  transactions: transactionsRouter,
  imports: importsRouter,
  exports: exportsRouter,
  integrity: integrityRouter,
  rates: ratesRouter,
  recurring: recurringRouter,
  reconciliations: reconciliationsRouter,
  rules: rulesRouter,
  sync: syncRouter,
  staking: stakingRouter,
});

export type AppRouter = typeof appRouter;
