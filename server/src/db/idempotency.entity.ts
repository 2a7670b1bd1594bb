import { defineEntity, p } from '@mikro-orm/core';
import { epochMsColumn } from './columns.ts';

/** A SHA-256 as 64 lower-case hex digits. */
const digestColumn = () => p.string().length(64);

/** Mutations that were answered under an idempotency key. Neither the key nor the answer can be read from here. */
export const IdempotencyKeySchema = defineEntity({
  name: 'IdempotencyKey',
  tableName: 'idempotency_keys',
  properties: {
    caller: p.string().length(80).primary(),
    keyHash: digestColumn().primary(),
    /** What was asked: the procedure and its input, under the key. */
    requestHash: digestColumn(),
    /** The answer, encrypted under the key; null only inside the transaction that is about to write it. */
    answer: p.string().columnType('mediumtext').nullable(),
    createdAt: epochMsColumn().index(),
  },
});

export const idempotencyEntities = [IdempotencyKeySchema];
