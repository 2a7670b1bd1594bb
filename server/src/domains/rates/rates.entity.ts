import { defineEntity, p } from '@mikro-orm/core';
import { currencyColumn, dateColumn, epochMsColumn, idColumn } from '../../db/index.ts';
import { UserSchema } from '../users/index.ts';

/** What one unit of the base was worth in the quote on a day. `scope` is the person's id, or `all`: a part of a key cannot be null. */
export const ExchangeRateSchema = defineEntity({
  name: 'ExchangeRate',
  tableName: 'exchange_rates',
  indexes: [{ properties: ['scope', 'ratedOn', 'id'] }],
  uniques: [{ properties: ['scope', 'base', 'quote', 'ratedOn'] }],
  properties: {
    id: idColumn().primary(),
    user: () => p.manyToOne(UserSchema).deleteRule('cascade').nullable(),
    scope: idColumn(),
    base: currencyColumn(),
    quote: currencyColumn(),
    ratedOn: dateColumn(),
    /** Decimal text as it was entered: exact, and never summed. */
    rate: p.string().length(30),
    source: p.string().length(8),
    updatedAt: epochMsColumn(),
  },
});

export const rateEntities = [ExchangeRateSchema];
