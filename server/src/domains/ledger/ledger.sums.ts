import { MONEY_PRECISION } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { fetchRows, insertRows, moneyFromSql, moneyToSql, padded, runSql, type SqlValue } from '../../db/index.ts';
import { AppError } from '../../kernel/errors.ts';
import type { AccountMonthKey, Delta, Deltas, MonthlyTotalKey } from './ledger.rules.ts';
import type { Units, Ledger } from './ledger.types.ts';

const UNITS_LIMIT = 10n ** BigInt(MONEY_PRECISION);

/** Keys in one SELECT. */
const KEYS_PER_READ = 100;

/** A table of sums: rows of (key, user, total, count). */
type SumTable<Key> = { table: string; columns: readonly string[]; keyOf: (key: Key) => readonly string[] };

const accountMonths: SumTable<AccountMonthKey> = {
  table: 'account_months',
  columns: ['account_id', 'month'],
  keyOf: ({ accountId, month }) => [accountId, month],
};

const monthlyTotals: SumTable<MonthlyTotalKey> = {
  table: 'monthly_totals',
  columns: ['month', 'currency', 'kind', 'category_id'],
  keyOf: ({ month, currency, kind, categoryId }) => [month, currency, kind, categoryId],
};

/** Adds the differences to the kept sums. The caller holds the ledger. @throws AppError VALIDATION_FAILED where a sum grows beyond ten digits. */
export async function addToSums(em: SqlEntityManager, ledger: Ledger, deltas: Deltas): Promise<void> {
  await addTo(em, ledger, accountMonths, deltas.accountMonths);
  await addTo(em, ledger, monthlyTotals, deltas.monthlyTotals);
}

/** @throws AppError VALIDATION_FAILED naming `amount` where the sum has more digits than a sum can have. */
export function requireStorable(sum: Units, what: string): void {
  if (sum < UNITS_LIMIT && sum > -UNITS_LIMIT) return;
  throw new AppError('VALIDATION_FAILED', 'The amount is too large; see details.', {
    details: [{ path: 'amount', message: `would make ${what} larger than ten digits before the point` }],
  });
}

async function addTo<Key>(
  em: SqlEntityManager,
  ledger: Ledger,
  sums: SumTable<Key>,
  deltas: readonly (Key & Delta)[],
): Promise<void> {
  const { dialect, userId } = ledger;
  const { table, columns, keyOf } = sums;
  const match = `(${columns.map((column) => `${column} = ?`).join(' and ')})`;
  for (let start = 0; start < deltas.length; start += KEYS_PER_READ) {
    const part = deltas.slice(start, start + KEYS_PER_READ);
    const keys = padded(part.map(keyOf));
    const known = await readSums(em, ledger, sums, `(${keys.map(() => match).join(' or ')})`, keys.flat());
    const next = part.map((delta) => {
      const before = known.get(nameOf(keyOf(delta)));
      return {
        key: keyOf(delta),
        total: (before?.amount ?? 0n) + delta.amount,
        count: (before?.count ?? 0) + delta.count,
      };
    });
    const kept = next.filter(({ count }) => count > 0);
    const gone = next.filter(({ count }) => count <= 0);
    kept.forEach(({ total }) => requireStorable(total, 'the sum of its month'));
    if (kept.length > 0) {
      await insertRows(em, dialect, {
        table,
        columns: ['user_id', ...columns, 'total', 'count'],
        rows: kept.map(({ key, total, count }): SqlValue[] => [userId, ...key, moneyToSql(dialect, total), count]),
        onDuplicate: {
          key: [...(table === 'monthly_totals' ? ['user_id'] : []), ...columns],
          update: ['total', 'count'],
        },
      });
    }
    if (gone.length > 0) {
      const goneKeys = padded(gone.map(({ key }) => key));
      const values = [userId, ...goneKeys.flat()];
      await runSql(
        em,
        `delete from ${table} where user_id = ? and (${goneKeys.map(() => match).join(' or ')})`,
        values,
      );
    }
  }
}

async function readSums<Key>(
  em: SqlEntityManager,
  { dialect, userId }: Ledger,
  { table, columns }: SumTable<Key>,
  where: string,
  values: readonly string[],
): Promise<Map<string, Delta>> {
  const rows = await fetchRows<Record<string, unknown>>(
    em,
    `select ${columns.join(', ')}, total, count from ${table} where user_id = ? and ${where}`,
    [userId, ...values],
  );
  return new Map(
    rows.map((row) => [
      nameOf(columns.map((column) => row[column] as string)),
      { amount: moneyFromSql(dialect, row['total']), count: Number(row['count']) },
    ]),
  );
}

function nameOf(key: readonly string[]): string {
  return key.join(' ');
}
