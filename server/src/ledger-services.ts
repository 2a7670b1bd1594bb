import type { Database } from './db/index.ts';
import { AccountsService } from './domains/accounts/index.ts';
import { CategoriesService } from './domains/categories/index.ts';
import { IntegrityService } from './domains/integrity/index.ts';
import { RatesService } from './domains/rates/index.ts';
import { ReconciliationsService } from './domains/reconciliations/index.ts';
import { RecurringService } from './domains/recurring/index.ts';
import { RulesService } from './domains/rules/index.ts';
import { TransactionsService } from './domains/transactions/index.ts';
import type { Clock } from './kernel/clock.ts';
import type { Services } from './trpc/context.ts';

export type LedgerServices = Pick<
  Services,
  'accounts' | 'categories' | 'transactions' | 'integrity' | 'rates' | 'recurring' | 'reconciliations' | 'rules'
>;

/** The services of the money ledger, which need nothing but a database and the time. */
export function createLedgerServices(parts: { database: Database; clock: Clock }): LedgerServices {
  return {
    accounts: new AccountsService(parts),
    categories: new CategoriesService(parts),
    transactions: new TransactionsService(parts),
    rates: new RatesService(parts),
    recurring: new RecurringService(parts),
    reconciliations: new ReconciliationsService(parts),
    rules: new RulesService(parts),
    integrity: new IntegrityService(parts),
  };
}
