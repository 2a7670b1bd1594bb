import type { AccountSummaryOut, NetWorthOut } from '@finverse/shared';
import { formatMoney } from '@finverse/shared';
import type { AccountRecord, Units } from '../ledger/index.ts';

type Totals = AccountSummaryOut['totals'];
type MonthTotals = Omit<NetWorthOut['points'][number], 'converted'>;

/** Balances by type and currency, and what one has and owes in each currency. Amounts in different currencies are never added. */
export function summarize(
  accounts: readonly Pick<AccountRecord, 'type' | 'currency' | 'balance'>[],
): Omit<AccountSummaryOut, 'converted'> {
  const groups = new Map<string, { type: AccountRecord['type']; currency: string; balance: Units; accounts: number }>();
  for (const { type, currency, balance } of accounts) {
    const group = groups.get(`${currency} ${type}`) ?? { type, currency, balance: 0n, accounts: 0 };
    groups.set(`${currency} ${type}`, { ...group, balance: group.balance + balance, accounts: group.accounts + 1 });
  }
  return {
    groups: sortedBy([...groups], ([name]) => name).map(([, group]) => ({
      ...group,
      balance: formatMoney(group.balance),
    })),
    totals: totalsOf(accounts),
  };
}

/** What is had, what is owed, and the difference, for each currency. */
export function totalsOf(balances: readonly { currency: string; balance: Units }[]): Totals {
  const totals = new Map<string, { assets: Units; liabilities: Units }>();
  for (const { currency, balance } of balances) {
    const total = totals.get(currency) ?? { assets: 0n, liabilities: 0n };
    if (balance > 0n) total.assets += balance;
    else total.liabilities -= balance;
    totals.set(currency, total);
  }
  return sortedBy([...totals], ([currency]) => currency).map(([currency, { assets, liabilities }]) => ({
    currency,
    assets: formatMoney(assets),
    liabilities: formatMoney(liabilities),
    netWorth: formatMoney(assets - liabilities),
  }));
}

/** What the entries of a month do to an account. */
export type MonthlyMove = { accountId: string; currency: string; month: string; total: Units };

/** The net worth at the end of each month from `from` to `to`: the sum of everything up to then, account by account. */
export function netWorthByMonth(
  moves: readonly MonthlyMove[],
  { from, to }: { from: string; to: string },
): { points: MonthTotals[] } {
  const inOrder = sortedBy([...moves], ({ month }) => month);
  const balances = new Map<string, { currency: string; balance: Units }>();
  let next = 0;
  const points = monthsBetween(from, to).map((month) => {
    for (let move = inOrder[next]; move && move.month <= month; move = inOrder[next]) {
      const known = balances.get(move.accountId)?.balance ?? 0n;
      balances.set(move.accountId, { currency: move.currency, balance: known + move.total });
      next += 1;
    }
    return { month, totals: totalsOf([...balances.values()]) };
  });
  return { points };
}

/** How many months lie from one to the other, both included; zero or less where they are the wrong way round. */
export function countMonths(from: string, to: string): number {
  return monthNumber(to) - monthNumber(from) + 1;
}

/** The last day of a month. */
export function lastDayOf(month: string): string {
  return new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 0)).toISOString().slice(0, 10);
}

function monthsBetween(from: string, to: string): string[] {
  return Array.from({ length: Math.max(0, countMonths(from, to)) }, (_, index) => monthText(monthNumber(from) + index));
}

function monthNumber(month: string): number {
  return Number(month.slice(0, 4)) * 12 + Number(month.slice(5)) - 1;
}

function monthText(number: number): string {
  return `${String(Math.floor(number / 12)).padStart(4, '0')}-${String((number % 12) + 1).padStart(2, '0')}`;
}

function sortedBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[] {
  return items.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0));
}
