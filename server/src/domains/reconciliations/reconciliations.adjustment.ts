import { formatMoney, MONEY_PRECISION, type ReconciliationFinish } from '@finverse/shared';
import { blaming, invalidField } from '../../kernel/errors.ts';
import { type Ledger, post, type TransactionRecord, type Units } from '../ledger/index.ts';
import { recordOf } from '../transactions/index.ts';
import type { Reading, ReconciliationRecord } from './reconciliations.repository.ts';

const UNITS_LIMIT = 10n ** BigInt(MONEY_PRECISION);

/**
 * Posts one transaction of the statement date that makes up for a difference: an income where the statement has more, an expense where it has less. Inside the
 * caller's transaction, with the ledger held.
 *
 * @throws AppError VALIDATION_FAILED naming the category, or where the difference is more than an amount can be; ACCOUNT_ARCHIVED, CREDIT_LIMIT_EXCEEDED
 */
export async function postAdjustment(
  { em }: Reading,
  ledger: Ledger,
  { accountId, statementDate }: ReconciliationRecord,
  { difference, wanted }: { difference: Units; wanted: NonNullable<ReconciliationFinish['adjustment']> },
): Promise<TransactionRecord> {
  const amount = difference < 0n ? -difference : difference;
  if (amount >= UNITS_LIMIT) throw invalidField('adjustment', 'would be larger than an amount can be');
  const { transaction, accounts } = await blaming('adjustment.categoryId', () =>
    recordOf(em, ledger, {
      kind: difference < 0n ? 'expense' : 'income',
      accountId,
      amount: formatMoney(amount),
      occurredOn: statementDate,
      description: 'Reconciliation adjustment',
      payee: '',
      note: wanted.note,
      categoryId: wanted.categoryId,
      tags: [],
      splits: [],
      transfer: null,
      attachments: [],
      source: 'reconciliation',
      externalId: null,
    }),
  );
  await blaming('adjustment', () => post(em, ledger, [{ before: null, after: transaction }], accounts));
  return transaction;
}
