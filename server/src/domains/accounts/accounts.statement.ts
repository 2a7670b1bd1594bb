import { type ClearedState, formatMoney, type StatementOut, type StatementQuery } from '@finverse/shared';
import { moneyFromSql } from '../../db/index.ts';
import { decodeCursor, encodeCursor } from '../../kernel/cursor.ts';
import { balanceAfter, type EntryPlace, type Reading, requireAccount, selectEntries } from './accounts.repository.ts';

/**
 * A page of an account's entries, newest first, each with the balance after it. To be read in one snapshot: entries and balance are of one moment.
 *
 * @throws AppError NOT_FOUND
 */
export async function readStatement(reading: Reading, query: StatementQuery): Promise<StatementOut> {
  const account = await requireAccount(reading, query.id);
  const [occurredOn, transactionId, line] = decodeCursor('statement', query.cursor, ['string', 'string', 'number']);
  const before =
    occurredOn === undefined || transactionId === undefined || line === undefined
      ? undefined
      : { occurredOn, transactionId, line };
  const rows = await selectEntries(reading, query, before);
  const [first] = rows;
  // The newest entry of all leaves what the account has.
  const isNewest = before === undefined && query.to === undefined;
  let balance = isNewest || !first ? account.balance : await balanceAfter(reading, query.id, placeOf(first));
  const items = rows.slice(0, query.limit).map((row) => {
    const amount = moneyFromSql(reading.dialect, row['amount']);
    const item = {
      transactionId: row['transaction_id'] as string,
      kind: row['kind'] as StatementOut['items'][number]['kind'],
      occurredOn: row['occurred_on'] as string,
      description: row['description'] as string,
      payee: row['payee'] as string,
      categoryId: row['category_id'] as string | null,
      otherAccountId: row['other_account_id'] as string | null,
      note: (row['note'] as string) || (row['transaction_note'] as string),
      cleared: (row['cleared'] as ClearedState | null) ?? 'uncleared',
      amount: formatMoney(amount),
      currency: account.currency,
      balance: formatMoney(balance),
    };
    balance -= amount;
    return item;
  });
  const last = rows[query.limit - 1];
  const place = last && placeOf(last);
  return {
    items,
    nextCursor:
      rows.length > query.limit && place
        ? encodeCursor('statement', [place.occurredOn, place.transactionId, place.line])
        : null,
  };
}

function placeOf(row: Record<string, unknown>): EntryPlace {
  return {
    occurredOn: row['occurred_on'] as string,
    transactionId: row['transaction_id'] as string,
    line: Number(row['line']),
  };
}
