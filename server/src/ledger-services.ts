import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from './db/index.ts';
import { AccountsService } from './domains/accounts/index.ts';
import { CategoriesService } from './domains/categories/index.ts';
import { ExportsService } from './domains/exports/index.ts';
import { importedIds, ImportsService } from './domains/imports/index.ts';
import { IntegrityService } from './domains/integrity/index.ts';
import { RatesService } from './domains/rates/index.ts';
import { ReconciliationsService } from './domains/reconciliations/index.ts';
import { recurringReferences, RecurringService } from './domains/recurring/index.ts';
import { ruleReferences, RulesService } from './domains/rules/index.ts';
import { TransactionsService } from './domains/transactions/index.ts';
import type { Clock } from './kernel/clock.ts';
import { createLogger, type Logger } from './kernel/logger.ts';
import { randomId } from './kernel/random.ts';
import type { Services } from './trpc/context.ts';

export type LedgerServices = Pick<
  Services,
  | ('accounts' | 'categories' | 'transactions' | 'recurring' | 'rules' | 'reconciliations')
  | ('exports' | 'rates' | 'integrity')
> & { imports: ImportsService };

type LedgerParts = {
  database: Database;
  clock: Clock;
  /** Where the files of imports wait; a temporary folder of its own where none is named. */
  importsFolder?: string;
  log?: Logger;
};

/** The services of the money ledger, which need little but a database and the time. */
export function createLedgerServices(parts: LedgerParts): LedgerServices {
  const { importsFolder, log } = parts;
  const references = [ruleReferences, recurringReferences];
  return {
    imports: new ImportsService({
      ...parts,
      folder: importsFolder ?? join(tmpdir(), `finverse-imports-${randomId()}`),
      log: log ?? createLogger({ level: 'silent' }),
    }),
    exports: new ExportsService(parts),
    accounts: new AccountsService({ ...parts, references }),
    categories: new CategoriesService({ ...parts, references }),
    transactions: new TransactionsService({ ...parts, importedIds }),
    rates: new RatesService(parts),
    recurring: new RecurringService(parts),
    reconciliations: new ReconciliationsService(parts),
    rules: new RulesService(parts),
    integrity: new IntegrityService(parts),
  };
}
