import {
  formatMoney,
  parseMoney,
  type RateConvert,
  type RateConvertOut,
  type RateOut,
  RATES_MAX,
  type RateSet,
  type RatesImport,
  type RatesImportOut,
  type RatesOut,
  type RatesQuery,
} from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Database, UnitOfWork } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { decodeCursor, encodeCursor } from '../../kernel/cursor.ts';
import { AppError, invalidField, invariant } from '../../kernel/errors.ts';
import { baseCurrencyOf, todayOf } from '../users/index.ts';
import { readCsvRates, readEcbRates } from './rates.files.ts';
import type { RatesApi } from './rates.port.ts';
import {
  countRates,
  deleteRate,
  findRate,
  loadRateBook,
  type RateOwner,
  selectRates,
  upsertRates,
} from './rates.repository.ts';
import { convertUnits, findConversion, toConversionOut } from './rates.rules.ts';

/** Exchange rates: entered, imported, and used to say what an amount is in another currency. */
export class RatesService implements RatesApi {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor({ database, clock }: { database: Database; clock: Clock }) {
    this.#database = database;
    this.#clock = clock;
  }

  async list(userId: string, query: RatesQuery): Promise<RatesOut> {
    const [date, id] = decodeCursor('rates', query.cursor, ['string', 'string']);
    const after = date === undefined || id === undefined ? undefined : { date, id };
    const rates = await selectRates(this.#database.em(), { userId, query, after });
    const items = rates.slice(0, query.limit);
    const last = items.at(-1);
    return {
      items,
      nextCursor: rates.length > query.limit && last ? encodeCursor('rates', [last.date, last.id]) : null,
    };
  }

  async convert(userId: string, input: RateConvert): Promise<RateConvertOut> {
    const { from, maxAgeDays } = input;
    const em = this.#database.em();
    const to = input.to ?? (await baseCurrencyOf(em, userId));
    const date = input.date ?? (await todayOf(em, userId, this.#clock.now()));
    const book = await loadRateBook(em, this.#database.dialect, { userId, from: [from], to, date, maxAgeDays });
    const conversion = findConversion(book, { from, to, date, maxAgeDays });
    if (!conversion) {
      throw new AppError(
        'RATE_MISSING',
        `There is no rate from ${from} to ${to} on ${date} or in the ${maxAgeDays} days before.`,
        { details: [{ path: 'date', message: 'has no rate; enter or import one' }] },
      );
    }
    const converted = convertUnits(parseMoney(input.amount), conversion);
    return { ...toConversionOut(conversion), date, amount: input.amount, converted: formatMoney(converted) };
  }

  async set(commit: UnitOfWork, owner: RateOwner, input: RateSet): Promise<RateOut> {
    return commit(async (em) => {
      await this.#write(em, owner, { rates: [input], source: 'manual' });
      const rate = await findRate(em, owner, input);
      invariant(rate, 'what was just written is there');
      return rate;
    });
  }

  async import(commit: UnitOfWork, owner: RateOwner, input: RatesImport): Promise<RatesImportOut> {
    const { rates, skipped } = await (input.format === 'ecb'
      ? readEcbRates(input.content)
      : readCsvRates(input.content, input.base));
    // Of two for one day the later line counts; one statement must not hold both.
    const distinct = [...new Map(rates.map((rate) => [`${rate.date} ${rate.base} ${rate.quote}`, rate])).values()];
    if (distinct.length === 0) throw invalidField('content', 'holds no rate');
    return commit(async (em) => {
      await this.#write(em, owner, { rates: distinct, source: input.format });
      const dates = distinct.map(({ date }) => date);
      return {
        imported: distinct.length,
        from: dates.reduce((a, b) => (a < b ? a : b)),
        to: dates.reduce((a, b) => (a > b ? a : b)),
        skipped: [...skipped].map(([currency, count]) => ({ currency, rates: count })),
      };
    });
  }

  async remove(commit: UnitOfWork, owner: RateOwner, id: string): Promise<void> {
    await commit(async (em) => {
      if (!(await deleteRate(em, owner, id))) throw new AppError('NOT_FOUND', 'There is no such rate.');
      return {};
    });
  }

  async #write(
    em: SqlEntityManager,
    owner: RateOwner,
    { rates, source }: { rates: readonly RateSet[]; source: string },
  ): Promise<void> {
    if ((await countRates(em, owner)) + rates.length > RATES_MAX) {
      throw new AppError('CONFLICT', `More than ${RATES_MAX} rates are too many; delete some first.`);
    }
    await upsertRates(em, this.#database.dialect, { owner, rates, source, nowMs: this.#clock.now() });
  }
}
