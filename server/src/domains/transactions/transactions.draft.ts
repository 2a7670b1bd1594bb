import type { TransactionCreate } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { newId } from '../../kernel/ids.ts';
import { treeOf } from '../categories/index.ts';
import {
  type AccountRecord,
  findAccounts,
  type Ledger,
  listCategories,
  type TransactionRecord,
} from '../ledger/index.ts';
import { accountsNamedBy, toRecord } from './transactions.rules.ts';

/**
 * The transaction that an input describes, not yet posted, with the accounts that it names as they are now: what other domains post. Inside the caller's
 * transaction, with the ledger held.
 *
 * @throws AppError VALIDATION_FAILED naming what does not go together
 */
export async function recordOf(
  em: SqlEntityManager,
  ledger: Ledger,
  input: TransactionCreate,
): Promise<{ transaction: TransactionRecord; accounts: ReadonlyMap<string, AccountRecord> }> {
  const accounts = await findAccounts(em, ledger.dialect, ledger.userId, accountsNamedBy(input));
  const categories = treeOf(await listCategories(em, ledger.userId));
  const own = { id: newId('txn'), nowMs: ledger.changedAtMs };
  return { transaction: toRecord(input, { accounts, categories }, own), accounts };
}
