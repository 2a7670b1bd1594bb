import { defineEntity, p } from '@mikro-orm/core';
import { epochMsColumn, idColumn } from '../../db/index.ts';

/** A mail that is to be sent. Its text is written when it is sent, so that no code stands here. */
export const MailSchema = defineEntity({
  name: 'Mail',
  tableName: 'mails',
  properties: {
    id: idColumn().primary(),
    kind: p.string().length(32),
    recipient: p.string().length(254),
    /** What the mail is about, for whom writes its text. */
    reference: idColumn().nullable(),
    createdAt: epochMsColumn().index(),
    /** When to try next; null when it was sent, or is given up. */
    dueAt: epochMsColumn().nullable().index(),
    attempts: p.integer(),
    lastError: p.string().length(200).nullable(),
  },
});

export const mailEntities = [MailSchema];
