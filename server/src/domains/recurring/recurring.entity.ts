import { defineEntity, p } from '@mikro-orm/core';
import { dateColumn, epochMsColumn, idColumn, longTextColumn } from '../../db/index.ts';
import { UserSchema } from '../users/index.ts';

/** A transaction that comes again and again. `nextOn` is the first due date that is neither made nor skipped; `startsOn` moves when the rule changes. */
export const RecurringSchema = defineEntity({
  name: 'Recurring',
  tableName: 'recurring',
  indexes: [{ properties: ['user', 'id'] }, { properties: ['nextOn', 'id'] }],
  properties: {
    id: idColumn().primary(),
    user: () => p.manyToOne(UserSchema).deleteRule('cascade'),
    name: p.string().length(100),
    /** JSON, with all that a transaction may have: its attachments alone may be longer than 65,535 bytes. */
    draft: longTextColumn(),
    rule: p.string().length(300),
    startsOn: dateColumn(),
    endsOn: dateColumn().nullable(),
    count: p.integer().nullable(),
    /** What end and count come to. */
    lastOn: dateColumn().nullable(),
    timeZone: p.string().length(64),
    status: p.string().length(8),
    /** JSON. */
    failure: p.text().nullable(),
    nextOn: dateColumn().nullable(),
    madeCount: p.integer(),
    createdAt: epochMsColumn(),
    updatedAt: epochMsColumn(),
    /** The start that its owner gave, where a new rule has moved `startsOn`. Every rule counts from it. */
    anchorOn: dateColumn().nullable(),
    /** While it is paused: the day of the pause in its time zone. What is due up to then is still made, what is due after it is of the pause. */
    pausedOn: dateColumn().nullable(),
  },
});

/** A due date that was made, skipped, or is owed by an earlier rule: there is never a second row for it, so that it is never made twice. */
export const RecurringDateSchema = defineEntity({
  name: 'RecurringDate',
  tableName: 'recurring_dates',
  properties: {
    recurring: () => p.manyToOne(RecurringSchema).deleteRule('cascade').primary(),
    dueOn: dateColumn().primary(),
    /** Null where the date was skipped or is owed. */
    transactionId: idColumn().nullable(),
    /** 0 where it is owed: due by a rule that the template no longer has, and not done yet. */
    doneAt: epochMsColumn(),
  },
});

export const recurringEntities = [RecurringSchema, RecurringDateSchema];
