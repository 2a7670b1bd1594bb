import type { Change, Entry, TransactionRecord, Units } from './ledger.types.ts';

/** The entries of a transaction: what it does to accounts. An income adds, an expense takes, a transfer does both, an opening balance is as it stands. */
export function entriesOf(transaction: TransactionRecord): Entry[] {
  const { kind, accountId, amount, currency, categoryId, splits, transfer } = transaction;
  const own = { accountId, currency };
  if (kind === 'opening') return [{ ...own, line: 0, amount, categoryId: null, note: '' }];
  if (kind === 'transfer') {
    const from = { ...own, line: 0, amount: -amount, categoryId: null, note: '' };
    if (!transfer) throw new Error(`transfer ${transaction.id} goes nowhere`);
    const to = { accountId: transfer.toAccountId, currency: transfer.toCurrency };
    return [from, { ...to, line: 1, amount: transfer.toAmount, categoryId: null, note: '' }];
  }
  const parts = splits.length > 0 ? splits : [{ amount, categoryId, note: '' }];
  const sign = kind === 'income' ? 1n : -1n;
  return parts.map((part, line) => ({
    ...own,
    line,
    amount: sign * part.amount,
    categoryId: part.categoryId,
    note: part.note,
  }));
}

/** The month of a date: `2026-02-28` is in `2026-02`. */
export function monthOf(date: string): string {
  return date.slice(0, 7);
}

/** How a sum and its number of entries change. */
export type Delta = { amount: Units; count: number };

/** A sum of account_months. */
export type AccountMonthKey = { accountId: string; month: string };
/** A sum of monthly_totals. */
export type MonthlyTotalKey = { month: string; currency: string; kind: 'income' | 'expense'; categoryId: string };

/** What changes do to every sum that is kept. Those that stay as they are are left out. */
export type Deltas = {
  balances: Map<string, Units>;
  accountMonths: (AccountMonthKey & Delta)[];
  monthlyTotals: (MonthlyTotalKey & Delta)[];
};

/** The difference that changes make to balances, account months and monthly totals: what comes is added, what goes is taken away. */
export function deltasOf(changes: readonly Change[]): Deltas {
  const balances = new Map<string, Units>();
  const accountMonths = new Map<string, AccountMonthKey & Delta>();
  const monthlyTotals = new Map<string, MonthlyTotalKey & Delta>();
  for (const { before, after } of changes) {
    for (const [transaction, direction] of [[before, -1] as const, [after, 1] as const]) {
      if (!transaction) continue;
      const { kind } = transaction;
      const month = monthOf(transaction.occurredOn);
      for (const { accountId, amount, currency, categoryId } of entriesOf(transaction)) {
        const signed = amount * BigInt(direction);
        balances.set(accountId, (balances.get(accountId) ?? 0n) + signed);
        addTo(accountMonths, `${accountId} ${month}`, { accountId, month, amount: signed, count: direction });
        if (kind !== 'income' && kind !== 'expense') continue;
        const key = { month, currency, kind, categoryId: categoryId ?? '' };
        addTo(monthlyTotals, nameOfTotal(key), {
          ...key,
          amount: kind === 'income' ? signed : -signed,
          count: direction,
        });
      }
    }
  }
  return {
    balances: new Map([...balances].filter(([, amount]) => amount !== 0n)),
    accountMonths: [...accountMonths.values()].filter(changesAnything),
    monthlyTotals: [...monthlyTotals.values()].filter(changesAnything),
  };
}

/** Both differences as one. */
export function sumOfDeltas(a: Deltas, b: Deltas): Deltas {
  const balances = new Map(a.balances);
  for (const [id, amount] of b.balances) balances.set(id, (balances.get(id) ?? 0n) + amount);
  return {
    balances: new Map([...balances].filter(([, amount]) => amount !== 0n)),
    accountMonths: sumOf(a.accountMonths, b.accountMonths, ({ accountId, month }) => `${accountId} ${month}`),
    monthlyTotals: sumOf(a.monthlyTotals, b.monthlyTotals, nameOfTotal),
  };
}

function nameOfTotal({ month, currency, kind, categoryId }: MonthlyTotalKey): string {
  return `${month} ${currency} ${kind} ${categoryId}`;
}

function sumOf<Sum extends Delta>(a: readonly Sum[], b: readonly Sum[], nameOf: (sum: Sum) => string): Sum[] {
  const sums = new Map<string, Sum>();
  for (const each of [...a, ...b]) addTo(sums, nameOf(each), { ...each });
  return [...sums.values()].filter(changesAnything);
}

/** Adds to the sum of a name; the first is kept as it is, and grows. */
function addTo<Sum extends Delta>(sums: Map<string, Sum>, name: string, sum: Sum): void {
  const known = sums.get(name);
  if (!known) {
    sums.set(name, sum);
    return;
  }
  known.amount += sum.amount;
  known.count += sum.count;
}

function changesAnything({ amount, count }: Delta): boolean {
  return amount !== 0n || count !== 0;
}

/** True where the entries, and so every sum, stay as they are. */
export function isSameBooking(a: TransactionRecord, b: TransactionRecord): boolean {
  return bookingText(a) === bookingText(b);
}

function bookingText(transaction: TransactionRecord): string {
  const { kind, occurredOn } = transaction;
  return JSON.stringify([
    kind,
    occurredOn,
    entriesOf(transaction).map((entry) => ({ ...entry, amount: `${entry.amount}` })),
  ]);
}

/** The accounts whose money moves, in amount or in time. An archived account's may not; another category for what is there is no move. */
export function movedAccounts({ before, after }: Change): string[] {
  const one = before === null ? after : after === null ? before : null;
  if (one) return accountsOf(one).toSorted();
  const [from, to] = [moneyOf(before), moneyOf(after)];
  return [...new Set([...from.keys(), ...to.keys()])].filter((id) => from.get(id) !== to.get(id)).toSorted();
}

/** The accounts that a transaction is on: one, or of a transfer two. */
export function accountsOf({ accountId, transfer }: TransactionRecord): string[] {
  return transfer ? [accountId, transfer.toAccountId] : [accountId];
}

/** For each account, when and how much. */
function moneyOf(transaction: TransactionRecord | null): Map<string, string> {
  const amounts = new Map<string, Units>();
  for (const { accountId, amount } of transaction ? entriesOf(transaction) : []) {
    amounts.set(accountId, (amounts.get(accountId) ?? 0n) + amount);
  }
  return new Map([...amounts].map(([accountId, amount]) => [accountId, `${transaction?.occurredOn} ${amount}`]));
}

/** What is kept of a transaction: everything that description, payee, note and the notes of fifty parts can be, unless composing makes it longer. */
const SEARCH_CHARACTERS_MAX = 13_000;

/** What a text search looks into. */
export function searchTextOf({ description, payee, note, splits }: TransactionRecord): string {
  return searchable(description, payee, note, ...splits.map((split) => split.note));
}

/**
 * Text as it is searched: composed, in lower case. Of the few characters that composing makes many of (one is the 18 letters of a blessing) texts of nothing
 * else are found by their beginning alone.
 */
export function searchable(...parts: string[]): string {
  const text = parts.filter(Boolean).join('\n').normalize('NFKC').toLowerCase();
  return text.length <= SEARCH_CHARACTERS_MAX ? text : text.slice(0, SEARCH_CHARACTERS_MAX).toWellFormed();
}
