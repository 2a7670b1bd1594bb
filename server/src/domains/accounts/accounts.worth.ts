import { setImmediate } from 'node:timers/promises';
import {
  type AccountSummaryOut,
  type ConvertedTotalOut,
  NET_WORTH_MONTHS_MAX,
  NET_WORTH_TOTALS_MAX,
  type NetWorthOut,
  RATE_AGE_DAYS_DEFAULT,
} from '@finverse/shared';
import type { Database } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { invalidField, invariant } from '../../kernel/errors.ts';
import { Turns } from '../../kernel/turns.ts';
import { listAccounts } from '../ledger/index.ts';
import { convertTotals, loadRateBook, loadRatePairs } from '../rates/index.ts';
import { baseCurrencyOf, todayOf } from '../users/index.ts';
import type { ConversionQuery } from './accounts.port.ts';
import { selectMonthlyMoves } from './accounts.repository.ts';
import { countMonths, lastDayOf, netWorthByMonth, summarize } from './accounts.rules.ts';

/** Sums of one person that wait for the one that runs. */
const SUMS_WAITING_MAX = 4;

type NetWorthQuery = { from: string; to: string } & ConversionQuery;

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

  /** @throws AppError RATE_LIMITED where too many sums of the person wait */
  summary(userId: string, query: ConversionQuery): Promise<AccountSummaryOut> {
    return this.#turns.run(userId, () => this.#summary(userId, query));
  }

  async #summary(userId: string, query: ConversionQuery): Promise<AccountSummaryOut> {
    const accounts = await listAccounts(this.#database.em(), this.#database.dialect, userId);
    const summary = summarize(accounts.filter(({ archivedAtMs, balance }) => archivedAtMs === null || balance !== 0n));
    const date = await this.#today(userId);
    const [converted] = await this.#convert(userId, query, [{ date, totals: summary.totals }]);
    invariant(converted, 'the day that was given is converted');
    return { ...summary, converted };
  }

  /** @throws AppError VALIDATION_FAILED naming `from` or `to`; RATE_LIMITED where too many sums of the person wait */
  netWorth(userId: string, query: NetWorthQuery): Promise<NetWorthOut> {
    return this.#turns.run(userId, () => this.#netWorth(userId, query));
  }

  async #netWorth(userId: string, { from, to, ...conversion }: NetWorthQuery): Promise<NetWorthOut> {
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
    // The month that has not ended yet goes by today's rates.
    const today = await this.#today(userId);
    const dateOf = (month: string) => [lastDayOf(month), today].toSorted()[0] as string;
    const days = points.map(({ month, totals: ofMonth }) => ({ date: dateOf(month), totals: ofMonth }));
    const converted = await this.#convert(userId, conversion, days);
    return {
      points: points.map((point, index) => {
        const inOne = converted[index];
        invariant(inOne, 'each day that was given is converted');
        return { ...point, converted: inOne };
      }),
    };
  }

  /** The totals of some days in one currency, by the rates of each: as many, in their order. */
  async #convert(
    userId: string,
    query: ConversionQuery,
    days: readonly { date: string; totals: AccountSummaryOut['totals'] }[],
  ): Promise<ConvertedTotalOut[]> {
    const [em, { dialect }] = [this.#database.em(), this.#database];
    const { maxAgeDays = RATE_AGE_DAYS_DEFAULT } = query;
    const currency = query.currency ?? (await baseCurrencyOf(em, userId));
    const currencies = new Set([currency, ...days.flatMap(({ totals }) => totals.map((total) => total.currency))]);
    const pairs =
      currencies.size > 1 ? await loadRatePairs(em, dialect, { userId, currencies: [...currencies] }) : new Map();
    const converted: ConvertedTotalOut[] = [];
    for (const { date, totals } of days) {
      const from = totals.map((total) => total.currency);
      const book = await loadRateBook(em, dialect, { userId, from, to: currency, date, maxAgeDays }, pairs);
      converted.push(convertTotals(book, totals, { currency, date, maxAgeDays }));
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
