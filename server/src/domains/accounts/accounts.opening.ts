import type { SqlEntityManager } from '@mikro-orm/sql';
import { blaming } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import {
  type AccountRecord,
  findTransactions,
  type Ledger,
  post,
  type TransactionRecord,
  UNMARKED,
  updateAccount,
} from '../ledger/index.ts';

/** The transaction of an account's opening balance, if it has one. */
export async function findOpening(
  em: SqlEntityManager,
  { dialect, userId }: Pick<Ledger, 'dialect' | 'userId'>,
  { openingTransactionId: id }: AccountRecord,
): Promise<TransactionRecord | null> {
  if (id === null) return null;
  return (await findTransactions(em, dialect, userId, [id])).get(id) ?? null;
}

/**
 * Makes, changes or removes the transaction of the opening balance (in units of 1e-8), in the caller's transaction. Answers the account as it is then.
 *
 * @throws AppError ACCOUNT_ARCHIVED and what else posting refuses, naming `openingBalance`
 */
export async function setOpening(
  em: SqlEntityManager,
  ledger: Ledger,
  account: AccountRecord,
  { before, amount, openedOn }: { before: TransactionRecord | null; amount: bigint; openedOn: string },
): Promise<AccountRecord> {
  const after = amount === 0n ? null : openingOf(ledger, account, { before, amount, openedOn });
  if (!before && !after) return account;
  const accounts = new Map([[account.id, account]]);
  const moved = await blaming('openingBalance', () => post(em, ledger, [{ before, after }], accounts));
  const opened = { ...(moved[0] ?? account), openingTransactionId: after?.id ?? null };
  if (opened.openingTransactionId !== account.openingTransactionId) await updateAccount(em, ledger, opened);
  return opened;
}

function openingOf(
  ledger: Ledger,
  account: AccountRecord,
  { before, amount, openedOn }: { before: TransactionRecord | null; amount: bigint; openedOn: string },
): TransactionRecord {
  return {
    id: before?.id ?? newId('txn'),
    kind: 'opening',
    accountId: account.id,
    amount,
    currency: account.currency,
    occurredOn: openedOn,
    description: 'Opening balance',
    payee: '',
    note: '',
    categoryId: null,
    tags: [],
    splits: [],
    transfer: null,
    attachments: [],
    source: 'opening',
    externalId: null,
    contentHash: null,
    marks: UNMARKED,
    createdAtMs: before?.createdAtMs ?? ledger.changedAtMs,
    updatedAtMs: ledger.changedAtMs,
  };
}
