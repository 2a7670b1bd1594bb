import { setImmediate } from 'node:timers/promises';
import { type AccountSummaryOut, NET_WORTH_MONTHS_MAX, NET_WORTH_TOTALS_MAX, type NetWorthOut } from '@finverse/shared';
import type { Database } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { invalidField } from '../../kernel/errors.ts';
import { listAccounts } from '../ledger/index.ts';
import { convertTotals, loadRateBook } from '../rates/index.ts';
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
    return { ...summary, converted: await this.#convert(userId, summary.totals, { currency, date }) };
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
    const totals = points.reduce((sum, point) => sum + point.totals.length, 0);
    if (totals > NET_WORTH_TOTALS_MAX) {
      throw invalidField(
        'from',
        `leads to ${totals} totals of months and currencies, more than ${NET_WORTH_TOTALS_MAX}; ask for fewer months`,
      );
    }
    if (currency === undefined) return { points };
    // The month that has not ended yet goes by today's rates.
    const today = await this.#today(userId);
    const dateOf = (month: string) => [lastDayOf(month), today].toSorted()[0] as string;
    const converted: NetWorthOut['points'] = [];
    for (const point of points) {
      const day = { currency, date: dateOf(point.month) };
      converted.push({ ...point, converted: await this.#convert(userId, point.totals, day) });
      // On SQLite all of it is this process's own work.
      await setImmediate();
    }
    return { points: converted };
  }

  async #convert(
    userId: string,
    totals: AccountSummaryOut['totals'],
    day: { currency: string; date: string },
  ): Promise<NonNullable<AccountSummaryOut['converted']>> {
    const from = totals.map((total) => total.currency);
    const { currency: to, date } = day;
    const book = await loadRateBook(this.#database.em(), this.#database.dialect, { userId, from, to, date });
    return convertTotals(book, totals, day);
  }

  /** The date that it is for the person. */
  #today(userId: string): Promise<string> {
    return todayOf(this.#database.em(), userId, this.#clock.now());
  }
}
