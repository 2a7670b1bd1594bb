import { defineEntity, p } from '@mikro-orm/core';
import { epochMsColumn } from '../../db/index.ts';
import { UserSchema } from '../users/index.ts';

/** A session. `id` is the SHA-256 of the token as hex, so that who reads the table cannot sign in with it. */
export const SessionSchema = defineEntity({
  name: 'Session',
  tableName: 'sessions',
  properties: {
    id: p.string().length(64).primary(),
    user: () => p.manyToOne(UserSchema).deleteRule('cascade'),
    expiresAt: epochMsColumn().index(),
    createdAt: epochMsColumn(),
  },
});

export const authEntities = [SessionSchema];
