import { type AccountSummaryOut, NET_WORTH_MONTHS_MAX, type NetWorthOut } from '@finverse/shared';
import type { Database } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { invalidField } from '../../kernel/errors.ts';
import { listAccounts } from '../ledger/index.ts';
import { convertTotals, loadRateBook, type RateBook } from '../rates/index.ts';
import { todayOf } from '../users/index.ts';
import { selectMonthlyMoves } from './accounts.repository.ts';
import { countMonths, lastDayOf, netWorthByMonth, summarize } from './accounts.rules.ts';

/** What a person has and owes, over all of their accounts: now, and at the end of each month. */
export class AccountWorth {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor({ database, clock }: { database: Database; clock: Clock }) {
    this.#database = database;
    this.#clock = clock;
  }

  async summary(userId: string, currency?: string): Promise<AccountSummaryOut> {
    const accounts = await listAccounts(this.#database.em(), this.#database.dialect, userId);
    const summary = summarize(accounts.filter(({ archivedAtMs, balance }) => archivedAtMs === null || balance !== 0n));
    if (currency === undefined) return summary;
    const date = await this.#today(userId);
    const book = await this.#rateBook(userId, { currency, totals: summary.totals, from: date, to: date });
    return { ...summary, converted: convertTotals(book, summary.totals, { currency, date }) };
  }

  async netWorth(
    userId: string,
    { from, to, currency }: { from: string; to: string; currency?: string | undefined },
  ): Promise<NetWorthOut> {
    const months = countMonths(from, to);
    if (months < 1) throw invalidField('to', 'must not lie before from');
    if (months > NET_WORTH_MONTHS_MAX)
      throw invalidField('to', `must be at most ${NET_WORTH_MONTHS_MAX} months after from`);
    const { points } = netWorthByMonth(
      await selectMonthlyMoves({ em: this.#database.em(), dialect: this.#database.dialect, userId }, to),
      { from, to },
    );
    if (currency === undefined) return { points };
    // The month that has not ended yet goes by today's rates.
    const today = await this.#today(userId);
    const dateOf = (month: string) => [lastDayOf(month), today].toSorted()[0] as string;
    const book = await this.#rateBook(userId, {
      currency,
      totals: points.flatMap(({ totals }) => totals),
      from: dateOf(from),
      to: dateOf(to),
    });
    return {
      points: points.map((point) => ({
        ...point,
        converted: convertTotals(book, point.totals, { currency, date: dateOf(point.month) }),
      })),
    };
  }

  #rateBook(
    userId: string,
    wanted: { currency: string; totals: AccountSummaryOut['totals']; from: string; to: string },
  ): Promise<RateBook> {
    const { currency, totals, from, to } = wanted;
    const currencies = [currency, ...totals.map((total) => total.currency)];
    return loadRateBook(this.#database.em(), { userId, currencies, from, to });
  }

  /** The date that it is for the person. */
  #today(userId: string): Promise<string> {
    return todayOf(this.#database.em(), userId, this.#clock.now());
  }
}
