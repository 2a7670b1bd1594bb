import { setImmediate } from 'node:timers/promises';
import { type AccountSummaryOut, NET_WORTH_MONTHS_MAX, NET_WORTH_TOTALS_MAX, type NetWorthOut } from '@finverse/shared';
import type { Database } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { invalidField } from '../../kernel/errors.ts';
import { Turns } from '../../kernel/turns.ts';
import { listAccounts } from '../ledger/index.ts';
import { convertTotals, loadRateBook, loadRatePairs } from '../rates/index.ts';
import { todayOf } from '../users/index.ts';
import { selectMonthlyMoves } from './accounts.repository.ts';
import { countMonths, lastDayOf, netWorthByMonth, summarize } from './accounts.rules.ts';

/** Sums of one person, over many months or in one currency, that wait for the one that runs. */
const SUMS_WAITING_MAX = 4;

type NetWorthQuery = { from: string; to: string; currency?: string | undefined };

/** What a person has and owes, over all of their accounts: now, and at the end of each month. */
export class AccountWorth {
  readonly #database: Database;
  readonly #clock: Clock;
  /** Hundreds of months and currencies are thousands of rates to be looked up: nobody has the database do so for several requests at once. */
  readonly #turns = new Turns({ waitingMax: SUMS_WAITING_MAX });

  constructor({ database, clock }: { database: Database; clock: Clock }) {
    this.#database = database;
    this.#clock = clock;
  }

  /** @throws AppError RATE_LIMITED where a currency is named and too many sums of the person wait */
  summary(userId: string, currency?: string): Promise<AccountSummaryOut> {
    const sum = () => this.#summary(userId, currency);
    return currency === undefined ? sum() : this.#turns.run(userId, sum);
  }

  async #summary(userId: string, currency: string | undefined): Promise<AccountSummaryOut> {
    const accounts = await listAccounts(this.#database.em(), this.#database.dialect, userId);
    const summary = summarize(accounts.filter(({ archivedAtMs, balance }) => archivedAtMs === null || balance !== 0n));
    if (currency === undefined) return summary;
    const date = await this.#today(userId);
    const [converted] = await this.#convert(userId, currency, [{ date, totals: summary.totals }]);
    return { ...summary, converted: converted ?? null };
  }

  /** @throws AppError VALIDATION_FAILED naming `from` or `to`; RATE_LIMITED where too many sums of the person wait */
  netWorth(userId: string, query: NetWorthQuery): Promise<NetWorthOut> {
    return this.#turns.run(userId, () => this.#netWorth(userId, query));
  }

  async #netWorth(userId: string, { from, to, currency }: NetWorthQuery): Promise<NetWorthOut> {
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
    const days = points.map(({ month, totals: ofMonth }) => ({ date: dateOf(month), totals: ofMonth }));
    const converted = await this.#convert(userId, currency, days);
    return { points: points.map((point, index) => ({ ...point, converted: converted[index] ?? null })) };
  }

  /** The totals of some days in a currency, by the rates of each. */
  async #convert(
    userId: string,
    currency: string,
    days: readonly { date: string; totals: AccountSummaryOut['totals'] }[],
  ): Promise<NonNullable<AccountSummaryOut['converted']>[]> {
    const [em, { dialect }] = [this.#database.em(), this.#database];
    const currencies = [currency, ...days.flatMap(({ totals }) => totals.map((total) => total.currency))];
    const pairs = await loadRatePairs(em, dialect, { userId, currencies });
    const converted: NonNullable<AccountSummaryOut['converted']>[] = [];
    for (const { date, totals } of days) {
      const from = totals.map((total) => total.currency);
      const book = await loadRateBook(em, dialect, { userId, from, to: currency, date }, pairs);
      converted.push(convertTotals(book, totals, { currency, date }));
      // On SQLite all of it is this process's own work.
      await setImmediate();
    }
    return converted;
  }

  /** The date that it is for the person. */
  #today(userId: string): Promise<string> {
    return todayOf(this.#database.em(), userId, this.#clock.now());
  }
}
